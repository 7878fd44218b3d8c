"""Roofline: what an engine computes where nothing but arithmetic counts.

A graph of the packages' form, but all of it convolutions 3×3×3 of many channels, on which engines
come closest to what the processor can do. It runs through the same engine as the networks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.segmentation.description import File
from livesr.segmentation.operations import multiply_accumulates
from livesr.segmentation.package import Package, checksum, load_package

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.segmentation.engines import Engine


@dataclass(frozen=True, slots=True)
class Dense:
    """Size of the graph: layers of so many channels, on an input (z, y, x)."""

    channels: int = 64
    layers: int = 4
    shape: tuple[int, int, int] = (16, 128, 128)


def dense_package(folder: Path, size: Dense) -> Package:
    """Write a graph of dense convolutions; it is described as ALL is, but for the graph."""
    import onnx

    like = load_package("ALL")
    path = folder / "model.onnx"
    onnx.save(_graph(len(like.channels), len(like.structures), size), path)
    weights = File(file=path.name, sha256=checksum(path), bytes=path.stat().st_size)
    changes = {"weights": weights, "safetensors": None, "test_input": None, "test_output": None}
    return Package(folder, like.about.model_copy(update=changes))


def attainable(engine: Engine, package: Package, size: Dense, repeats: int) -> float:
    """Return the multiply-accumulates a second of the fastest of some runs."""
    data = np.random.default_rng(0).random((1, len(package.channels), *size.shape), np.float32)
    engine.run(data)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        engine.run(data)
        seconds.append(time.perf_counter() - began)
    return multiply_accumulates(package, size.shape) / min(seconds)


def _graph(inputs: int, outputs: int, size: Dense) -> Any:
    """Return input → convolutions with ReLU → sigmoid → bytes."""
    from onnx import TensorProto, helper

    rng = np.random.default_rng(0)
    nodes, constants = [], []
    name, before = "features", inputs
    for layer in range(size.layers + 1):
        after = size.channels if layer < size.layers else outputs
        kernel = rng.normal(0, (2 / (27 * before)) ** 0.5, (after, before, 3, 3, 3))
        constants.append(_constant(f"kernel{layer}", kernel))
        inner = f"convolved{layer}"
        nodes.append(helper.make_node("Conv", [name, f"kernel{layer}"], [inner], pads=[1] * 6))
        name, before = inner, after
        if layer < size.layers:
            nodes.append(helper.make_node("Relu", [inner], [f"kept{layer}"]))
            name = f"kept{layer}"
    constants.append(_constant("most", np.array(255.0)))
    nodes += [
        helper.make_node("Sigmoid", [name], ["share"]),
        helper.make_node("Mul", ["share", "most"], ["scaled"]),
        helper.make_node("Round", ["scaled"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["probability"], to=TensorProto.UINT8),
    ]
    free = ["n", "z", "y", "x"]
    graph = helper.make_graph(
        nodes,
        "dense",
        [_value("features", TensorProto.FLOAT, [free[0], inputs, *free[1:]])],
        [_value("probability", TensorProto.UINT8, [free[0], outputs, *free[1:]])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _constant(name: str, values: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(values.astype(np.float32), name)


def _value(name: str, kind: int, shape: list[Any]) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, kind, shape)
