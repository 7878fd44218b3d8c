"""From a package back to its network, as it is trained on or as engines run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from livesr.errors import ModelError
from livesr.segmentation.description import MEND
from livesr.segmentation.network.deployed import fold_norm
from livesr.segmentation.network.unet import Architecture, AttentionUNet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from livesr.segmentation.package import Package

_PREFIX, _HALF = "network.", ".half"
"""Around the names of parameters in the graph."""
_DAMAGE = (AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""What PyTorch and ONNX raise for weights that are damaged or of another network."""
MOST_PARAMETERS = 2**28
"""Of a network; a damaged description may ask for more than any memory holds."""


def network_of(package: Package) -> AttentionUNet:
    """Return the network of a package, as further training starts from it.

    Parameters
    ----------
    package : Package

    Raises
    ------
    ModelError
        If the weights are damaged, or of another network than the package says.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    package.verify()
    path = package.safetensors
    try:
        network = _network(package)
        _fill(network, load_file(path), package)
    except (SafetensorError, *_DAMAGE) as problem:
        raise _unfit(package, path, problem) from None
    network.eval()
    return network


def folded_network_of(package: Package) -> AttentionUNet:
    """Return the network with the very numbers of the package's graph, normalisation folded.

    Parameters
    ----------
    package : Package
        Whose files are what it says.

    Raises
    ------
    ModelError
        If the graph is damaged, or of another network than the package says.
    """
    from google.protobuf.message import DecodeError

    try:
        network = fold_norm(_network(package).eval())
        _fill(network, dict(_parameters(package.weights)), package)
    except (DecodeError, *_DAMAGE) as problem:
        raise _unfit(package, package.weights, problem) from None
    network.eval()
    return network


def _fill(network: AttentionUNet, state: dict[str, torch.Tensor], package: Package) -> None:
    """Load parameters; refuse those of another network, and a network of another package."""
    network.load_state_dict(state)
    arch = network.arch
    if arch.outputs != len(package.structures) or arch.inputs != len(package.channels):
        raise ValueError(
            f"it has {arch.inputs} inputs and {arch.outputs} outputs, the package says "
            f"{len(package.channels)} and {len(package.structures)}"
        )


def _network(package: Package) -> AttentionUNet:
    """Return the network that the package describes, without its weights."""
    said = _architecture(package)
    with torch.device("meta"):  # counted before memory is taken
        size = sum(parameter.numel() for parameter in AttentionUNet(said).parameters())
    if size > MOST_PARAMETERS:
        raise ValueError(f"it would have {size:,} parameters")
    return AttentionUNet(said)


def _architecture(package: Package) -> Architecture:
    said: Mapping[str, Any] = package.about.architecture
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in said.items()
    }
    return Architecture(**values)


def _parameters(path: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the parameters that a graph holds, by their names in the network."""
    import onnx
    from onnx import numpy_helper

    for tensor in onnx.load(path).graph.initializer:
        if tensor.name.startswith(_PREFIX):
            values = numpy_helper.to_array(tensor).astype(np.float32)
            name = tensor.name.removeprefix(_PREFIX).removesuffix(_HALF)
            yield name, torch.from_numpy(values)


def _unfit(package: Package, path: Path, problem: Exception) -> ModelError:
    return ModelError(
        f"the weights of package {package.name} fit no network of this livesr: "
        f"{' '.join(str(problem).split())[:300]}",
        where=str(path),
        fix=MEND,
    )
