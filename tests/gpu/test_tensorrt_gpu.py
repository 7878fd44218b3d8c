"""TensorRT and TensorRT-RTX on a real card: the checks that the stand-in passes elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.segmentation.checking import check_package
from livesr.segmentation.engines import ENGINES, choose_engine
from livesr.segmentation.package import load_package, package_names

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gpu

SHAPE = (24, 128, 160)
MOST = 1e-3
"""Share of a mask's voxels that half precision may change; measured on CPUs: 24 in a million."""


@pytest.fixture(params=["tensorrt", "tensorrt-rtx"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("LIVESR_CACHE", str(tmp_path / "plans"))
    name = str(request.param)
    reason = next(row.unavailable() for row in ENGINES if row.name == name)
    if reason is not None:
        pytest.skip(reason)
    return name


def features(channels: int, seed: int = 60_450) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = rng.normal(0, 1, (1, channels, *SHAPE)).cumsum(-1) / 10
    return np.ascontiguousarray(smooth, np.float32)


@pytest.mark.parametrize("name", package_names())
def test_every_package_gives_the_cpus_masks(engine: str, name: str) -> None:
    package = load_package(name)
    x = features(len(package.channels))
    expected = choose_engine("openvino", package, precision="f32").run(x)
    card = choose_engine(engine, package)
    for _ in range(3):  # compiled, captured, launched
        found = card.run(x)
    for k, structure in enumerate(package.structures):
        threshold = package.threshold(structure)
        differ = (found[:, k] >= threshold) != (expected[:, k] >= threshold)
        assert differ.mean() < MOST, structure
    card.close()


def test_the_test_input_in_float32(engine: str) -> None:
    assert check_package(load_package("ALL"), engine).within


def test_fewer_structures(engine: str) -> None:
    package = load_package("ALL")
    x = features(2)
    whole = choose_engine(engine, package).run(x).astype(int)
    wanted = package.structures[::-3]
    found = choose_engine(engine, package, structures=wanted).run(x).astype(int)
    rows = [package.structures.index(name) for name in wanted]
    assert np.abs(found - whole[:, rows]).max() <= 4


def test_networks_take_turns_in_shared_memory(engine: str) -> None:
    networks = [choose_engine(engine, load_package(name)) for name in ("LD", "MITO", "ALL")]
    x = features(2)
    first = [network.run(x).copy() for network in networks]
    again = [network.run(x).copy() for network in networks]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    for network in networks:
        network.close()


def test_a_plan_is_used_again(engine: str, tmp_path: Path) -> None:
    package = load_package("FG")
    told: list[str] = []
    x = features(len(package.channels))
    results = []
    for _ in range(2):
        network = choose_engine(engine, package, progress=told.append)
        results.append(network.run(x).copy())
        network.close()
    assert np.array_equal(*results)
    assert sum("has compiled" in line for line in told) == 1
    assert len(list((tmp_path / "plans").glob("*.plan"))) == 1
