"""The resident way on a real card gives what it gives on the processor; times are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.calibration.warp import ChromaticModel, Warp
from livesr.errors import ModelError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.types import Grid, Normalisation, StackIndex

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("no NVIDIA GPU that PyTorch can use", allow_module_level=True)

from resident_network import Convolution, random_kernel  # noqa: E402 - they need PyTorch
from tiny_network import write_package  # noqa: E402

from livesr.resident import Resident  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.segmentation.package import Package

pytestmark = pytest.mark.gpu

OFFSET = 100.0
NORM = Normalisation(180.0, 0.42)
INDEX = StackIndex(0, 0)
TILTED = ChromaticModel(
    affine=((1.0, 0.0, 0.002, 0.21), (0.0, 1.0004, 0.003, 0.13), (0.0, -0.003, 1.0002, -0.31))
)
FULL = (24, 1200, 1200)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    write_package(tmp_path / "TINY", random_kernel())
    return load_package(tmp_path / "TINY")


@pytest.fixture(autouse=True)
def whole_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def counts(shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = (np.arange(n, dtype=float) for n in shape[-2:])
    light = 90 + 300 * np.clip(np.sin(y[:, None] / 5) * np.cos(x / 7), 0, None) ** 2
    return rng.poisson(np.broadcast_to(light, shape)).astype(np.uint16)


def resident(package: Package, device: str, shape: tuple[int, int, int]) -> Resident:
    grid = Grid(shape, (0.3, 0.0668, 0.0668))
    return Resident(
        Warp(grid, package.voxel_um, {1: TILTED}),
        package,
        Convolution(random_kernel(), device),
        channels=2,
        offset=OFFSET,
        grid=grid,
        structures=package.structures,
        trust=True,
        probabilities=True,
    )


def put(into: Resident, slot: int, data: np.ndarray) -> None:
    for c, z in np.ndindex(data.shape[:2]):
        into.put_plane(slot, c, z, data[c, z])


def test_card_and_processor_agree(package: Package) -> None:
    shape = (7, 203, 181)
    data = counts((2, *shape), 60_480)
    found = []
    for device in ("cpu", "cuda"):
        there = resident(package, device, shape)
        put(there, 0, data)
        found.append(there.segment(0, NORM))
    here, card = found
    assert np.mean(np.abs(here.features.data - card.features.data) > 1e-5) < 1e-3
    assert np.mean(here.probability != card.probability) < 5e-3
    for name, volume in here.masks(INDEX).volumes.items():
        other = card.masks(INDEX).volumes[name]
        dice = 2 * int((volume & other).sum()) / (int(volume.sum()) + int(other.sum()))
        assert dice >= 0.999


def test_stacks_in_flight_on_a_card_do_not_mix(package: Package) -> None:
    shape = (6, 300, 280)
    stacks = [counts((2, *shape), 60_481 + i) for i in range(6)]
    alone = []
    for data in stacks:
        there = resident(package, "cuda", shape)
        put(there, 0, data)
        alone.append(there.segment(0, NORM).packed)
    there = resident(package, "cuda", shape)
    put(there, 0, stacks[0])
    for i, expected in enumerate(alone):
        pending = there.start(i % 2, NORM)
        if i + 1 < len(stacks):
            put(there, (i + 1) % 2, stacks[i + 1])  # while the device is at the one before
        found = pending.result().packed
        for name, bits in expected.items():
            np.testing.assert_array_equal(found[name], bits)


def timed(there: Resident, stacks: list[np.ndarray]) -> tuple[float, float]:
    """Return ms a stack for uploads and warps, and for what is left after the last plane."""
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(3)]
    up, rest = [], []
    for i, data in enumerate(stacks):
        torch.cuda.synchronize()
        marks[0].record()
        put(there, i % 2, data)
        torch.cuda.synchronize()
        marks[1].record()
        pending = there.start(i % 2, NORM)
        torch.cuda.synchronize()
        marks[2].record()
        torch.cuda.synchronize()
        pending.result()
        up.append(marks[0].elapsed_time(marks[1]))
        rest.append(marks[1].elapsed_time(marks[2]))
    return float(np.median(up[1:])), float(np.median(rest[1:]))


def test_times_of_a_full_stack_without_a_network(
    package: Package, capsys: pytest.CaptureFixture[str]
) -> None:
    there = resident(package, "cuda", FULL)
    up, rest = timed(there, [counts((2, *FULL), 60_490)] * 5)
    with capsys.disabled():
        print(f"\nresident, {torch.cuda.get_device_name()}, 2 × 24 × 1200 × 1200:")  # noqa: T201
        print(f"  upload and warp {up:.1f} ms, features to two masks {rest:.1f} ms")  # noqa: T201


def test_times_of_a_full_stack_with_all_fifteen(capsys: pytest.CaptureFixture[str]) -> None:
    package = load_package("ALL")
    try:
        engine = choose_engine("torch", package)
    except ModelError as problem:
        pytest.skip(problem.what)
    if not hasattr(engine, "run_on_device"):
        pytest.skip(f"engine {engine.name} cannot be called on the device")
    grid = Grid(FULL, (0.3, 0.0668, 0.0668))
    there = Resident(
        Warp(grid, package.voxel_um),
        package,
        engine,
        channels=2,
        offset=OFFSET,
        grid=grid,
        structures=package.structures,
        trust=True,
    )
    up, rest = timed(there, [counts((2, *FULL), 60_491)] * 5)
    with capsys.disabled():
        print(f"\nfifteen masks: upload and warp {up:.1f} ms, the rest {rest:.1f} ms")  # noqa: T201
