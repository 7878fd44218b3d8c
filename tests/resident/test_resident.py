"""The resident way gives what the processor's way gives; here it runs on the processor too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from uneven import uneven_camera

from livesr.calibration.warp import ChromaticModel, Warp
from livesr.features import make_features
from livesr.segmentation.quantities import looked_at, measure
from livesr.segmentation.segment import mask_on, network_voxel, probabilities, to_masks
from livesr.types import Features, Grid, Normalisation, StackIndex

torch = pytest.importorskip("torch")

from livesr.resident import Resident  # noqa: E402 - it needs PyTorch
from livesr.resident.features import make_features as on_device  # noqa: E402
from livesr.resident.masks import MaskMaker, packed_bytes, unpacked  # noqa: E402
from livesr.resident.warping import DeviceWarp  # noqa: E402

if TYPE_CHECKING:
    from resident_network import Convolution

    from livesr.segmentation.package import Package
    from livesr.types import ChannelOffset, UInt16

CPU = torch.device("cpu")
OFFSET = 100.3
NORM = Normalisation(intensity=180.0, ratio=0.42)
INDEX = StackIndex(1, 4)
TURNED = ChromaticModel(
    affine=((1.0, 0.0, 0.002, 0.21), (0.0, 1.0004, 0.003, 0.13), (0.0, -0.003, 1.0002, -0.31)),
    polynomial=((0.05, 0.02, 0.0), (0.0, 0.01, -0.02), (0.01, 0.0, 0.03)),
    degree=1,
    radius_um=5.0,
)
SIDEWAYS = ChromaticModel().shifted(0.0, 0.11, -0.07)


@dataclass(frozen=True)
class Case:
    shape: tuple[int, int, int, int] = (2, 6, 90, 107)
    voxel_um: tuple[float, float, float] = (0.3, 0.0668, 0.0668)
    models: dict[int, ChromaticModel] = field(default_factory=dict)
    corrected: bool = False

    @property
    def grid(self) -> Grid:
        return Grid(self.shape[1:], self.voxel_um)

    def warp(self, voxel_um: tuple[float, float, float] = (0.3, 0.1, 0.1)) -> Warp:
        correction = uneven_camera(self.shape) if self.corrected else None
        return Warp(self.grid, voxel_um, self.models, correction)


CASES = {
    "no calibration": Case(),
    "a splitter's": Case(models={1: TURNED}),
    "both channels calibrated": Case(models={0: SIDEWAYS, 1: TURNED}),
    "shifted in the plane alone": Case(models={1: SIDEWAYS}),
    "a corrected camera": Case(models={1: TURNED}, corrected=True),
    "one channel": Case(shape=(1, 6, 90, 107)),
    "a third channel": Case(shape=(3, 6, 90, 107), models={1: TURNED}),
    "a plane": Case(shape=(2, 1, 90, 107), voxel_um=(1.0, 0.0668, 0.0668)),
    "finer planes": Case(shape=(2, 11, 70, 60), voxel_um=(0.2, 0.0668, 0.0668)),
    "coarser planes": Case(shape=(2, 5, 70, 60), voxel_um=(0.45, 0.11, 0.11), models={1: TURNED}),
    "the networks' own voxels": Case(shape=(2, 4, 33, 41), voxel_um=(0.3, 0.1, 0.1)),
}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def counts(shape: tuple[int, ...], seed: int) -> UInt16:
    """Return smooth structure with shot noise, some pixels dark and some full."""
    rng = np.random.default_rng(seed)
    z, y, x = (np.arange(n, dtype=float) for n in shape[1:])
    waves = np.sin(y[:, None] / 5 + z[:, None, None]) * np.cos(x / 7)
    light = 90 + 300 * np.clip(waves, 0, None) ** 2
    data = rng.poisson(np.broadcast_to(light, shape) * rng.uniform(0.5, 1, (shape[0], 1, 1, 1)))
    data[rng.random(shape) < 1e-3] = 65_535
    data[rng.random(shape) < 1e-3] = 0
    return data.astype(np.uint16)


def resident(package: Package, network: Convolution, case: Case, **changes: object) -> Resident:
    voxel_um = network_voxel(package, case.grid)
    settings = {
        "channels": case.shape[0],
        "offset": OFFSET,
        "grid": case.grid,
        "structures": package.structures,
        **changes,
    }
    return Resident(case.warp(voxel_um), package, network, **settings)


def put(into: Resident, slot: int, data: UInt16) -> None:
    for c, z in np.ndindex(data.shape[:2]):
        into.put_plane(slot, c, z, data[c, z])


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.sum(a & b) / max(int(a.sum()) + int(b.sum()), 1))


@pytest.mark.parametrize("shift", [{}, {1: (37, -21, 55)}])
def test_registered_counts_are_the_processors_but_for_a_few_that_round(
    case: Case, shift: ChannelOffset
) -> None:
    data = counts(case.shape, 60_401)
    there = DeviceWarp(case.warp(), case.shape[0], OFFSET, CPU)
    there.shift({1: (-300, 99, 99)})  # forgotten with the next
    there.shift(shift)
    warp = case.warp().shifted(shift)
    moved = torch.empty((*case.shape[:2], *warp.target.shape[1:]))
    for c, z in np.ndindex(case.shape[:2]):
        there.move(c, torch.from_numpy(data[c, z]), moved[c, z])
    found, expected = there.registered(moved).numpy(), warp.apply(data, OFFSET)
    assert found.shape == expected.shape
    difference = np.abs(found - expected)
    assert difference.max() <= 1.001
    assert np.mean(difference > 1e-3) < 1e-3


@pytest.mark.parametrize("channels", [1, 2])
def test_features_of_the_same_counts_are_the_processors(channels: int) -> None:
    case = Case(shape=(channels, 3, 40, 50), voxel_um=(0.3, 0.1, 0.1))
    data = counts(case.shape, 60_402)
    expected = make_features(data, case.warp(), OFFSET, NORM).data
    found = on_device(torch.from_numpy(case.warp().apply(data, OFFSET)), NORM).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_an_unusable_normalisation_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        on_device(torch.ones(2, 1, 2, 2), Normalisation(float("nan"), 1.0))


@pytest.mark.parametrize("z_step", [0.3, 0.2, 0.45])
def test_masks_of_the_same_probabilities_are_the_processors(z_step: float) -> None:
    case = Case(voxel_um=(z_step, 0.0668, 0.0731))
    network = case.warp().target
    rng = np.random.default_rng(60_403)
    probability = rng.integers(0, 256, network.shape, np.uint8)
    packed = torch.empty(packed_bytes(case.grid), dtype=torch.uint8)
    for grid in (case.grid, network):
        packed = torch.empty(packed_bytes(grid), dtype=torch.uint8)
        MaskMaker(network, grid, CPU).pack(torch.from_numpy(probability), 117, packed)
        expected = mask_on(grid, probability, network, 117)
        np.testing.assert_array_equal(unpacked(packed.numpy(), grid), expected)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (1, 4, 8), (3, 7, 11)])
def test_bits_come_back_as_voxels(shape: tuple[int, int, int]) -> None:
    grid = Grid(shape, (0.3, 0.1, 0.1))
    probability = np.random.default_rng(60_404).integers(0, 2, shape, np.uint8)
    packed = torch.full((packed_bytes(grid),), 255, dtype=torch.uint8)
    MaskMaker(grid, grid, CPU).pack(torch.from_numpy(probability), 1, packed)
    np.testing.assert_array_equal(unpacked(packed.numpy(), grid), probability)
    np.testing.assert_array_equal(
        packed.numpy(), np.packbits(probability.ravel(), bitorder="little")
    )


@pytest.mark.parametrize("on_camera_grid", [True, False])
def test_the_whole_way_gives_the_processors_masks(
    package: Package, network: Convolution, case: Case, on_camera_grid: bool
) -> None:
    if case.shape[1] == 1:
        pytest.skip("planes have a test of their own")
    check_whole_way(package, network, case, on_camera_grid=on_camera_grid)


@pytest.mark.parametrize("name", ["a plane", "finer planes", "a splitter's"])
def test_networks_of_planes_see_the_cameras_planes(
    flat_package: Package, kernel: np.ndarray, network: Convolution, name: str
) -> None:
    flat = type(network)(kernel[:, :, 1:2])
    check_whole_way(flat_package, flat, CASES[name], on_camera_grid=True)


def check_whole_way(
    package: Package, network: Convolution, case: Case, *, on_camera_grid: bool
) -> None:
    data = counts(case.shape, 60_405)
    warp = case.warp(network_voxel(package, case.grid))
    grid = case.grid if on_camera_grid else warp.target
    features = make_features(data, warp, OFFSET, NORM)
    probability = probabilities(features, package, network)
    expected = to_masks(probability, package, grid, INDEX)

    there = resident(package, network, case, grid=grid, trust=True, probabilities=True)
    put(there, 0, data)
    found = there.segment(0, NORM)
    masks = found.masks(INDEX)
    assert masks.grid == expected.grid
    assert masks.index == expected.index
    assert list(masks.volumes) == list(expected.volumes)
    for name, volume in expected.volumes.items():
        assert 0.05 < volume.mean() < 0.95
        assert masks.volumes[name].dtype == np.uint8
        assert dice(masks.volumes[name], volume) >= 0.999
    assert np.mean(found.probability != probability) < 1e-3
    measured = measure(data, found.features, case.grid, NORM)
    whole = measure(data, features, case.grid, NORM)
    assert measured == pytest.approx(whole, rel=1e-3, abs=1e-4)


def test_windows_give_the_masks_of_the_whole_field(package: Package, network: Convolution) -> None:
    case = CASES["a splitter's"]
    data = counts(case.shape, 60_406)
    found = []
    for voxels in (2**25, 2500):
        there = resident(package, network, case, max_voxels=voxels, probabilities=True)
        put(there, 0, data)
        found.append(there.segment(0, NORM).probability)
    assert np.abs(found[0].astype(int) - found[1]).max() <= 1
    assert np.mean(found[0] != found[1]) < 1e-3


def test_only_the_structures_asked_for_become_masks(package: Package, network: Convolution) -> None:
    case = Case()
    data = counts(case.shape, 60_407)
    both = resident(package, network, case)
    one = resident(package, network, case, structures=["mitochondria"])
    for there in (both, one):
        put(there, 0, data)
    masks = one.segment(0, NORM).masks(INDEX).volumes
    assert list(masks) == ["mitochondria"]
    expected = both.segment(0, NORM).masks(INDEX).volumes["mitochondria"]
    np.testing.assert_array_equal(masks["mitochondria"], expected)


def test_stacks_in_flight_do_not_mix(package: Package, network: Convolution) -> None:
    case = CASES["a splitter's"]
    stacks = [counts(case.shape, seed) for seed in (60_408, 60_409, 60_410)]
    norms = [NORM, Normalisation(90.0, 0.3), Normalisation(250.0, 0.6)]
    alone = []
    for data, norm in zip(stacks, norms, strict=True):
        there = resident(package, network, case)
        put(there, 0, data)
        alone.append(there.segment(0, norm).packed)
    there = resident(package, network, case)
    for c, z in np.ndindex(case.shape[:2]):  # planes of two stacks in turn
        there.put_plane(0, c, z, stacks[0][c, z])
        there.put_plane(1, c, z, stacks[1][c, z])
    first, second = there.start(0, norms[0]), there.start(1, norms[1])
    put(there, 0, stacks[2])  # goes up while the first is not taken yet
    found = [first.result(), second.result(), there.segment(0, norms[2])]
    for those, expected in zip(found, alone, strict=True):
        for name, bits in expected.items():
            np.testing.assert_array_equal(those.packed[name], bits)
    assert any(np.any(alone[0][name] != alone[1][name]) for name in alone[0])


def test_a_stack_with_a_plane_that_never_came_gets_no_masks(
    package: Package, network: Convolution
) -> None:
    case = Case()
    data = counts(case.shape, 60_411)
    there = resident(package, network, case)
    put(there, 0, data)
    whole = there.segment(0, NORM).packed
    for c, z in list(np.ndindex(case.shape[:2]))[:-1]:
        there.put_plane(0, c, z, data[c, z] + 7)
    assert there.due(0) == {(1, 5)}
    with pytest.raises(ValueError, match=r"did not come.*\(1, 5\)"):
        there.start(0, NORM)
    there.drop(0)
    put(there, 0, data)
    again = there.segment(0, NORM).packed
    assert all(np.array_equal(again[name], bits) for name, bits in whole.items())


def test_a_result_that_was_not_taken_is_not_lost(package: Package, network: Convolution) -> None:
    case = Case()
    there = resident(package, network, case)
    put(there, 0, counts(case.shape, 60_412))
    pending = there.start(0, NORM)
    put(there, 0, counts(case.shape, 60_413))
    with pytest.raises(ValueError, match="not taken"):
        there.start(0, NORM)
    pending.result()
    there.segment(0, NORM)


@pytest.mark.parametrize(
    ("c", "z", "plane", "words"),
    [
        (0, 0, np.zeros((90, 106), np.uint16), "not uint16"),
        (0, 0, np.zeros((90, 107), np.int32), "not uint16"),
        (0, 6, np.zeros((90, 107), np.uint16), "no plane 6"),
        (0, -1, np.zeros((90, 107), np.uint16), "no plane -1"),
    ],
)
def test_what_is_no_plane_of_the_stack_is_refused(
    package: Package, network: Convolution, c: int, z: int, plane: np.ndarray, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        resident(package, network, Case()).put_plane(0, c, z, plane)


@pytest.mark.parametrize("shape", [(24, 90, 60), (8, 200, 70), (2, 40, 40), (1, 50, 33), (3, 2, 9)])
def test_strangeness_reads_no_rows_but_those_it_names(shape: tuple[int, int, int]) -> None:
    data = counts((2, *shape), 60_414)
    grid = Grid(shape, (0.3, 0.1, 0.1))
    features = make_features(data, Warp(grid, (0.3, 0.1, 0.1)), OFFSET, NORM)
    rows = np.ix_(range(2), *looked_at(shape))
    some = np.full_like(features.data, np.nan)
    some[rows] = features.data[rows]
    sparse = Features(some, grid, has_ratio=True)
    assert measure(data, sparse, grid, NORM) == measure(data, features, grid, NORM)
