from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from livesr.data import data_folder
from livesr.segmentation.engines.split_features import seeing_parts, split
from livesr.segmentation.package import package_names

if TYPE_CHECKING:
    from pathlib import Path

MODELS = data_folder("models")


def rounded(values: np.ndarray) -> np.ndarray:
    """Return float32 values as bf16 would hold them, rounded half up."""
    bits = values.view(np.uint32).astype(np.uint64) + 0x8000
    return (bits & 0xFFFF0000).astype(np.uint32).view(np.float32)


def test_the_parts_hold_what_bf16_loses() -> None:
    x = np.random.default_rng(60_140).gamma(2, 0.5, (2, 2, 3, 4, 5)).astype(np.float32)
    parts = split(x)
    assert parts.shape == (2, 4, 3, 4, 5)
    first, rest = parts[:, :2], parts[:, 2:]
    np.testing.assert_array_equal(first + rest, x)
    np.testing.assert_array_equal(rounded(first.copy()), first)
    kept = first + rounded(rest.copy())
    assert np.abs(kept / x - 1).max() < 2.0**-15
    assert np.abs(rounded(x) / x - 1).max() > 2.0**-10


def test_windows_are_split_like_the_whole() -> None:
    whole = np.random.default_rng(60_141).normal(0, 1, (2, 6, 8, 10)).astype(np.float32)
    part = whole[None, :, 1:5, 2:8, 3:7]
    np.testing.assert_array_equal(split(part), split(part.copy()))


@pytest.mark.parametrize("name", package_names())
def test_the_graph_gives_the_same_of_parts(name: str) -> None:
    ort = pytest.importorskip("onnxruntime")
    whole = (MODELS / name / "model.onnx").read_bytes()
    parts = seeing_parts(whole)
    assert parts is not None
    onnx.checker.check_model(onnx.load_from_string(parts))
    x = np.load(MODELS / name / "test_input.npy")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    found = [
        ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        .run(None, {"features": given})[0]
        .astype(int)
        for graph, given in ((whole, x), (parts, split(x)))
    ]
    assert np.abs(found[0] - found[1]).max() <= 1


def test_a_graph_that_begins_in_another_way_is_left_alone(folder: Path) -> None:
    assert seeing_parts((folder / "model.onnx").read_bytes()) is None
