"""Packages and engines that know the truth, and a stack of which the truth is plain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import ChromaticModel, target_grid
from livesr.catalog import NAMES, NETWORKS
from livesr.segmentation.description import Description
from livesr.segmentation.package import Package
from livesr.segmentation.segment import coverage
from livesr.training.labelled import LabelledStack
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Float32, UInt8

CAMERA = Grid((8, 48, 48), (0.3, 0.0668, 0.0668))
VOXEL = (0.3, 0.1, 0.1)


def package(*networks: str, name: str = "TOLD", **changes: object) -> Package:
    """Return a package of some of the paper's networks, of all by default."""
    kinds = [NETWORKS[network] for network in networks or NETWORKS]
    structures = tuple(structure for kind in kinds for structure in kind.structures)
    about = {
        "format": 1,
        "name": name,
        "description": "",
        "dims": "3d",
        "structures": structures,
        "heads": [
            {"network": k.name, "structures": k.structures, "activation": "sigmoid"} for k in kinds
        ],
        "input": {
            "channels": ("intensity", "ratio"),
            "voxel_um": VOXEL,
            "z_multiple": 1,
            "xy_multiple": 1,
            "halo": (0, 0, 0),
        },
        "thresholds": dict.fromkeys(structures, 0.5),
        "weights": {"file": "model.onnx", "sha256": "0" * 64},
        "license": "",
        "honest_words": "",
        **changes,
    }
    return Package(Path(name), Description.model_validate(about))


class Oracle:
    """An engine that knows the truth, times ``sure``; it remembers what it was shown."""

    name, precision = "oracle", "f32"

    def __init__(
        self, stack: LabelledStack, sure: float = 1.0, names: Sequence[str] = NAMES
    ) -> None:
        self.structures = tuple(names)
        network = target_grid(stack.grid, VOXEL)
        self._answer = np.stack(
            [coverage(stack.truth[n].astype(np.uint8), stack.grid, network) * sure for n in names]
        ).astype(np.uint8)[None]
        self.seen: list[Float32] = []
        self.opened = self.closed = 0

    def run(self, features: Float32, _out: UInt8 | None = None) -> UInt8:
        assert features.shape[2:] == self._answer.shape[2:]
        self.seen.append(features.copy())
        return self._answer

    def close(self) -> None:
        self.closed += 1


def squares() -> LabelledStack:
    """Every structure is a square of its own; light tells only lipid droplets."""
    rng = np.random.default_rng(60_000)
    truth = {}
    for k, name in enumerate(NAMES):
        truth[name] = np.zeros(CAMERA.shape, bool)
        y, x = 12 * (k // 4), 12 * (k % 4)
        truth[name][:, y : y + 11, x : x + 11] = True
    data = rng.integers(100, 130, (2, *CAMERA.shape)).astype(np.uint16)
    data[:, truth["lipid_droplet"]] += 2000
    return LabelledStack(data, CAMERA, 100.0, ChromaticModel.identity(), truth, "squares")
