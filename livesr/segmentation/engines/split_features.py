"""Features in two parts, so that a network in bf16 sees them as exactly as one in float32.

bf16 keeps eight bits: rounding the features costs small structures more than all else that a
network rounds (peroxisomes a Dice of 0.004 of 0.006). So a graph gets two images for each: the
first eight bits, and what they leave over. Layers that look at the features have their kernels
twice, and sum both up in float32, as convolutions do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float32

_FIRST_BITS = np.uint32(0xFFFF0000)
"""Sign, exponent and mantissa of a float32 that bf16 keeps."""
_PACKED, _LAST = "livesr.packed", "livesr.last"


def split(features: Float32) -> Float32:
    """Return features (n, C, …) as (n, 2C, …): what bf16 keeps of them, and the rest."""
    n, channels, *space = features.shape
    parts = np.empty((n, 2 * channels, *space), np.float32)
    first, rest = parts[:, :channels], parts[:, channels:]
    np.bitwise_and(features.view(np.uint32), _FIRST_BITS, out=first.view(np.uint32))
    np.subtract(features, first, out=rest)
    return parts


def seeing_parts(serialized: bytes) -> bytes | None:
    """Return a package's graph for features from `split`; None if it begins in another way.

    The graph packs features by space to depth into channels, which the first convolution sees, and
    may join them to what a later one sees (the head).
    """
    import onnx

    model = onnx.load_from_string(serialized)
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    first = next((node for node in graph.node if node.op_type == "Conv"), None)
    packing = None if first is None else makers.get(first.input[0])
    sizes = None if packing is None else _sizes(packing, makers)
    channels = graph.input[0].type.tensor_type.shape.dim[1]
    if first is None or sizes is None or not channels.HasField("dim_value"):
        return None
    heads = _joined(graph, first)
    packed = 4 * channels.dim_value
    kernels = {tensor.name: tensor for tensor in graph.initializer}
    if heads is None or list(_array(kernels.get(sizes.input[1]))) != [packed]:
        return None
    _add(graph, _PACKED, [2 * packed])
    _add(graph, _LAST, [-packed])
    _repack(graph, packing, sizes)
    _double(graph, first, whole=True)
    for head in heads:
        _double(graph, head, whole=False)
    channels.dim_value *= 2
    del graph.value_info[:]
    doubled: bytes = model.SerializeToString()
    return doubled


def _sizes(packing: Any, makers: dict[str, Any]) -> Any:
    """Return the node that lists the sizes of the reshape that packs the features."""
    sizes = makers.get(packing.input[1]) if packing.op_type == "Reshape" else None
    return sizes if sizes is not None and sizes.op_type == "Concat" else None


def _repack(graph: Any, packing: Any, sizes: Any) -> None:
    """Let the reshape give twice the channels; others may use the same sizes."""
    from onnx import helper

    listed = list(sizes.input)
    listed[1] = _PACKED
    node = helper.make_node("Concat", listed, [f"{_PACKED}.sizes"], axis=0)
    graph.node.insert(list(graph.node).index(packing), node)
    packing.input[1] = node.output[0]


def _joined(graph: Any, first: Any) -> list[Any] | None:
    """Return the other convolutions that see the features, last of what is joined for them."""
    name, heads = first.input[0], []
    for node in _users(graph, name):
        if node == first:
            continue
        users = _users(graph, node.output[0])
        last = node.op_type == "Concat" and node.input[-1] == name
        if not last or [user.op_type for user in users] != ["Conv"]:
            return None
        heads += users
    return heads


def _users(graph: Any, name: str) -> list[Any]:
    return [node for node in graph.node if name in node.input]


def _double(graph: Any, convolution: Any, *, whole: bool) -> None:
    """Give the kernel's channels of the features a second time."""
    from onnx import helper

    kernel = convolution.input[1]
    again, both = f"{kernel}.again", f"{kernel}.both"
    at = list(graph.node).index(convolution)
    graph.node.insert(at, helper.make_node("Concat", [kernel, again], [both], axis=1))
    if whole:
        copied = helper.make_node("Identity", [kernel], [again])
    else:
        ends = f"{_LAST}.end"
        if not any(tensor.name == ends for tensor in graph.initializer):
            _add(graph, ends, [np.iinfo(np.int64).max])
            _add(graph, f"{_LAST}.axis", [1])
        copied = helper.make_node("Slice", [kernel, _LAST, ends, f"{_LAST}.axis"], [again])
    graph.node.insert(at, copied)
    convolution.input[1] = both


def _array(tensor: Any) -> Any:
    from onnx import numpy_helper

    return [] if tensor is None else numpy_helper.to_array(tensor)


def _add(graph: Any, name: str, values: list[int]) -> None:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
