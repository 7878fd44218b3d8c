"""Small recordings on disk, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile

from livesr.session import run_session
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session import Plan

PIXEL_UM, Z_UM = 0.1, 0.3
CHANGES = ("segmentation.structures=[er, nucleus]", "storage.keep_free_gib=0")


def options() -> list[str]:
    return [part for change in CHANGES for part in ("--set", change)]


def write_cell(path: Path, *, timepoints: int, seed: int = 60_040, side: int = 64) -> None:
    """Write bright and dim patches that stand in for membranes, in two channels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 800, (timepoints, 1, 8, side // 4, side // 4))
    light = coarse.repeat(4, -1).repeat(4, -2) * np.array([1.0, 0.6])[:, None, None, None]
    data = rng.poisson(light + 20).astype(np.uint16) + np.uint16(100)
    metadata = {
        "axes": "TCZYX",
        "PhysicalSizeX": PIXEL_UM,
        "PhysicalSizeY": PIXEL_UM,
        "PhysicalSizeZ": Z_UM,
        "TimeIncrement": 5.0,
    }
    tifffile.imwrite(path, data, metadata=metadata)


def write_session(folder: Path, plan_of: Callable[..., Plan], positions: int = 1) -> Path:
    """Run a session from memory, as the microscope would."""
    from memory_source import MemorySource

    changes = {"structures": ["er", "nucleus"]}
    plan = plan_of(MemorySource(timepoints=2, positions=positions), segmentation=changes)
    assert run_session(plan, folder).exit_code == 0
    return folder


def raw_of(folder: Path, t: int, image: int = 0) -> np.ndarray:
    reader = open_session(folder).images[image]
    return np.stack([reader.raw(t, c) for c in range(reader.shape[1])])


def masks_of(folder: Path, t: int, image: int = 0) -> dict[str, np.ndarray]:
    reader = open_session(folder).images[image]
    return {name: reader.mask(name, t) for name in reader.structures}
