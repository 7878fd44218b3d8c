"""A camera that runs for somebody who looks: nothing is recorded, the newest frame counts.

One thread owns the microscope: it takes frames and carries out wishes between two of them. Frames
lie in a slot from which they are pulled; one that nobody took is replaced. The light is on only
while frames are taken, and goes off when nobody has looked for a while.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from livesr.acquisition.layout import frames_per_plane
from livesr.acquisition.shots import Shot, real_time
from livesr.acquisition.troubles import DEVICE_ERRORS
from livesr.config.layouts import SequentialLayout
from livesr.errors import HardwareError, LivesrError
from livesr.latest import Latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymmcore_plus import CMMCorePlus

    from livesr.acquisition.light.rule import Light
    from livesr.config.layouts import Layout
    from livesr.types import UInt16

log = logging.getLogger(__name__)

T = TypeVar("T")

UNSEEN_S = 10.0
"""Nobody took a frame for so long: the light goes off."""
_POLL_S = 0.002
PATIENCE_S = 10.0
_ASK_S = 300.0
_CHANNEL_TAG = "CameraChannelIndex"
_RECENT = 30


class LiveCamera:
    """Runs the camera in a thread of its own; close it, or use it as a context.

    Parameters
    ----------
    light : Light
        Of a microscope that is loaded and set up, which is used by this object's thread alone until
        it is closed.
    layout : Layout
        Whether channels come at once or one after the other.
    unseen_s : float
        Seconds without anybody looking after which the light goes off.
    patience_s : float
        Seconds without a frame, beside five exposures, after which the camera is given up.

    Attributes
    ----------
    shots : Latest of Shot
    error : LivesrError or None
        Why the preview stands still.
    frozen_because : str
        Why nothing is exposed; empty while it is.
    """

    def __init__(
        self,
        light: Light,
        layout: Layout,
        *,
        unseen_s: float = UNSEEN_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.shots: Latest[Shot] = Latest()
        self.error: LivesrError | None = None
        self.frozen_because = "not started"
        self._core, self._layout = light.core, layout
        self._unseen_s, self._patience_s = unseen_s, patience_s
        self._light = light
        self._lively = time.monotonic()
        self._wishes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closing = False
        self._live = False
        self._number = 0
        self._seen = time.monotonic()
        self._came: deque[float] = deque(maxlen=_RECENT)
        self._thread = threading.Thread(target=self._run, name="live-camera", daemon=True)
        self._thread.start()

    def __enter__(self) -> LiveCamera:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # ------------------------------------------------------------- asked by others' threads

    @property
    def silence_s(self) -> float:
        """For how long no frame came while the light is on, s."""
        return time.monotonic() - self._lively if self._light.lit else 0.0

    def start(self) -> None:
        """Let the camera run, the light on."""
        self._wish(lambda: self._set_live(live=True))

    def freeze(self, reason: str = "frozen") -> None:
        """Stop the camera and turn the light off."""
        self._wish(lambda: self._set_live(live=False, reason=reason))

    def take(self) -> Shot | None:
        """Return the newest shot that was not taken yet, if there is one; somebody looks."""
        self._seen = time.monotonic()
        return self.shots.take()

    def change(self, wish: Callable[[CMMCorePlus], None], *, stops: bool = False) -> None:
        """Have something done to the microscope between two frames; an error is told in `error`.

        Parameters
        ----------
        wish : callable
        stops : bool
            The camera must stand still meanwhile.
        """

        def do() -> None:
            with self._standing(stops):
                wish(self._core)

        self._wish(do)

    def set_layout(self, layout: Layout) -> None:
        """Take frames of another layout from now on."""

        def do() -> None:
            with self._standing(stops=True):
                self._layout = layout

        self._wish(do)

    def ask(self, question: Callable[[CMMCorePlus], T], *, stops: bool = True) -> T:
        """Have something done and wait for what it gives; its error is raised here.

        Raises
        ------
        HardwareError
            If the microscope does not answer.
        Exception
            Whatever the question raises.
        """
        answer: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

        def do() -> None:
            try:
                with self._standing(stops):
                    answer.put((True, question(self._core)))
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
                answer.put((False, error))

        self._wish(do)
        try:
            went_well, value = answer.get(timeout=_ASK_S)
        except queue.Empty:
            raise HardwareError(
                "the microscope does not answer",
                where="preview",
                fix="check its cables and power, and start the preview again",
            ) from None
        if not went_well:
            raise value
        result: T = value
        return result

    def close(self) -> None:
        """Stop the camera, turn the light off and end the thread."""
        self._closing = True
        self._wish(lambda: None)
        self._thread.join()

    # --------------------------------------------------------------------- in the own thread

    def _wish(self, wish: Callable[[], None]) -> None:
        self._seen = time.monotonic()
        self._wishes.put(wish)

    def _run(self) -> None:
        speed = real_time(self._core)
        try:
            while not self._closing:
                try:
                    self._obey()
                    if self._live and not self._closing:
                        self._look()
                except LivesrError as error:
                    self._fail(error)
                except DEVICE_ERRORS as error:
                    self._fail(_device_error(error))
        finally:
            self._stop_camera()
            self._light.off()
            speed()

    def _fail(self, error: LivesrError) -> None:
        log.error("%s", error)
        self._set_live(live=False, reason=error.what)
        self.error = error  # whoever sees it finds the sample dark

    def _obey(self) -> None:
        """Carry out what is asked for; wait for it while nothing is exposed."""
        waits = not self._live
        while True:
            try:
                wish = self._wishes.get(timeout=0.2) if waits else self._wishes.get_nowait()
            except queue.Empty:
                return
            waits = False
            wish()

    def _set_live(self, *, live: bool, reason: str = "") -> None:
        if live and not self._live:
            self.error = None
            self.shots.take()  # of the last time, perhaps of another height
            self._seen = time.monotonic()
            self._came.clear()
            self._start_camera()
        elif not live:
            self._stop_camera()
            self._light.off()
        self._live = live
        self.frozen_because = "" if live else reason

    def _standing(self, stops: bool) -> _Standing:
        return _Standing(self, stops=stops and self._live)

    def halt(self) -> None:
        """Stop the camera and darken the sample for a moment (own thread)."""
        self._stop_camera()
        self._light.off()

    def go_on(self) -> None:
        """Go on after `halt` (own thread)."""
        self._start_camera()

    def _start_camera(self) -> None:
        self._lively = time.monotonic()
        self._light.on()
        if not isinstance(self._layout, SequentialLayout):
            self._core.startContinuousSequenceAcquisition(0)

    def _stop_camera(self) -> None:
        try:
            if self._core.isSequenceRunning():
                self._core.stopSequenceAcquisition()
        except DEVICE_ERRORS as error:
            log.warning("the camera could not be stopped: %s", error)

    def _look(self) -> None:
        """Take the newest frame; go dark if nobody looks."""
        if time.monotonic() - self._seen > self._unseen_s:
            self._set_live(live=False, reason=f"nobody looked for {self._unseen_s:g} s: light off")
            return
        images = self._snapped() if self._one_by_one else self._newest()
        if images is None:
            return
        now = self._lively = time.monotonic()
        self._came.append(now)
        self._number += 1
        span = self._came[-1] - self._came[0]
        fps = (len(self._came) - 1) / span if span > 0 else 0.0
        self.shots.put(
            Shot(images, self._number, now, float(self._core.getExposure()), self._position(), fps)
        )

    @property
    def _one_by_one(self) -> bool:
        return isinstance(self._layout, SequentialLayout)

    def _snapped(self) -> tuple[UInt16, ...]:
        """Take each channel by its preset."""
        assert isinstance(self._layout, SequentialLayout)  # noqa: S101 - asked before
        images = []
        for channel in self._layout.channels:
            self._core.setConfig(self._layout.group, channel.config)
            self._core.snapImage()
            images.append(self._core.getImage())
        return tuple(images)

    def _newest(self) -> tuple[UInt16, ...] | None:
        """Return the newest frame of each camera; older ones are thrown away."""
        core, wanted = self._core, frames_per_plane(self._layout)
        newest: dict[int, UInt16] = {}
        patience = self._patience_s + 5 * float(core.getExposure()) / 1000.0
        deadline = time.monotonic() + patience
        while len(newest) < wanted or core.getRemainingImageCount():
            if core.getRemainingImageCount():
                image, tags = core.popNextImageAndMD(fix=False)
                camera = next((int(v) for k, v in tags.items() if k.endswith(_CHANNEL_TAG)), 0)
                newest[camera if wanted > 1 else 0] = image
                continue
            if not self._wishes.empty() and not newest:
                return None
            if not core.isSequenceRunning():
                reason = getattr(core, "sequence_error", "") or "the camera stopped by itself"
                raise HardwareError(
                    f"no more frames: {reason}",
                    where=core.getCameraDevice(),
                    fix="check its cable and power; space starts the preview again",
                )
            if time.monotonic() > deadline:
                raise HardwareError(
                    f"no frame came for {patience:.0f} s",
                    where=core.getCameraDevice(),
                    fix="check the camera's trigger mode: a preview needs internal trigger",
                )
            time.sleep(_POLL_S)
        return tuple(newest[camera] for camera in sorted(newest))

    def _position(self) -> tuple[float, float, float]:
        core = self._core
        x, y = core.getXYPosition() if core.getXYStageDevice() else (0.0, 0.0)
        return (float(x), float(y), float(core.getZPosition()) if core.getFocusDevice() else 0.0)


class _Standing:
    """The camera stands still in this block, if asked for."""

    def __init__(self, camera: LiveCamera, *, stops: bool) -> None:
        self._camera, self._stops = camera, stops

    def __enter__(self) -> None:
        if self._stops:
            self._camera.halt()

    def __exit__(self, *_error: object) -> None:
        if self._stops:
            self._camera.go_on()


def _device_error(error: Exception) -> HardwareError:
    return HardwareError(
        f"a device failed: {error}",
        where="preview",
        fix="check its cable and power; space starts the preview again",
    )
