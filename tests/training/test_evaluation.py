from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.analysis.scores import Counts
from livesr.calibration.warp import ChromaticModel, target_grid
from livesr.catalog import NAMES, NETWORKS
from livesr.errors import ConfigError
from livesr.segmentation.package import Description, Package
from livesr.segmentation.segment import coverage
from livesr.simulator.parameters import parameters
from livesr.training.evaluation import (
    RANGES,
    Evaluation,
    SimulatedStack,
    _sources,
    baseline_images,
    evaluate,
    interval,
    simulate,
    simulator_version,
    tune,
)
from livesr.types import Features, Grid

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.types import Float32, UInt8

CAMERA = Grid((8, 48, 48), (0.3, 0.0668, 0.0668))
VOXEL = (0.3, 0.1, 0.1)


def package(tmp_path: object) -> Package:
    about = {
        "format": 1,
        "name": "TOLD",
        "description": "",
        "dims": "3d",
        "structures": NAMES,
        "heads": [
            {"network": n.name, "structures": n.structures, "activation": "sigmoid"}
            for n in NETWORKS.values()
        ],
        "input": {
            "channels": ("intensity", "ratio"),
            "voxel_um": VOXEL,
            "z_multiple": 1,
            "xy_multiple": 1,
            "halo": (0, 0, 0),
        },
        "thresholds": dict.fromkeys(NAMES, 0.5),
        "weights": {"file": "model.onnx", "sha256": "0" * 64},
        "license": "",
        "honest_words": "",
    }
    return Package(tmp_path, Description.model_validate(about))  # type: ignore[arg-type]


class Oracle:
    """An engine that knows the truth, times ``sure``."""

    name = "oracle"

    def __init__(self, stack: SimulatedStack, sure: float = 1.0) -> None:
        network = target_grid(stack.grid, VOXEL)
        self._answer = np.stack(
            [coverage(stack.truth[n].astype(np.uint8), stack.grid, network) * sure for n in NAMES]
        ).astype(np.uint8)[None]

    def run(self, features: Float32) -> UInt8:
        assert features.shape[2:] == self._answer.shape[2:]
        return self._answer

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def stack() -> SimulatedStack:
    """Every structure is a square of its own; light tells only lipid droplets."""
    rng = np.random.default_rng(60_000)
    truth = {}
    for k, name in enumerate(NAMES):
        truth[name] = np.zeros(CAMERA.shape, bool)
        y, x = 12 * (k // 4), 12 * (k % 4)
        truth[name][:, y : y + 11, x : x + 11] = True
    data = rng.integers(100, 130, (2, *CAMERA.shape)).astype(np.uint16)
    data[:, truth["lipid_droplet"]] += 2000
    return SimulatedStack(data, CAMERA, 100.0, ChromaticModel.identity(), truth)


def test_an_oracle_scores_high_and_thresholds_do_not(
    stack: SimulatedStack, tmp_path: object
) -> None:
    evaluation = Evaluation(package(tmp_path), Oracle(stack))  # type: ignore[arg-type]
    evaluation.add(stack)
    evaluation.add(stack)
    result = evaluation.scores()
    assert set(result["structures"]) == set(NAMES)
    for name, scores in result["structures"].items():
        assert scores["f1"] > 0.9
        assert scores["ci95"] == pytest.approx((scores["f1"], scores["f1"]))
        assert (scores["threshold_f1"] > 0.8) == (name == "lipid_droplet")
    assert result["mean_f1"] > 0.9


def test_a_forest_is_scored_beside_the_package(stack: SimulatedStack, tmp_path: object) -> None:
    seen = []

    class Forest:
        def score(self, images: list[Float32], truth: object, grid: Grid) -> None:
            seen.append((len(images), images[0].shape, truth is stack.truth, grid))

        def f1(self, name: str) -> float:
            return 0.01 * NAMES.index(name)

    evaluation = Evaluation(package(tmp_path), Oracle(stack), Forest())  # type: ignore[arg-type]
    evaluation.add(stack)
    assert seen == [(2, CAMERA.shape, True, CAMERA)]
    scores = evaluation.scores()["structures"]
    assert [scores[name]["forest_f1"] for name in NAMES] == [0.01 * k for k in range(15)]


def test_thresholds_follow_the_probabilities(stack: SimulatedStack, tmp_path: object) -> None:
    for sure, low, high in ((1.0, 0.25, 0.6), (0.5, 0.1, 0.3)):
        engine = Oracle(stack, sure)
        chosen = tune(package(tmp_path), engine, [stack])  # type: ignore[arg-type]
        assert all(low <= threshold <= high for threshold in chosen.values()), chosen


def test_baseline_images_lie_on_the_camera() -> None:
    network = target_grid(CAMERA, VOXEL)
    ramp = np.broadcast_to(np.arange(network.shape[2], dtype=np.float32), (2, *network.shape))
    images = baseline_images(Features(ramp.copy(), network, has_ratio=True), CAMERA)
    assert set(images) == {f"{key} {how}" for key in RANGES for how in ("plain", "smooth")}
    for image in images.values():
        assert image.shape == CAMERA.shape
        expected = (np.arange(48) + 0.5) * 0.668 - 0.5
        assert np.allclose(image[0, 24, 8:40], expected[8:40], atol=0.02)


def test_interval_widens_with_cells_that_differ() -> None:
    alike = [Counts(tp=80, fp=20, fn=20)] * 6
    low, high = interval(alike)
    assert low == high == pytest.approx(0.8)
    low, high = interval([Counts(tp=80, fp=20, fn=20), Counts(tp=10, fp=50, fn=50)] * 3)
    assert low < 0.5 < high


def test_simulated_stack_is_what_a_session_would_know() -> None:
    shape = (4, 64, 72)
    one, same = simulate(60_003, shape=shape), simulate(60_003, shape=shape)
    assert one.data.dtype == np.uint16
    assert one.data.shape == (2, *shape)
    assert np.array_equal(one.data, same.data)
    assert one.grid.shape == shape
    assert not one.chromatic.is_identity
    assert set(one.truth) == set(NAMES)


def test_simulator_is_named_by_its_numbers_and_its_program(tmp_path: Path) -> None:
    about = simulator_version()
    assert about["version"] == parameters().version
    assert about["hash"] == parameters().hash()
    other = simulator_version(parameters("oil"))
    assert other["hash"] == parameters("oil").hash() != about["hash"]
    assert other["sources"] == about["sources"]
    hashes = []
    for name, text in (("a.py", b"x = 1\ny = 2\n"), ("a.py", b"x = 1\r\ny = 2\r\n")):
        folder = tmp_path / str(len(hashes))
        (folder / "inner" / "__pycache__").mkdir(parents=True)
        (folder / "inner" / name).write_bytes(text)
        (folder / "inner" / "__pycache__" / "a.pyc").write_bytes(bytes([len(hashes)]))
        hashes.append(_sources(folder))
    assert hashes[0] == hashes[1]
    (folder / "inner" / "a.py").write_bytes(b"x = 1\ny = 3\n")
    assert _sources(folder) != hashes[0]
    (folder / "inner" / "a.py").rename(folder / "a.py")
    (folder / "a.py").write_bytes(b"x = 1\ny = 2\n")
    assert _sources(folder) != hashes[0]


def test_no_seeds_are_refused() -> None:
    with pytest.raises(ConfigError, match="no seeds"):
        evaluate("ALL", [])
