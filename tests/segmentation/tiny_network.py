"""A tiny network, written with OpenVINO itself so that no training package is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
from openvino import opset13 as op

from livesr.segmentation.package import checksum

if TYPE_CHECKING:
    from pathlib import Path

STRUCTURES = ("lipid_droplet", "mitochondria")


def describe(weights: Path, **changes: object) -> dict[str, Any]:
    """Return a valid description of the weights, with changes."""
    return {
        "format": 1,
        "name": weights.parent.name,
        "description": "a tiny network for tests",
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
        "weights": {"file": weights.name, "sha256": checksum(weights)},
        "license": "BSD-3-Clause",
        "honest_words": "a test",
        **changes,
    }


def write_network(path: Path, kernel: np.ndarray, *, as_bytes: bool = True) -> None:
    """Save sigmoid(convolution) as round(255 p)."""
    features = op.parameter([-1, 2, -1, -1, -1], np.float32, name="features")
    ones, radius = [1, 1, 1], [k // 2 for k in kernel.shape[2:]]
    logits = op.convolution(features, op.constant(kernel), ones, radius, radius, ones)
    scaled = op.multiply(op.sigmoid(logits), op.constant(np.float32(255)))
    out = op.round(scaled, "half_to_even")
    if as_bytes:
        out = op.convert(out, "u8")
    ov.save_model(ov.Model([out], [features], "tiny"), path, compress_to_fp16=False)
