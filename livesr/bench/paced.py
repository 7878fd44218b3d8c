"""A camera without a microscope: frames of known content at a fixed rate, and a session of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from livesr.config import session_from
from livesr.session import Plan
from livesr.types import Frame, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from livesr.stop import StopToken
    from livesr.types import UInt16


class PacedSource:
    """Delivers splitter images (y, 2·x) of a pool, stack after stack without a pause.

    A camera exposes whether or not its images are fetched; they wait in its buffer, and are lost
    once that is full. Here the images come late instead, and what a camera would have lost is
    counted.

    Parameters
    ----------
    pool : ndarray, (n, y, 2·x), uint16
        Images in their order, again from the first after the last.
    planes, timepoints : int
    fps : float
        0: as fast as they are taken.
    buffer : int
        Images that the camera's buffer holds.
    heedless : bool
        Never asks whether a stack may begin.

    Attributes
    ----------
    lost : int
        Images that did not fit the buffer.
    latest : int
        Most images that were in it.
    """

    def __init__(
        self,
        pool: UInt16,
        *,
        planes: int,
        timepoints: int,
        fps: float = 0.0,
        buffer: int = 0,
        heedless: bool = False,
    ) -> None:
        self._heedless = heedless
        self._pool = pool
        self._planes = planes
        self._timepoints = timepoints
        self._fps = fps
        self._buffer = buffer
        self.lost = self.latest = 0

    @property
    def info(self) -> RecordingInfo:
        """What a session writes."""
        _, y, x = self._pool.shape
        return RecordingInfo(
            channels=("yellow", "red"),
            shape=(2, self._planes, y, x // 2),
            timepoints=self._timepoints,
            positions=1,
            pixel_um=0.0668,
            z_step_um=0.3,
            interval_s=0.0,
            camera_offset=100.0,
            microscope="bench",
            camera="bench",
            objective="",
            simulated=True,
        )

    def image(self, t: int, z: int) -> UInt16:
        """Return the image of a time point and plane, (y, 2·x), uint16."""
        image: UInt16 = self._pool[(t * self._planes + z) % len(self._pool)]
        return image

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        """Deliver every image."""
        due = began = time.monotonic()
        for t in range(self._timepoints):
            if not self._heedless and stop.pausing:
                stop.hold()
                due = time.monotonic()
            if stop.stopping:
                return
            for z in range(self._planes):
                if self._fps:
                    due += 1 / self._fps
                    self._wait(due)
                here = (0.0, 0.0, 0.3 * z)
                at = time.monotonic() - began
                deliver(Frame(self.image(t, z), StackIndex(0, t), z, 0, at, here, 1.0))
                if stop.now:
                    return

    def resume(self, done: Collection[StackIndex], elapsed_s: float, late_s: float = 0.0) -> None:
        """Nothing is ever resumed here."""

    def close(self) -> None:
        """Nothing is open."""

    def _wait(self, due: float) -> None:
        late = time.monotonic() - due
        if late < 0:
            time.sleep(-late)
            return
        waiting = int(late * self._fps)
        self.latest = max(self.latest, waiting)
        if self._buffer and waiting > self._buffer:
            self.lost += 1


def noise(count: int, side: int, seed: int = 0) -> UInt16:
    """Return images (count, side, 2·side), uint16, of shot noise over an offset."""
    rng = np.random.default_rng([60_700, seed])
    return (100 + rng.poisson(80.0, (count, side, 2 * side))).astype(np.uint16)


def paced_plan(source: PacedSource, **storage: float) -> Plan:
    """Return a session that stores the source's images and segments nothing.

    Parameters
    ----------
    source : PacedSource
    **storage : float
        Keys of ``storage`` in the session file.
    """
    _, _, y, x = source.info.shape
    session = session_from(
        {
            "name": "bench",
            "layout": {
                "kind": "splitter",
                "channels": [
                    {"name": name, "x": number * x, "y": 0, "width": x, "height": y}
                    for number, name in enumerate(source.info.channels)
                ],
            },
            "calibration": "none",
            "calibration_follow": False,
            "segmentation": {"enabled": False},
            "storage": storage,
        },
        where="bench",
    )
    return Plan(
        session=session,
        source=source,
        networks=None,
        calibration="none",
        models={},
        applies={},
        unreliable=(),
        warnings=(),
        engine="",
        passed_over={},
    )
