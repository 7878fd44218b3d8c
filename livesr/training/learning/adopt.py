"""Weights to begin with: those of a model package, as far as they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from livesr.errors import ModelError
from livesr.segmentation.network.heads import PACKED
from livesr.segmentation.network.loading import network_of
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.segmentation.network.unet import AttentionUNet
    from livesr.training.plan import NetworkPlan


def adopt(network: AttentionUNet, plan: NetworkPlan, name: str) -> list[str]:
    """Copy a package's weights into a network.

    Parameters
    ----------
    network : AttentionUNet
        Changed in place.
    plan : NetworkPlan
        Its plan.
    name : str
        Folder of a package, or a name in ``models/``.

    Returns
    -------
    list of str
        Structures whose outputs begin untrained, because the package does not have them.

    Raises
    ------
    ModelError
        If the package's network is of another form.
    """
    package = load_package(name)
    source = network_of(package)
    ours, theirs = network.arch, source.arch
    same = ("dims", "widths", "head", "inputs")
    if any(getattr(ours, key) != getattr(theirs, key) for key in same):
        shown = [", ".join(f"{key} {getattr(a, key)}" for key in same) for a in (ours, theirs)]
        raise ModelError(
            f"the recipe's network ({shown[0]}) is not of the form of package "
            f"{package.name} ({shown[1]})",
            where="network",
            fix="leave network.widths, network.head and network.dims out of the recipe: they are "
            "then the package's",
        )
    state = source.state_dict()
    rows, new = _rows(plan.structures, package.structures)
    fresh = network.final.state_dict()
    for key in ("weight", "bias"):
        old = state.pop(f"final.{key}")
        value = fresh[key].clone()
        for mine, other in rows:
            value[_packed(mine)] = old[_packed(other)].to(value.dtype)
        state[f"final.{key}"] = value
    network.load_state_dict(
        {k: v.to(torch.float32) if v.is_floating_point() else v for k, v in state.items()}
    )
    return new


def _packed(output: int) -> slice:
    return slice(output * PACKED, (output + 1) * PACKED)


def _rows(ours: Sequence[str], theirs: Sequence[str]) -> tuple[list[tuple[int, int]], list[str]]:
    """Return pairs of outputs that mean the same, and the structures without a partner."""
    pairs = [(k, theirs.index(name)) for k, name in enumerate(ours) if name in theirs]
    return pairs, [name for name in ours if name not in theirs]
