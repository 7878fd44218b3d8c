"""The graph that TensorRT is given computes what the package's does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tiny_network import write_network

from livesr.errors import ModelError
from livesr.segmentation.engines.tensorrt.graph import compiled_graph
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.segmentation.package import Package

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
onnxruntime = pytest.importorskip("onnxruntime")

PACKAGES = ("ALL", "ALL2D", "FG", "ER", "LD", "VOLUME")
"""One of each kind: sigmoid and softmax heads, one and many structures, planes and stacks."""


def run(graph: bytes, features: np.ndarray) -> tuple[np.ndarray, float]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    probability, magnitude = session.run(["probability", "magnitude"], {"features": features})
    return probability.astype(int), float(magnitude)


def arrays_of(package: Package) -> tuple[np.ndarray, np.ndarray]:
    into, out = package.test_files()
    return np.load(into), np.load(out).astype(int)


@pytest.mark.parametrize("precision", ["f16", "f32"])
@pytest.mark.parametrize("name", PACKAGES)
def test_masks_stay_the_same(name: str, precision: str) -> None:
    package = load_package(name)
    features, expected = arrays_of(package)
    graph = compiled_graph(package, package.structures, precision)
    onnx.checker.check_model(graph, full_check=True)
    found, magnitude = run(graph, features)
    assert np.abs(found - expected).max() <= (2 if precision == "f16" else 1)
    for k, structure in enumerate(package.structures):
        threshold = package.threshold(structure)
        differ = (found[:, k] >= threshold) != (expected[:, k] >= threshold)
        assert differ.mean() < 1e-3
    assert np.isfinite(magnitude)
    assert 0 < magnitude < 1000


@pytest.mark.parametrize("name", ["ALL", "ER", "VOLUME"])
def test_fewer_structures_in_another_order(name: str) -> None:
    package = load_package(name)
    features, expected = arrays_of(package)
    wanted = package.structures[::-2]
    found, _ = run(compiled_graph(package, wanted, "f16"), features)
    rows = [package.structures.index(structure) for structure in wanted]
    assert np.abs(found - expected[:, rows]).max() <= 2


def types_of(graph: bytes) -> dict[str, Counter[str]]:
    """Return how often each operator gives each type."""
    model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(graph))
    kinds = {v.name: v.type.tensor_type.elem_type for v in model.graph.value_info}
    found: dict[str, Counter[str]] = {}
    for node in model.graph.node:
        kind = onnx.TensorProto.DataType.Name(kinds.get(node.output[0], 0))
        found.setdefault(node.op_type, Counter())[kind] += 1
    return found


def test_the_body_is_half_precision_and_the_tail_is_not() -> None:
    package = load_package("ER")
    found = types_of(compiled_graph(package, package.structures, "f16"))
    for operator in ("Conv", "Relu", "MaxPool", "Resize"):
        assert set(found[operator]) == {"FLOAT16"}, operator
    assert set(found["Softmax"]) == {"FLOAT"}
    assert found["Cast"]["FLOAT16"] == 2  # features, and the bytes before their layout
    assert set(found["ReduceMean"]) == {"FLOAT"}
    single = types_of(compiled_graph(package, package.structures, "f32"))
    assert set(single["Conv"]) == {"FLOAT"}


@pytest.mark.parametrize("scale", range(4))
def test_an_overflow_inside_shows_although_a_relu_hides_it(scale: int) -> None:
    package = load_package("LD")
    model = onnx.load_model_from_string(compiled_graph(package, package.structures, "f16"))
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    name = convolutions[2 * scale].input[2]  # the encoder's biases
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] = np.inf
    bias.CopyFrom(onnx.numpy_helper.from_array(values, name))
    features, _ = arrays_of(package)
    assert not np.isfinite(run(model.SerializeToString(), features)[1])


def test_bytes_are_made_last() -> None:
    package = load_package("ALL")
    for structures in (package.structures, package.structures[:3]):
        model = onnx.load_model_from_string(compiled_graph(package, structures, "f16"))
        makers: list[Any] = [
            node
            for node in model.graph.node
            for attribute in node.attribute
            if node.op_type == "Cast" and attribute.i == onnx.TensorProto.UINT8
        ]
        assert [node.output[0] for node in makers] == ["probability"]


def test_kernels_of_what_is_left_out_are_left_out() -> None:
    package = load_package("ALL")
    model = onnx.load_model_from_string(compiled_graph(package, package.structures[:2], "f16"))
    last = [node for node in model.graph.node if node.op_type == "Conv"][-1]
    kernel = next(t for t in model.graph.initializer if t.name == last.input[1])
    assert kernel.dims[0] == 2 * 4  # depth to space: four channels each
    assert kernel.data_type == onnx.TensorProto.FLOAT16


def test_what_is_no_graph_is_an_error(folder: Path) -> None:
    package = load_package(folder)
    package.weights.write_bytes(b"no graph")
    with pytest.raises(ModelError, match="graph cannot be read"):
        compiled_graph(package, package.structures, "f16")
    package.weights.unlink()
    with pytest.raises(ModelError, match="graph cannot be read"):
        compiled_graph(package, package.structures, "f16")


def test_a_network_of_another_kind_is_refused(folder: Path, kernel: np.ndarray) -> None:
    package = load_package(folder)
    package.weights.write_bytes(b"")
    with pytest.raises(ModelError, match="0 inputs and 0 outputs"):
        compiled_graph(package, package.structures, "f16")
    write_network(package.weights, kernel, as_bytes=False)
    with pytest.raises(ModelError, match="output of type float32"):
        compiled_graph(package, package.structures, "f16")
    write_network(package.weights, kernel[:1])
    with pytest.raises(ModelError, match="1 outputs, not 2"):
        compiled_graph(package, package.structures, "f16")


@pytest.mark.parametrize(("precision", "finite"), [("f16", False), ("f32", True)])
def test_a_single_overflow_shows_in_the_magnitude(
    folder: Path, kernel: np.ndarray, precision: str, finite: bool
) -> None:
    package = load_package(folder)
    write_network(package.weights, kernel)
    graph = compiled_graph(package, package.structures, precision)
    features = np.zeros((1, 2, 4, 8, 8), np.float32)
    features[0, 1, 2, 3, 4] = 6e4  # one voxel
    # ONNX Runtime would compute half precision in float32
    evaluator = reference.ReferenceEvaluator(graph)

    def magnitude() -> np.ndarray:
        with np.errstate(all="ignore"):
            return evaluator.run(["magnitude"], {"features": features})[0]

    assert np.isfinite(magnitude())
    features[0, 1, 2, 3, 4] = 3e5
    assert np.isfinite(magnitude()) == finite
