"""A recording that plays through the same loop as a microscope."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.acquisition.clock import RealClock
from livesr.acquisition.layout import channel_names, frames_per_plane, stored_shape
from livesr.channels import seen_first
from livesr.config.layouts import SingleLayout, check_layout
from livesr.errors import ConfigError
from livesr.storage.recording import open_recording
from livesr.types import Frame, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from livesr.config.session import RecordedInput, Session
    from livesr.flow import StopToken


class RecordedSource:
    """Frames of files, at their own speed or as fast as they can be read.

    The layout says what the files hold: one channel (``single``), channels in their order
    (``sequential`` or ``cameras``), or sensor images of a splitter. Yellow and red are delivered
    first, wherever they stand in the files.

    Parameters
    ----------
    session : Session
        With a recording.

    Raises
    ------
    ConfigError
        If the layout does not fit the files, or a voxel size is not known.
    """

    def __init__(
        self,
        session: Session,
    ) -> None:
        if session.recording is None:
            raise ConfigError("the session has no recording", where="recording")
        given = session.recording
        self._layout = session.layout
        self._done: Collection[StackIndex] = ()
        self._elapsed_s: float | None = None
        self._own_speed = given.speed == "own"
        self._recording = open_recording(
            given.paths,
            axes=given.axes,
            pixel_um=given.pixel_um,
            z_step_um=given.z_step_um,
            interval_s=given.interval_s,
        )
        try:
            self.info = self._describe(given)
        except BaseException:
            self._recording.close()
            raise

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        """Deliver every frame, in the calling thread."""
        clock = RealClock()
        first = True
        for stack in self._stacks():
            due = stack.t * self.info.interval_s
            if first:
                clock.start(due if self._elapsed_s is None else self._elapsed_s)
                first = False
            if stop.stopping or (self._own_speed and not clock.wait_until(due, stop)):
                return
            if stop.pausing:
                stop.hold()
                if stop.stopping:
                    return
                clock.start(due)
            for frame in self.frames(stack, due):
                deliver(frame)
                if stop.now:
                    return

    def resume(self, done: Collection[StackIndex], elapsed_s: float, late_s: float = 0.0) -> None:
        """Leave out stacks, and begin at a time of the session, so much later than planned."""
        self._done, self._elapsed_s = done, elapsed_s - late_s

    def close(self) -> None:
        """Let go of the files."""
        self._recording.close()

    def _stacks(self) -> Iterator[StackIndex]:
        for t in range(self.info.timepoints):
            index = StackIndex(0, t)
            if index not in self._done:
                yield index

    def frames(self, stack: StackIndex, time_s: float) -> Iterator[Frame]:
        """Yield the frames of one stack, in the order in which a camera would give them."""
        for frame in self.places(stack, time_s):
            image = self._recording.plane(stack.t, self._order[frame.c], frame.z)
            yield replace(frame, image=image)

    def places(self, stack: StackIndex, time_s: float) -> Iterator[Frame]:
        """Yield the frames of one stack without their images: nothing is read."""
        _, channels, planes, _, _ = self._recording.shape
        for z in range(planes):
            for c in range(channels):
                yield Frame(
                    image=_NOTHING,
                    stack=stack,
                    z=z,
                    c=c,
                    time_s=time_s,
                    position_um=(0.0, 0.0, z * self.info.z_step_um),
                    exposure_ms=0.0,
                )

    def _channel_names(self, where: str) -> tuple[str, ...]:
        channels = self._recording.shape[1]
        expected = frames_per_plane(self._layout)
        if channels == expected:
            return channel_names(self._layout)
        named = self._recording.channels
        if isinstance(self._layout, SingleLayout) and len(set(named)) == channels:
            return tuple(named)
        raise ConfigError(
            f"the recording has {channels} channels, the layout {self._layout.kind!r} "
            f"expects {expected}",
            where=where,
            fix="use layout {kind: sequential, channels: [{name: yellow, config: ''}, "
            "{name: red, config: ''}]} for two channels, single for one, splitter for sensor "
            "images",
        )

    def _describe(self, given: RecordedInput) -> RecordingInfo:
        timepoints, _, planes, height, width = self._recording.shape
        where = _names(given.paths)
        check_layout(self._layout, (height, width), where=where)
        names = self._channel_names(where)
        self._order = tuple(range(self._recording.shape[1]))
        if len(names) == len(self._order):  # no splitter: the file has the channels
            self._order = seen_first(names)
            names = tuple(names[c] for c in self._order)
        _, y, x = stored_shape(self._layout, (height, width))
        return RecordingInfo(
            channels=names,
            shape=(len(names), planes, y, x),
            timepoints=timepoints,
            positions=1,
            pixel_um=_size(self._recording.pixel_um, "pixel size", "pixel_um", where),
            z_step_um=(
                _size(self._recording.z_step_um, "z step", "z_step_um", where)
                if planes > 1
                else 0.0
            ),
            interval_s=float(self._recording.interval_s or 0.0),
            camera_offset=given.camera_offset,
            microscope=given.name,
            camera=given.camera,
            objective=given.objective,
            simulated=False,
            extra={"recording": [str(path) for path in given.paths], "speed": given.speed},
        )


_NOTHING = np.empty((0, 0), np.uint16)


def _size(value: float | None, what: str, key: str, where: str) -> float:
    if not value or value <= 0:
        raise ConfigError(
            f"the recording does not say its {what}",
            where=where,
            fix=f"give recording.{key} in µm",
        )
    return float(value)


def _names(paths: tuple[Path, ...]) -> str:
    return ", ".join(str(path) for path in paths)
