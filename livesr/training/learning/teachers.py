"""Distillation: networks that were trained before say, beside the truth, what to learn.

A network for one structure learns small vesicles in fewer steps than one for all fifteen. Its
probability is a softer target than the truth: it says how sure one can be. Mixed into the target
it needs no loss of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from livesr.errors import ModelError
from livesr.segmentation.network.heads import PACKED, probabilities
from livesr.segmentation.network.loading import network_of
from livesr.segmentation.package import load_package
from livesr.training.plan import Head

if TYPE_CHECKING:
    from torch import Tensor

    from livesr.segmentation.network.unet import AttentionUNet
    from livesr.training.plan import Recipe


class Teachers:
    """Networks, and which of their outputs teach which of the student's.

    Parameters
    ----------
    recipe : Recipe
        Its ``teachers`` are loaded; those that share no structure with it are refused.
    device : str

    Raises
    ------
    ModelError
        If a teacher cannot be read, sees something else, or teaches nothing.
    """

    def __init__(self, recipe: Recipe, device: str) -> None:
        self._recipe = recipe
        self._share = recipe.teaching
        self._networks: list[tuple[AttentionUNet, tuple[Head, ...], dict[int, int]]] = []
        for name in recipe.teachers:
            package = load_package(name)
            wanted = recipe.network.structures
            pairs = {
                mine: theirs
                for theirs, structure in enumerate(package.structures)
                for mine in [wanted.index(structure) if structure in wanted else -1]
                if mine >= 0
            }
            fits = package.channels == recipe.network.channels
            if not pairs or not fits or package.dims != recipe.network.dims:
                raise ModelError(
                    f"package {package.name} ({package.dims}, {', '.join(package.structures)}) "
                    f"cannot teach {recipe.name} ({recipe.network.dims}, {', '.join(wanted)})",
                    where="teachers",
                    fix="name packages of the same kind that share structures with the recipe",
                )
            network = network_of(package).to(device, memory_format=torch.channels_last_3d).eval()
            heads = tuple(
                Head(h.network, h.structures, h.activation, h.background)
                for h in package.about.heads
            )
            self._networks.append((network, heads, pairs))

    def mixed(self, features: Tensor, target: Tensor) -> Tensor:
        """Return the target, uint8, with the teachers' probability mixed in.

        Parameters
        ----------
        features : Tensor, (n, 2, z, y, x)
        target : Tensor, (n, 4·outputs, z, y/2, x/2), uint8
        """
        if not self._networks:
            return target
        mixed = target.clone()
        for network, heads, pairs in self._networks:
            with torch.no_grad(), torch.autocast(features.device.type, torch.bfloat16):
                said = probabilities(network(features).float(), heads)
            for mine, theirs in pairs.items():
                own = slice(mine * PACKED, (mine + 1) * PACKED)
                p = said[:, theirs * PACKED : (theirs + 1) * PACKED]
                p = unweighted(p, self._recipe.loss.own(self._recipe.network.structures[mine]))
                truth = target[:, own].float()
                mixed[:, own] = (truth + self._share * (255 * p - truth)).round().to(torch.uint8)
        return mixed


def unweighted(p: Tensor, weight: float) -> Tensor:
    """Return what a probability would be, had its structure's own voxels not weighed more."""
    return p / (p + weight * (1 - p))
