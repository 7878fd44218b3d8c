"""What the tests of storage share: a small recording, stacks and masks that depend on t."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.types import Grid, Masks, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from livesr.types import UInt16

SHAPE = (2, 3, 24, 32)
STRUCTURES = ("lipid_droplet", "er", "nucleus")


def make_info(
    *,
    shape: tuple[int, int, int, int] = SHAPE,
    timepoints: int = 5,
    interval_s: float = 30.0,
    z_step_um: float = 0.3,
) -> RecordingInfo:
    """A small simulated recording."""
    return RecordingInfo(
        channels=("yellow", "red")[: shape[0]],
        shape=shape,
        timepoints=timepoints,
        positions=1,
        pixel_um=0.0668,
        z_step_um=z_step_um,
        interval_s=interval_s,
        camera_offset=100.0,
        microscope="simulated",
        camera="simulated",
        objective="60x",
        simulated=True,
    )


def make_stack(t: int, shape: tuple[int, int, int, int] = SHAPE) -> UInt16:
    """A stack of noise that depends on t alone."""
    rng = np.random.default_rng(60_000 + t)
    return rng.integers(100, 4000, shape, dtype=np.uint16)


def make_masks(t: int, grid: Grid, structures: tuple[str, ...] = STRUCTURES) -> Masks:
    """Masks that depend on t and the structure."""
    rng = np.random.default_rng(61_000 + t)
    volumes = {name: rng.integers(0, 2, grid.shape, dtype=np.uint8) for name in structures}
    return Masks(volumes, grid, StackIndex(0, t))


def real_data(name: str) -> Path:
    """Return a folder of real recordings, or skip the test where they are absent."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("LIVESR_TEST_DATA", beside)) / name
    if not folder.is_dir():
        pytest.skip(f"real recordings are not here: {folder} (set LIVESR_TEST_DATA)")
    return folder


def start_python(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python process that can import livesr and this module; its output is a pipe."""
    here = Path(__file__).resolve().parent
    paths = os.pathsep.join([str(here), str(here.parents[1])])
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
