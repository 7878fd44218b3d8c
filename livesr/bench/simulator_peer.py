"""The same optical image by microsim, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livesr.bench import rows as bench_rows
from livesr.errors import ModelError
from livesr.simulator.imaging.optics import PIXEL_UM

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERPRETER = "LIVESR_MICROSIM_PYTHON"
"""Environment variable that names the Python in which microsim is installed."""
INSTALL = (
    "python -m venv microsim && microsim/bin/python -m pip install microsim==0.0.12.post0 "
    f"&& export {INTERPRETER}=$PWD/microsim/bin/python"
)
VOXEL_UM = (0.3, PIXEL_UM, PIXEL_UM)
FINER = 2
"""microsim's truth is this much finer than the image along each axis. On the camera's own voxels it
would put every point at the middle of one, up to 150 nm off in z; its own examples are 8 times
finer."""
TIMEOUT_S = 900


def rows(field: int, planes: int, ours_s: float) -> Iterator[bench_rows.Row]:
    """Compare a stack of a new time point.

    Parameters
    ----------
    field, planes : int
        Pixels along each side, and planes, of both channels.
    ours_s : float
        Seconds that livesr takes, with the cells moved and drawn.
    """
    python = interpreter()
    if python is None:
        yield _row("microsim", ours_s, None, f"the peer is not installed: {INSTALL}")
        return
    # a quarter of the field: the whole of it would need some 20 GB
    part = timed(python, (planes, field // 2, field // 2), FINER)
    yield _row(
        "microsim",
        ours_s,
        4 * part["seconds"],
        f"{_said(part)}; truth {FINER} times finer than the image along each axis, a quarter of "
        "the field timed once and multiplied by 4",
        part["version"],
    )
    whole = timed(python, (planes, field, field), 1)
    yield _row(
        "microsim_coarse",
        ours_s,
        whole["seconds"],
        f"{_said(whole)}; truth on the camera's own voxels: its least, with points up to half a "
        "voxel, 150 nm in z, off; timed once",
        whole["version"],
    )


def _row(
    name: str, ours_s: float, theirs_s: float | None, text: str, version: str = ""
) -> bench_rows.Row:
    return bench_rows.Row(
        name,
        ours_s,
        "s",
        peer=f"microsim {version}".strip(),
        peer_value=theirs_s,
        ratio=theirs_s / ours_s if theirs_s else None,
        detail=text,
    )


def _said(answer: dict[str, Any]) -> str:
    blur = ", ".join(
        f"{name} {1e3 * lateral:.0f}/{1e3 * axial:.0f} nm"
        for name, (lateral, axial) in answer["fwhm_um"].items()
    )
    return (
        "ours moves and draws the cells; microsim is given its sample as arrays and has its "
        f"point-spread functions at hand (confocal, {blur}, window of 6 Airy units), NumPy, "
        f"{os.cpu_count()} FFT workers, one dye a channel"
    )


def interpreter() -> str | None:
    """Return a Python that has microsim, if one is known."""
    if given := os.environ.get(INTERPRETER):
        return given
    return sys.executable if find_spec("microsim") else None


def timed(python: str, shape: tuple[int, int, int], finer: int) -> dict[str, Any]:
    """Return what `livesr.bench.microsim_run` says of one stack.

    Raises
    ------
    ModelError
        If microsim cannot be run.
    """
    task = {"shape": shape, "voxel_um": VOXEL_UM, "finer": finer, "workers": os.cpu_count()}
    script = Path(__file__).with_name("microsim_run.py")
    # isolated: the script's folder has modules named like microsim's own imports
    command = [python, "-I", str(script), json.dumps(task)]
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the user named
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise ModelError(
            f"microsim could not be run: {said[-1] if said else error}",
            where=f"{INTERPRETER}={python}",
            fix=INSTALL,
        ) from error
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
