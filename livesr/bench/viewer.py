"""``livesr bench viewer``: how soon masks are on the screen, pictures a second, flat memory.

The viewer is a program of its own here too: its window without a display, beside a process that
writes a session as a live one does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from livesr.bench.rows import Row, attained
from livesr.catalog import NAMES
from livesr.errors import ConfigError
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, image_path
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Journal
from livesr.storage.labels import LabelWriter
from livesr.types import Masks, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.types import UInt16

SOON_S = 0.5
FPS = 25.0
MOST_MB = 20.0
"""Megabytes for a thousand stacks: what the journal itself takes, held as a viewer holds it."""
_PATIENCE_S = 900.0


@dataclass(frozen=True, slots=True)
class Size:
    """Of the sessions that are watched."""

    field: int = 1200
    planes: int = 24
    stacks: int = 10
    interval_s: float = 3.0
    flip_s: float = 10.0
    long_stacks: int = 2000
    long_interval_s: float = 0.05


def rows(size: Size | None = None) -> Iterator[Row]:
    """Watch a session of the camera's size, and a long one of small stacks."""
    size = size or Size()
    with tempfile.TemporaryDirectory() as folder:
        yield from _large(Path(folder) / "large", size)
    with tempfile.TemporaryDirectory() as folder:
        yield _long(Path(folder) / "long", size)


def _large(folder: Path, size: Size) -> Iterator[Row]:
    stand_in = StandIn(folder, size.field, size.planes, size.stacks)
    stand_in.add()
    watching = _viewer(folder, "follow", _PATIENCE_S)
    flipping = None
    for k in range(1, size.stacks):
        if k == size.stacks // 2:
            flipping = _viewer(folder, "flip", size.flip_s)
        stand_in.add()
        time.sleep(size.interval_s)
    stand_in.finish()
    shown = _answer(watching)["shown"]
    flipped = _answer(flipping or _viewer(folder, "flip", size.flip_s))
    delays = [shown[str(t)] - at for t, at in stand_in.masks_at.items() if str(t) in shown and t]
    shape = f"{size.stacks} stacks of 2 × {size.planes} × {size.field} × {size.field}"
    if delays:
        yield Row(
            "overlay_after_masks_s",
            median(delays),
            "s",
            bound=f"{SOON_S} s",
            attained=attained(median(delays), SOON_S),
            detail=f"{shape}, {len(delays)} of them seen, longest {max(delays):.2f} s",
        )
    fps = float(flipped["fps"])
    yield Row(
        "viewer_fps",
        fps,
        "pictures/s",
        bound=f"{FPS:g} a second",
        attained=min(fps / FPS, 1.0),
        detail=f"planes composed and painted one after the other while the session runs, {shape}",
    )


def _long(folder: Path, size: Size) -> Row:
    stand_in = StandIn(folder, 64, 2, size.long_stacks)
    stand_in.add()
    watching = _viewer(folder, "follow", _PATIENCE_S)
    for _ in range(1, size.long_stacks):
        stand_in.add()
        time.sleep(size.long_interval_s)
    stand_in.finish()
    memory = np.array(_answer(watching)["memory"], float).reshape(-1, 2)
    later = memory[memory[:, 0] >= memory[:, 0].max(initial=0) / 4]
    slope = float(np.polyfit(later[:, 0], later[:, 1], 1)[0]) / 1000 if len(later) > 1 else 0.0
    ends = f"{later[0, 1] / 1e6:.0f} to {later[-1, 1] / 1e6:.0f} MB" if len(later) else "nothing"
    return Row(
        "viewer_memory_slope",
        slope,
        "MB per 1000 stacks",
        bound=f"{MOST_MB:g} MB: the journal itself",
        attained=attained(slope, MOST_MB),
        detail=f"{size.long_stacks} stacks followed to the end; the last three quarters: {ends}",
    )


class StandIn:
    """A session that is written as a live one writes it; its pictures are of no cell.

    Parameters
    ----------
    folder : Path
        Made here.
    field, planes : int
        Pixels along each side, and planes a stack.
    stacks : int
        In all.

    Attributes
    ----------
    masks_at : dict of int to float
        When the masks of each time point were journalled, s since 1970.
    """

    def __init__(self, folder: Path, field: int, planes: int, stacks: int) -> None:
        folder.mkdir(parents=True)
        shape = (2, planes, field, field)
        info = RecordingInfo(
            ("yellow", "red"), shape, stacks, 1, 0.0668, 0.3, 1.0, 100, "", "", "", simulated=True
        )
        settings = yaml.safe_dump({"calibration": "none"})
        (folder / SESSION_FILE).write_text(settings, encoding="utf-8")
        self._journal = Journal(folder / JOURNAL_FILE)
        self._journal.append("session_started", stacks=stacks, package="ALL")
        path = image_path(folder, 0)
        self._raw = ImageWriter.create(path, info, name="image", attributes={})
        self._grid = info.grid
        self._labels = LabelWriter.create(path, NAMES, info.grid, stacks, interval_s=1.0)
        self._stack = _stack(shape)
        self._t = 0
        self.masks_at: dict[int, float] = {}

    def add(self) -> None:
        """Store a stack and its masks."""
        index = StackIndex(0, self._t)
        self._raw.write_raw(self._t, self._stack)
        self._journal.append("stack_stored", index, frames=len(self._stack[0]), time_s=self._t)
        bright = self._stack[0] > np.percentile(self._stack[0, :1, ::4, ::4], 70)
        volumes = {
            name: np.roll(bright, 9 * k, axis=2).astype(np.uint8) for k, name in enumerate(NAMES)
        }
        self._labels.write(self._t, Masks(volumes, self._grid, index))
        self._journal.append("stack_segmented", index, live=True, latency_s=1.0, flags=[])
        self.masks_at[self._t] = time.time()
        self._t += 1

    def finish(self) -> None:
        """End the session."""
        self._journal.append("session_finished", stacks=self._t)
        for part in (self._raw, self._labels, self._journal):
            part.close()


def _stack(shape: tuple[int, int, int, int]) -> UInt16:
    rng = np.random.default_rng(70400)
    coarse = rng.gamma(0.5, 80.0, (*shape[:2], -(-shape[2] // 8), -(-shape[3] // 8)))
    blobs = np.repeat(np.repeat(coarse, 8, axis=2), 8, axis=3)[:, :, : shape[2], : shape[3]]
    return np.asarray(100 + rng.poisson(blobs), np.uint16)


def _viewer(folder: Path, what: str, seconds: float) -> subprocess.Popen[str]:
    """Start a viewer and wait until its window stands."""
    call = [sys.executable, "-m", "livesr.viewer.pace", str(folder), what, str(seconds)]
    process = subprocess.Popen(  # noqa: S603 - our own program
        call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # noqa: S101 - it was asked for
    process.stdout.readline()  # "ready", or nothing if it died
    return process


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    try:
        said, complaint = process.communicate(timeout=_PATIENCE_S)
    finally:
        process.kill()
    if process.returncode != 0:
        last = complaint.strip().splitlines()[-1:] or ["it says nothing"]
        raise ConfigError(
            f"the viewer does not start: {last[0]}",
            where="livesr bench viewer",
            fix="livesr doctor says what it needs",
        )
    answer: dict[str, Any] = json.loads(said)
    return answer
