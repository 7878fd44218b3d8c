"""How much a network computes: multiply-accumulates of its graph."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any

from livesr.errors import ModelError
from livesr.segmentation.engines.openvino_cpu import shared_core

if TYPE_CHECKING:
    from livesr.segmentation.package import Package

PATCH = (24, 256, 256)
"""The paper's patch (z, y, x), for which operations are counted."""


def multiply_accumulates(package: Package, shape: tuple[int, int, int] = PATCH) -> int:
    """Return the multiply-accumulates of one run: of convolutions and matrix products.

    Parameters
    ----------
    package : Package
    shape : tuple of int
        Voxels (z, y, x) of the input, rounded up to the package's multiples.

    Raises
    ------
    ModelError
        If the graph cannot be read.
    """
    sizes = [ceil(n / m) * m for n, m in zip(shape, package.multiple, strict=True)]
    try:
        model = shared_core().read_model(package.weights)
        model.reshape([1, len(package.channels), *sizes])
    except RuntimeError as problem:
        raise ModelError(
            f"the network of {package.name} cannot be read: {str(problem).splitlines()[0]}",
            where=str(package.weights),
            fix=f"livesr models check {package.name}",
        ) from None
    return sum(_of(node) for node in model.get_ops())


def _of(node: Any) -> int:
    """Return the multiply-accumulates of one node of the graph."""
    kind = node.get_type_name()
    if kind not in ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"):
        return 0
    first: list[int]
    second: list[int]
    first, second = (list(node.input(k).get_partial_shape().to_shape()) for k in (0, 1))
    out: list[int] = list(node.output(0).get_partial_shape().to_shape())
    if kind == "Convolution":  # weights: (outputs, inputs, kernel)
        return prod(out) * prod(second[1:])
    if kind == "GroupConvolution":  # (groups, outputs, inputs, kernel)
        return prod(out) * prod(second[2:])
    if kind == "ConvolutionBackpropData":  # (inputs, outputs, kernel)
        return prod(first) * prod(second[1:])
    turned = bool(node.get_attributes().get("transpose_a"))
    return prod(out) * first[-2 if turned else -1]
