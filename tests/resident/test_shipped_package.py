"""The fifteen structures of a simulated cell are the same on either way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.calibration.warp import Warp
from livesr.features import estimate_normalisation, make_features
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import probabilities, to_masks
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.stack import simulate_stack
from livesr.types import Grid, StackIndex

torch = pytest.importorskip("torch")

from livesr.resident import Resident  # noqa: E402 - it needs PyTorch

if TYPE_CHECKING:
    from torch import Tensor

    from livesr.segmentation.engines import Engine

SHAPE = (8, 240, 240)
INDEX = StackIndex(0, 0)


class OnProcessor:
    """An engine of the processor, called as one on a device is."""

    device = torch.device("cpu")

    def __init__(self, engine: Engine, structures: tuple[str, ...]) -> None:
        self._engine = engine
        self.structures = structures

    def run_on_device(self, features: Tensor) -> Tensor:
        return torch.from_numpy(self._engine.run(features.numpy()))


def test_masks_of_all_structures_agree() -> None:
    photons, _ = simulate_stack(60_510, shape=SHAPE, center_um=(0.0, 4.0), z_start_um=0.6)
    data = CameraModel().expose(photons, np.random.default_rng(60_510))
    package = load_package("ALL")
    engine = choose_engine("openvino", package, precision="f32")
    grid = Grid(SHAPE, (0.3, 0.0668, 0.0668))
    warp = Warp(grid, package.voxel_um)
    norm = estimate_normalisation(data, grid, 100.0)
    features = make_features(data, warp, 100.0, norm)
    expected = to_masks(probabilities(features, package, engine), package, grid, INDEX)

    there = Resident(
        warp,
        package,
        OnProcessor(engine, package.structures),
        channels=2,
        offset=100.0,
        grid=grid,
        structures=package.structures,
    )
    for c, z in np.ndindex(data.shape[:2]):
        there.put_plane(0, c, z, data[c, z])
    masks = there.segment(0, norm).masks(INDEX)
    present = 0
    for name, volume in expected.volumes.items():
        both, either = int(volume.sum()), int(masks.volumes[name].sum())
        if both >= 100:
            present += 1
            assert 2 * int((volume & masks.volumes[name]).sum()) / (both + either) >= 0.999
    assert present >= 8
