"""Chromagnon on the recordings that livesr is calibrated on, in a process of its own.

Chromagnon (A. Matsuda et al., Sci Rep 8:7583, 2018) is no package of an index: its public
repository is cloned and named to Python, see `INSTALL`. It needs ``six`` besides what livesr has,
and no window: a clone as it was in 2026 (0.95a) runs beside NumPy 2. It works as its command line
does by default, with ``--local``: quadrisection phase correlation of projections, one 3D
correlation, then local correlation in windows down to 60 pixels. Its local map is taken as it is:
of its window sizes, 0.95a keeps what the last one found over the one before, not the sum.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from scipy.ndimage import map_coordinates

from livesr.calibration.chromagnon.models import read_chromagnon
from livesr.errors import ModelError

if TYPE_CHECKING:
    from livesr.bench.calibration_case import Recorded
    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Float32, Float64, Grid, UInt16

INSTALL = (
    "git clone https://github.com/macronucleus/Chromagnon && python -m pip install six "
    "&& export PYTHONPATH=$PWD/Chromagnon"
)
TIMEOUT_S = 1800
NAMES = ("yellow", "red")


@dataclass(frozen=True, slots=True)
class Aligned:
    """What Chromagnon makes of a recording.

    Attributes
    ----------
    model : ChromaticModel
        Its global transform.
    local_px : ndarray, (2, y, x), float32, or None
        What its local alignment adds (dy, dx) at each pixel of the reference.
    grid : Grid
    version : str
    global_s, local_s : float
        Seconds until the global transform, and until the local one.
    """

    model: ChromaticModel
    local_px: Float32 | None
    grid: Grid
    version: str
    global_s: float
    local_s: float

    def appear(self, points_um: Float64, *, local: bool = False) -> Float64:
        """Return where points of the reference appear in the other channel.

        Parameters
        ----------
        points_um : ndarray, (n, 3), float64
            As `livesr.bench.calibration_case.Recorded.places_um`.
        local : bool
            With its local alignment, which leaves z as it is.
        """
        affine = np.array(self.model.affine)
        places: Float64 = points_um @ affine[:, :3].T + affine[:, 3]
        if local and self.local_px is not None:
            pixel = np.array(self.grid.voxel_um[1:])
            at = points_um[:, 1:] / pixel + (np.array(self.grid.shape[1:]) - 1) / 2.0
            for axis, layer in enumerate(self.local_px):
                moved = map_coordinates(layer, at.T, order=1, mode="nearest")
                places[:, 1 + axis] += moved * pixel[axis]
        return places


@dataclass(frozen=True, slots=True)
class Residuals:
    """Root mean square of how far beads are from where they were said to appear, nm."""

    xy_nm: float
    z_nm: float

    @classmethod
    def of(cls, said_um: Float64, true_um: Float64) -> Residuals:
        """Return those of places (n, 3)."""
        miss = (said_um - true_um) * 1e3
        lateral, axial = np.sum(miss[:, 1:] ** 2, axis=1), miss[:, 0] ** 2
        return cls(float(np.sqrt(lateral.mean())), float(np.sqrt(axial.mean())))


@dataclass(frozen=True, slots=True)
class Scores:
    """Chromagnon fitted on one recording, on the beads of another; seconds it took."""

    nothing: Residuals
    globally: Residuals
    locally: Residuals
    global_s: float
    local_s: float
    version: str


def missing() -> str | None:
    """Return how to install Chromagnon, or None where it can be run."""
    found = find_spec("Chromagnon")
    # a clone in the working folder is a namespace: it has no file of its own
    if found is None or found.origin is None:
        return f"the peer is not installed: {INSTALL}"
    return None if find_spec("six") else "the peer needs six: python -m pip install six"


def scores(fitted: Recorded, held_out: Recorded, iterations: int = 1) -> Scores | None:
    """Return how well Chromagnon, calibrated on one recording, places the beads of another.

    Parameters
    ----------
    fitted, held_out : Recorded
    iterations : int
        Of its 3D correlation: 1 is its default ("fast"), 10 its most ("best").

    Returns
    -------
    Scores, or None
        None where Chromagnon is not installed.
    """
    if missing():
        return None
    aligned = align(fitted.counts, fitted.grid, iterations=iterations)
    yellow, red = held_out.inside().places_um
    return Scores(
        Residuals.of(yellow, red),
        Residuals.of(aligned.appear(yellow), red),
        Residuals.of(aligned.appear(yellow, local=True), red),
        aligned.global_s,
        aligned.local_s,
        aligned.version,
    )


def align(counts: UInt16, grid: Grid, *, iterations: int = 1) -> Aligned:
    """Let Chromagnon align the second channel to the first.

    Parameters
    ----------
    counts : ndarray, (2, z, y, x), uint16
    grid : Grid
        Of one channel.
    iterations : int
        As for `scores`.

    Raises
    ------
    ModelError
        If Chromagnon cannot be run.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        image = folder / "beads.tif"
        _write(image, counts, grid)
        answer = _run(image, folder, iterations)
        table = folder / "global.chromagnon.csv"
        model = read_chromagnon(table, grid, NAMES)["red"]
        local = np.load(folder / "local.npy")[1]
    # it reads TIFF with the rows from the last to the first
    turned = np.stack([-local[0, ::-1], local[1, ::-1]]).astype(np.float32)
    return Aligned(model, turned, grid, answer["version"], answer["global_s"], answer["local_s"])


def _write(path: Path, counts: UInt16, grid: Grid) -> None:
    """Write the channels as ImageJ does, with the size of the voxels."""
    step, py, px = grid.voxel_um
    tifffile.imwrite(
        path,
        counts.swapaxes(0, 1),
        imagej=True,
        resolution=(1.0 / px, 1.0 / py),
        metadata={"axes": "ZCYX", "spacing": step, "unit": "um"},
    )


def _run(image: Path, folder: Path, iterations: int) -> dict[str, Any]:
    """Return what `livesr.bench.chromagnon_run` says."""
    task = {"image": str(image), "folder": str(folder), "local": True, "iterations": iterations}
    script = Path(__file__).with_name("chromagnon_run.py")
    # -P: the script's folder has modules named like Chromagnon's own imports
    command = [sys.executable, "-P", str(script), json.dumps(task)]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise ModelError(
            f"Chromagnon could not be run: {said[-1] if said else error}",
            where=str(script),
            fix=INSTALL,
        ) from error
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
