"""The graph that TensorRT compiles: a package's own, with the precision written into it.

TensorRT 11 and TensorRT-RTX compute each layer in the type that the graph names, nothing else, and
TensorRT 10 does so when asked. A package's graph stores its weights in half precision and computes
in float32; here what leads to the last convolution becomes half precision, and what makes
probabilities of it stays float32. No second graph has to travel with a package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.engines.onnx_graph import narrowed
from livesr.segmentation.engines.refusals import Tensor, check_contract, failed
from livesr.segmentation.package import positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from livesr.segmentation.package import Package

INPUT = "features"
OUTPUT = "probability"
MAGNITUDE = "magnitude"
"""A second output, one float32: the mean magnitude of what sigmoid or softmax see, and of what is
pooled or enlarged on the way. It is not finite if a single one of them is not: half precision ends
at 65504, and what overflows gives empty or full masks that look like masks. The end alone would not
tell: a ReLU may make zeros of what is no number."""
_VALUES = "values"
"""The probabilities times 255, before they become bytes."""


def compiled_graph(package: Package, structures: Iterable[str], precision: str) -> bytes:
    """Return the ONNX graph that TensorRT is given.

    Parameters
    ----------
    package : Package
    structures : iterable of str
        The outputs, in order; the others are not computed.
    precision : {"f16", "f32"}
        What everything up to the last convolution is computed in.

    Returns
    -------
    bytes
        Input `INPUT` (n, C, z, y, x) float32, outputs `OUTPUT` (n, K, z, y, x) uint8 and
        `MAGNITUDE`, a float32.

    Raises
    ------
    ModelError
        If the package's graph cannot be read, or does not give one of the structures.
    """
    graph = Graph(_loaded(package, list(positions(package, structures).values())))
    logits = graph.lower() if precision == "f16" else graph.logits()
    graph.watch(logits)
    return graph.serialized()


def _loaded(package: Package, keep: list[int]) -> Any:
    """Return the ONNX model with the outputs at ``keep``, and the type of every tensor."""
    import onnx
    from google.protobuf.message import DecodeError

    all_of_them = list(range(len(package.structures)))
    try:
        model = onnx.load(package.weights)
        inputs, outputs = map(_tensors, (model.graph.input, model.graph.output))
        check_contract(package, inputs, outputs, len(all_of_them))
        if keep != all_of_them:
            data = narrowed(package.weights, len(all_of_them), keep)
            model = onnx.load_model_from_string(data)
        return onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except (DecodeError, ValueError, OSError, onnx.shape_inference.InferenceError) as problem:
        raise failed(package, "the graph cannot be read", problem) from None


def _tensors(ends: Iterable[Any]) -> list[Tensor]:
    """Return what engines are told of a graph's inputs or outputs."""
    from onnx import helper

    about = [info.type.tensor_type for info in ends]
    return [
        Tensor(
            helper.tensor_dtype_to_np_dtype(a.elem_type).name if a.elem_type else "unknown",
            tuple(dim.dim_value or None for dim in a.shape.dim),
        )
        for a in about
    ]


