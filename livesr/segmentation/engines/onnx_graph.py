"""A package's graph with fewer outputs: what is not asked for is not computed.

The last convolution gives the logits of all structures, a few channels each, and nothing behind it
mixes them. So the subset takes its rows of the kernel, and all that follows shrinks with it. A
graph that ends in another way (softmax heads need all their classes) computes everything and
gathers at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.segmentation.engines.refusals import failed, misfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from livesr.segmentation.package import Package

_BROKEN = (LookupError, MemoryError, RecursionError, RuntimeError, TypeError, ValueError)
_APART = frozenset({"Sigmoid", "Mul", "Round", "Cast", "Reshape", "Transpose"})
"""Nodes that may stand behind the last convolution: none of them mixes structures."""
_ROWS, _COUNT = "livesr.rows", "livesr.count"


def check_graph(package: Package) -> None:
    """Refuse what is no whole ONNX graph, before an engine's own parser meets it.

    Raises
    ------
    ModelError
        If it is damaged, breaks ONNX's rules, or keeps its weights in other files: those could be
        any on this machine.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_from_string(package.weights.read_bytes())
        elsewhere = next((t.name for t in _tensors(model.graph) if t.data_location), None)
        if elsewhere is None:
            onnx.checker.check_model(model)
    except (OSError, DecodeError, onnx.checker.ValidationError, *_BROKEN) as problem:
        raise failed(package, "it holds no whole ONNX graph", problem) from None
    if elsewhere is not None:
        raise misfit(package, f"weights in another file ({elsewhere!r:.60})")


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield every tensor of a graph and of what its nodes hold."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def narrowed(path: Path, structures: int, keep: Sequence[int]) -> bytes:
    """Return a package's graph that gives only some of its outputs.

    Parameters
    ----------
    path : Path
        ``model.onnx`` of a package.
    structures : int
        Outputs that it has.
    keep : sequence of int
        Positions of those to keep, in the order that they are given.

    Raises
    ------
    ValueError
        If it is no graph, or has another number of outputs.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path)
    except DecodeError as problem:
        raise ValueError(f"it is no ONNX graph ({problem})") from None
    graph = model.graph
    given = graph.output[0].type.tensor_type.shape.dim[1]
    if given.HasField("dim_value") and given.dim_value != structures:
        raise ValueError(f"it gives {given.dim_value} outputs, not {structures}")
    tail = _tail(graph, structures)
    if tail:
        _narrow(graph, tail, structures, keep)
    else:
        _gather_outputs(graph, keep)
    del graph.value_info[:]  # shapes of the whole
    given.dim_value = len(keep)
    serialized: bytes = model.SerializeToString()
    return serialized


def choosing(path: Path, *, half: bool = False) -> bytes:
    """Return a package's graph with a second input: the positions of the outputs to give.

    Parameters
    ----------
    path : Path
        ``model.onnx`` of a package.
    half : bool
        Whether it takes float16 features.
    """
    import onnx
    from onnx import helper

    model = onnx.load(path)
    graph = model.graph
    output = graph.output[0].name
    whole = f"{output}.all"
    _rename_output(graph, output, whole)
    kept = helper.make_tensor_value_info("structures", onnx.TensorProto.INT64, ["k"])
    graph.input.append(kept)
    graph.node.append(helper.make_node("Gather", [whole, kept.name], [output], axis=1))
    graph.output[0].type.tensor_type.shape.dim[1].dim_param = "k"
    if half:
        _take_half(graph)
    del graph.value_info[:]
    serialized: bytes = model.SerializeToString()
    return serialized


def _take_half(graph: Any) -> None:
    """Cast float16 features to what the graph computes in."""
    import onnx
    from onnx import helper

    name = graph.input[0].name
    full = f"{name}.f32"
    for node in graph.node:
        node.input[:] = [full if one == name else one for one in node.input]
    cast = helper.make_node("Cast", [name], [full], to=onnx.TensorProto.FLOAT)
    graph.node.insert(0, cast)
    graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16


def _rename_output(graph: Any, output: str, name: str) -> None:
    maker = _makers(graph)[output]
    maker.output[:] = [name if one == output else one for one in maker.output]


def _tail(graph: Any, structures: int) -> list[Any]:
    """Return the last convolution and what follows it; nothing if that is of another kind."""
    makers = _makers(graph)
    name = graph.output[0].name
    tail: list[Any] = []
    while name in makers:
        node = makers[name]
        tail.insert(0, node)
        if node.op_type == "Conv":
            return tail
        apart = node.op_type in _APART
        if not apart or (node.op_type == "Reshape" and not _unpacks(node, graph, structures)):
            return []
        name = node.input[0]
    return []


def _unpacks(reshape: Any, graph: Any, structures: int) -> bool:
    """Return whether a reshape's sizes are listed one by one, the structures' number second."""
    sizes = _makers(graph).get(reshape.input[1])
    if sizes is None or sizes.op_type != "Concat":
        return False
    number = _constants(graph).get(sizes.input[1])
    return number is not None and bool(_values(number).tolist() == [structures])


def _narrow(graph: Any, tail: list[Any], structures: int, keep: Sequence[int]) -> None:
    """Take the kept structures' channels of the kernel, and their number in reshapes."""
    convolution, *behind = tail
    makers, constants = _makers(graph), _constants(graph)
    stored = convolution.input[1]
    while stored not in constants:  # a cast stands between
        stored = makers[stored].input[0]
    each = constants[stored].dims[0] // structures
    rows = np.concatenate([np.arange(k * each, (k + 1) * each) for k in keep])
    _add_constant(graph, _ROWS, rows)
    _add_constant(graph, _COUNT, np.array([len(keep)], np.int64))
    at = list(graph.node).index(convolution)
    for k in range(1, len(convolution.input)):  # kernel and bias
        taken = f"{convolution.input[k]}.kept"
        graph.node.insert(at, _gather(convolution.input[k], taken, axis=0))
        convolution.input[k] = taken
    for node in behind:
        if node.op_type == "Reshape":
            makers[node.input[1]].input[1] = _COUNT


def _gather_outputs(graph: Any, keep: Sequence[int]) -> None:
    """Compute all and give some."""
    output = graph.output[0].name
    whole = f"{output}.all"
    _rename_output(graph, output, whole)
    _add_constant(graph, _ROWS, np.asarray(keep, np.int64))
    graph.node.append(_gather(whole, output, axis=1))


def _makers(graph: Any) -> dict[str, Any]:
    """Return each value's node."""
    return {name: node for node in graph.node for name in node.output}


def _constants(graph: Any) -> dict[str, Any]:
    return {tensor.name: tensor for tensor in graph.initializer}


def _values(tensor: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor)


def _add_constant(graph: Any, name: str, values: Any) -> None:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(values, name))


def _gather(source: str, taken: str, axis: int) -> Any:
    from onnx import helper

    return helper.make_node("Gather", [source, _ROWS], [taken], axis=axis)
