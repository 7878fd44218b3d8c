"""A tiny package whose network is written with ONNX alone, so that no PyTorch is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from livesr.segmentation.package import checksum

if TYPE_CHECKING:
    from pathlib import Path

STRUCTURES = ("lipid_droplet", "mitochondria")


def livesr(**changes: object) -> dict[str, Any]:
    """Return a valid ``config.livesr``, with changes."""
    return {
        "format": 1,
        "name": "TINY",
        "dims": "3d",
        "structures": list(STRUCTURES),
        "heads": [
            {"network": "LD", "structures": ["lipid_droplet"], "activation": "sigmoid"},
            {"network": "MITO", "structures": ["mitochondria"], "activation": "sigmoid"},
        ],
        "input": {
            "channels": ["intensity", "ratio"],
            "voxel_um": [0.3, 0.1, 0.1],
            "z_multiple": 4,
            "xy_multiple": 8,
            "halo": [1, 1, 1],
        },
        "thresholds": {"lipid_droplet": 0.5, "mitochondria": 0.4},
        "honest_words": "a test",
        **changes,
    }


def describe(folder: Path, **changes: object) -> dict[str, Any]:
    """Return what of ``rdf.yaml`` livesr reads, for the files in a folder."""

    def file(name: str) -> dict[str, str]:
        return {"source": name, "sha256": checksum(folder / name)}

    sizes = {path.name: path.stat().st_size for path in folder.glob("*") if path.suffix != ".yaml"}
    return {
        "type": "model",
        "format_version": "0.5.12",
        "name": "livesr TINY",
        "description": "a tiny network for tests",
        "license": "BSD-3-Clause",
        "inputs": [{"test_tensor": file("test_input.npy")}],
        "outputs": [{"test_tensor": file("test_output.npy")}],
        "weights": {"onnx": file("model.onnx")},
        "attachments": [file("weights.safetensors")],
        "config": {"livesr": livesr(bytes=sizes, **changes)},
    }


def write_package(folder: Path, kernel: np.ndarray) -> None:
    """Write a package of sigmoid(convolution)."""
    folder.mkdir()
    write_network(folder / "model.onnx", kernel)
    (folder / "weights.safetensors").write_bytes(b"no weights: a test")
    into = np.random.default_rng(60_104).normal(0, 1, (1, 2, 4, 8, 8)).astype(np.float32)
    np.save(folder / "test_input.npy", into)
    np.save(folder / "test_output.npy", np.zeros((1, 2, 4, 8, 8), np.uint8))
    write_rdf(folder, describe(folder))


def write_rdf(folder: Path, content: object) -> None:
    """Write ``rdf.yaml``."""
    (folder / "rdf.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def write_network(path: Path, kernel: np.ndarray, *, as_bytes: bool = True) -> None:
    """Save sigmoid(convolution) as round(255 p)."""
    radius = [k // 2 for k in kernel.shape[2:]]
    constants = {"kernel": kernel, "scale": np.float32(255)}
    nodes = [
        helper.make_node("Conv", ["features", "kernel"], ["logits"], pads=[*radius, *radius]),
        helper.make_node("Sigmoid", ["logits"], ["p"]),
        helper.make_node("Mul", ["p", "scale"], ["scaled"]),
        helper.make_node("Round", ["scaled"], ["rounded"]),
        helper.make_node(
            "Cast",
            ["rounded"],
            ["probability"],
            to=TensorProto.UINT8 if as_bytes else TensorProto.FLOAT,
        ),
    ]
    space = ["z", "y", "x"]
    kind = TensorProto.UINT8 if as_bytes else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2, *space])],
        [helper.make_tensor_value_info("probability", kind, ["n", len(kernel), *space])],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
