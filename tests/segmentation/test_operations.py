from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_network import describe, write_rdf

from livesr.errors import ModelError
from livesr.segmentation.operations import multiply_accumulates
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from pathlib import Path


def test_a_convolution_is_counted_by_hand(folder: Path) -> None:
    """Two outputs of two inputs and 27 taps at each voxel; the scale and the sigmoid are free."""
    package = load_package(folder)
    assert multiply_accumulates(package, (4, 8, 16)) == 2 * 2 * 27 * 4 * 8 * 16
    # sizes are rounded up to what the network takes: multiples of (4, 8, 8)
    assert multiply_accumulates(package, (3, 7, 9)) == 2 * 2 * 27 * 4 * 8 * 16


def rewrite(folder: Path, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray]) -> None:
    """Give the package another network from (n, 2, z, y, x) to something of five axes."""
    names = ("n", "z", "y", "x")
    into = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2, *names[1:]])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * 5)
    constants = [numpy_helper.from_array(value, key) for key, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", [into], [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    onnx.save(model, folder / "model.onnx")
    write_rdf(folder, describe(folder))


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(60_000).normal(size=shape).astype(np.float32)


def test_groups_strides_and_transposes(folder: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["features", "a"], ["half"], strides=[2, 2, 2], group=2),
        helper.make_node("ConvTranspose", ["half", "b"], ["out"], strides=[2, 2, 2]),
    ]
    rewrite(folder, nodes, {"a": random(6, 1, 2, 2, 2), "b": random(6, 3, 2, 2, 2)})
    small = 2 * 4 * 8
    # six outputs of one input of their group; then six inputs to three outputs
    expected = small * 6 * 1 * 8 + small * 6 * 3 * 8
    assert multiply_accumulates(load_package(folder), (4, 8, 16)) == expected


@pytest.mark.parametrize("turned", [0, 1])
def test_products_of_matrices(folder: Path, turned: int) -> None:
    order = [0, 1, 2, 4, 3] if turned else [0, 1, 2, 3, 4]
    nodes = [
        helper.make_node("Transpose", ["features"], ["t"], perm=order),
        helper.make_node("MatMul", ["t", "w"], ["out"]),
    ]
    rewrite(folder, nodes, {"w": random(8 if turned else 16, 5)})
    rows, inner = (16, 8) if turned else (8, 16)
    found = multiply_accumulates(load_package(folder), (4, 8, 16))
    assert found == 2 * 4 * rows * inner * 5


def test_a_damaged_graph_is_told(folder: Path) -> None:
    package = load_package(folder)
    package.weights.write_bytes(b"no network")
    with pytest.raises(ModelError, match="cannot be read"):
        multiply_accumulates(package)