class Graph:
    """A package's ONNX graph while it is rewritten.

    The *body* is every node that leads to a convolution, the *tail* everything after the last.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        graph = model.graph
        self._nodes: list[Any] = list(graph.node)
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._types = {tensor.name: tensor.data_type for tensor in graph.initializer}
        for info in (*graph.input, *graph.value_info, *graph.output):
            self._types[info.name] = info.type.tensor_type.elem_type
        self._body = self._leading_to("Conv")
        self._delay_bytes()
        self._fold()

    def serialized(self) -> bytes:
        """Return the graph as ONNX, with the constants that are used."""
        from onnx import TensorProto, helper

        graph = self._model.graph
        self._nodes.append(helper.make_node("Cast", [_VALUES], [OUTPUT], to=TensorProto.UINT8))
        used = {name for node in self._nodes for name in node.input}
        for field in (graph.node, graph.initializer, graph.value_info):
            del field[:]
        graph.node.extend(self._nodes)
        graph.initializer.extend(t for name, t in self._constants.items() if name in used)
        data: bytes = self._model.SerializeToString()
        return data

    def lower(self) -> list[str]:
        """Compute the body in half precision; return the names of its results, in float32."""
        import onnx

        half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
        stored = self._stored_halves()
        nodes: list[Any] = []
        casts: dict[str, str] = {}

        def cast(name: str, to: int) -> str:
            if name not in casts:
                casts[name] = f"{name}.{'f16' if to == half else 'f32'}"
                nodes.append(onnx.helper.make_node("Cast", [name], [casts[name]], to=to))
            return casts[name]

        made = {INPUT: False}
        for node in self._nodes:
            if node.output[0] in stored:
                continue
            inside = node.output[0] in self._body
            for i, name in _numbers(node):
                if self._types.get(name) != single:
                    continue
                if name in stored and inside:
                    node.input[i] = stored[name]
                elif name in self._constants:
                    node.input[i] = self._halved(name) if inside else name
                elif made.get(name, inside) != inside:
                    node.input[i] = cast(name, half if inside else single)
            made |= dict.fromkeys(node.output, inside)
            nodes.append(node)
        self._nodes = nodes
        return [casts[name] for name in casts if casts[name].endswith(".f32")]

    def logits(self) -> list[str]:
        """Return the names of the body's results, which the tail turns into probabilities."""
        single = 1
        return list(
            dict.fromkeys(
                name
                for node in self._nodes
                if node.output[0] not in self._body
                for _, name in _numbers(node)
                if name in self._body and self._types.get(name) == single
            )
        )

    def watch(self, logits: list[str]) -> None:
        """Add the output `MAGNITUDE`: of the logits, and of every scale where it is small."""
        from onnx import TensorProto, helper

        pooled = [node.output[0] for node in self._nodes if node.op_type == "MaxPool"]
        enlarged = [node.input[0] for node in self._nodes if node.op_type == "Resize"]
        means = []
        for name in dict.fromkeys((*logits, *pooled, *enlarged)):
            single, size, mean = (f"{name}.{what}" for what in ("single", "size", "mean"))
            self._nodes += [
                helper.make_node("Cast", [name], [single], to=TensorProto.FLOAT),
                helper.make_node("Abs", [single], [size]),
                helper.make_node("ReduceMean", [size], [mean], keepdims=0),
            ]
            means.append(mean)
        self._nodes.append(helper.make_node("Sum", means, [MAGNITUDE]))
        self._model.graph.output.append(
            helper.make_tensor_value_info(MAGNITUDE, TensorProto.FLOAT, [])
        )

    def _delay_bytes(self) -> None:
        """Make bytes of the probabilities last of all: TensorRT lays out no bytes on the way.

        Half precision holds 0 to 255 exactly.
        """
        from onnx import TensorProto

        for node in self._nodes:
            for attribute in node.attribute if node.op_type == "Cast" else ():
                if attribute.i == TensorProto.UINT8:
                    attribute.i = TensorProto.FLOAT16
        self._rename(OUTPUT, _VALUES)

    def _rename(self, old: str, new: str) -> None:
        """Give what a node makes another name."""
        for node in self._nodes:
            node.output[:] = [new if name == old else name for name in node.output]

    def _leading_to(self, kind: str) -> set[str]:
        """Return the names of all that the nodes of this kind and their inputs give."""
        found: set[str] = set()
        needed: set[str] = set()
        for node in reversed(self._nodes):
            if node.op_type == kind or needed.intersection(node.output):
                found.update(node.output)
                needed.update(node.input)
        return found

    def _stored_halves(self) -> dict[str, str]:
        """Return which constant a weight, widened to float32 for other engines, is stored in."""
        return {
            node.output[0]: node.input[0]
            for node in self._nodes
            if node.op_type == "Cast" and node.input[0] in self._constants
        }

    def _halved(self, name: str) -> str:
        values = self._array(name)
        with np.errstate(over="ignore"):
            halved = values.astype(np.float16)
        if not np.isfinite(halved).all():
            raise ModelError(
                f"the weights {name} reach {np.abs(values).max():.3g}, half precision ends at "
                f"{np.finfo(np.float16).max:.0f}",
                where="segmentation.precision",
                fix="write 'precision: f32'",
            )
        self._constants[f"{name}.f16"] = self._constant(halved, f"{name}.f16")
        return f"{name}.f16"

    def _fold(self) -> None:
        """Take rows of constants now: TensorRT wants kernels that are constants."""
        nodes = []
        for node in self._nodes:
            known = node.op_type == "Gather" and all(map(self._known, node.input))
            if not known:
                nodes.append(node)
                continue
            values, rows = map(self._array, node.input)
            (name,) = node.output
            self._constants[name] = self._constant(values[rows].astype(np.float32), name)
        self._nodes = nodes

    def _known(self, name: str) -> bool:
        return name in self._constants or name in self._stored_halves()

    def _array(self, name: str) -> np.ndarray:
        from onnx import numpy_helper

        tensor = self._constants[self._stored_halves().get(name, name)]
        array: np.ndarray = numpy_helper.to_array(tensor)
        return array

    def _constant(self, values: np.ndarray, name: str) -> Any:
        from onnx import numpy_helper

        return numpy_helper.from_array(np.ascontiguousarray(values), name)


def _numbers(node: Any) -> Iterator[tuple[int, str]]:
    """Return position and name of the inputs that a node computes with.

    A shape is the same in any type, and the factors of a Resize are float32 by definition.
    """
    if node.op_type != "Shape":
        yield from enumerate(node.input[:1] if node.op_type == "Resize" else node.input)
