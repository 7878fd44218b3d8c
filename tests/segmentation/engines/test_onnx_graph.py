from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from livesr.data import data_folder
from livesr.segmentation.engines.onnx_graph import narrowed

if TYPE_CHECKING:
    from pathlib import Path


ort = pytest.importorskip("onnxruntime")
ALL = data_folder("models") / "ALL" / "model.onnx"
CHANNELS_EACH = 4


def run(graph: bytes, features: np.ndarray) -> np.ndarray:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"features": features})[0]


@pytest.mark.parametrize("keep", [[3], [14, 0], list(range(14, -1, -1))])
def test_a_subset_is_the_same_outputs_of_the_whole(keep: list[int]) -> None:
    x = np.random.default_rng(60_110).gamma(2, 0.5, (2, 2, 8, 16, 32)).astype(np.float32)
    whole = run(ALL.read_bytes(), x)
    some = narrowed(ALL, 15, keep)
    onnx.checker.check_model(onnx.load_from_string(some))
    np.testing.assert_array_equal(run(some, x), whole[:, keep])


def test_a_package_with_a_softmax_head_gives_some_too() -> None:
    path = data_folder("models") / "PM" / "model.onnx"
    x = np.random.default_rng(60_113).gamma(2, 0.5, (1, 2, 8, 16, 32)).astype(np.float32)
    np.testing.assert_array_equal(run(narrowed(path, 2, [1]), x), run(path.read_bytes(), x)[:, [1]])


def test_what_is_not_asked_for_is_not_computed() -> None:
    graph = onnx.load_from_string(narrowed(ALL, 15, [2, 5])).graph
    inferred = onnx.shape_inference.infer_shapes(
        onnx.load_from_string(narrowed(ALL, 15, [2, 5])), data_prop=True
    ).graph
    last = [node for node in graph.node if node.op_type == "Conv"][-1].output[0]
    shapes = {value.name: value.type.tensor_type.shape for value in inferred.value_info}
    assert shapes[last].dim[1].dim_value == 2 * CHANNELS_EACH
    assert not [node for node in graph.node if "probability" in node.input]


def softmax(path: Path) -> None:
    """Write a network whose three outputs compete."""
    kernel = np.random.default_rng(60_111).normal(0, 1, (3, 2, 1, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["features", "kernel"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["p"], axis=1),
        helper.make_node("Mul", ["p", "scale"], ["scaled"]),
        helper.make_node("Cast", ["scaled"], ["probability"], to=TensorProto.UINT8),
    ]
    space = ["z", "y", "x"]
    graph = helper.make_graph(
        nodes,
        "softmax",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2, *space])],
        [helper.make_tensor_value_info("probability", TensorProto.UINT8, ["n", 3, *space])],
        [
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(np.float32(255), "scale"),
        ],
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)


def test_outputs_that_compete_are_computed_together(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    softmax(path)
    x = np.random.default_rng(60_112).normal(0, 1, (1, 2, 4, 8, 8)).astype(np.float32)
    whole = run(path.read_bytes(), x)
    np.testing.assert_array_equal(run(narrowed(path, 3, [2, 0]), x), whole[:, [2, 0]])


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(ValueError, match="no ONNX graph"):
        narrowed(path, 2, [0])
