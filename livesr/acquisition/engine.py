"""pymmcore-plus' acquisition engine, with its frames handed to one function.

A frame that does not come is counted, and why. Frames go straight to the consumer, in the thread
that runs the acquisition, so that an error of the consumer ends it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import useq

from livesr.acquisition import focus_lock
from livesr.acquisition.careful import CarefulEngine
from livesr.acquisition.clock import TIME_PROPERTY
from livesr.acquisition.next_stack import allowed_offset
from livesr.acquisition.troubles import DEVICE_ERRORS, ENDS_A_TRY, Kind
from livesr.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from pymmcore_plus import CMMCorePlus
    from pymmcore_plus.core import SequencedEvent
    from pymmcore_plus.mda._protocol import PImagePayload

    from livesr.acquisition.clock import Clock
    from livesr.acquisition.light.rule import Light
    from livesr.acquisition.next_stack import ZOffset
    from livesr.acquisition.plan import PlannedStack
    from livesr.config.limits import Limits
    from livesr.flow import StopToken
    from livesr.types import UInt16

_POLL_S = 0.001
_POLLS_PER_EXPOSURE = 20
_LONGEST_POLL_S = 0.05
_ELAPSED_TAG = "ElapsedTime-ms"
_CHANNEL_TAG = "CameraChannelIndex"
FRAME_TAG = "FrameOfSequence"
"""Tag with a camera's own count of a sequence's exposures, from 0: a lost one leaves a gap."""
DOSE_TAG = "Dose-ms"
"""Tag with the light that the sample received since the session began."""
_SAME_TIME_S = 1e-3
_SPARSE = 64


class StackEngine(CarefulEngine):
    """Runs the exposures of one stack after the other.

    Parameters
    ----------
    core : CMMCorePlus
    clock : Clock
        Tells when an exposure began.
    deliver : callable
        Takes each frame.
    stop : StopToken
        Asked between the frames of a hardware-sequenced stack.
    cameras : tuple of int
        For each camera of Micro-Manager's Multi Camera, in its order, the channel it shows;
        (0,) for one camera.
    patience_s : float
        Longest wait for a frame of a hardware-sequenced stack, beside five exposures.
    light : Light
        Turned on before the first exposure; who runs the engine turns it off.
    limits : Limits
        Where the stages may go.
    z_offset : callable, optional
        Asked before each stack how far above its plan it shall be taken; cut short at the limits.
    logs_lock : bool
        Whether each stack's frames say how the focus lock is.

    Attributes
    ----------
    delivered : set of tuple of int
        Planes and channels (z, c) of this try at the stack.
    light_ms : float
        Their exposures together.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        *,
        clock: Clock,
        deliver: Callable[[Frame], None],
        stop: StopToken,
        cameras: tuple[int, ...],
        patience_s: float,
        light: Light,
        limits: Limits,
        z_offset: ZOffset | None = None,
        logs_lock: bool = False,
    ) -> None:
        super().__init__(core, patience_s, limits)
        self._light = light
        self._z_offset, self._z_limits_um = z_offset, limits.z_um
        self._logs_lock = logs_lock
        self._lock: Mapping[str, object] = {}
        self._clock = clock
        self._deliver = deliver
        self._stop = stop
        self._cameras = cameras
        self._stage_um = (0.0, 0.0, 0.0)
        self._stack: PlannedStack | None = None
        self._sensor = (0, 0)
        self._exposure_ms = 0.0
        self._labels: tuple[str, ...] = ()
        self._before: dict[int, UInt16] = {}
        self._attempt = 0
        self.delivered: set[tuple[int, int]] = set()
        self.light_ms = 0.0
        self.consumer_failed = False

    def begin(
        self, stack: PlannedStack, attempt: int = 0, ending: Collection[Kind] = ENDS_A_TRY
    ) -> None:
        """Count anew: the next events belong to ``stack``.

        Parameters
        ----------
        stack : PlannedStack
        attempt : int
            Which try at it this is, from 0.
        ending : collection of Kind
            Troubles at which the try is over: the light of further exposures would be wasted. A
            repeated image counts as one that never came then.
        """
        self.begin_try(ending)
        if self._z_offset is not None and attempt == 0:
            asked = self._z_offset(stack.index, self._clock.now())
            self.z_offset_um = allowed_offset(stack, asked, self._z_limits_um)
        self._stack, self._attempt = stack, attempt
        self.delivered, self.light_ms = set(), 0.0
        core = self.mmcore
        # asked for now: a camera that fails within the stack must not take along what it delivered
        if not any(self._sensor):  # once: what it says after it was changed is not what is stored
            self._sensor = (core.getImageHeight(), core.getImageWidth())
        self._exposure_ms = float(core.getExposure())
        self._labels = tuple(core.getPhysicalCameraDevice(n) for n in range(len(self._cameras)))
        x, y = core.getXYPosition() if core.getXYStageDevice() else (0.0, 0.0)
        z = core.getZPosition() if core.getFocusDevice() else 0.0
        self._stage_um = (x, y, z)
        self._lock = focus_lock.state(core) if self._logs_lock else {}

    @property
    def stack(self) -> PlannedStack | None:
        """The stack that is being taken."""
        return self._stack

    @property
    def _present(self) -> PlannedStack:
        if self._stack is None:
            raise RuntimeError("a frame came before its stack was begun")
        return self._stack

    @property
    def sensor(self) -> tuple[int, int]:
        """Shape (y, x) of the camera's images."""
        return self._sensor

    @property
    def stage_um(self) -> tuple[float, float, float]:
        """Where (x, y, z) the stages stood when the stack began."""
        return self._stage_um

    @property
    def cameras(self) -> tuple[str, ...]:
        """Labels of the physical cameras."""
        return self._labels

    def exec_event(self, event: useq.MDAEvent) -> Iterator[PImagePayload | None]:
        """Carry out an event; a device that fails is noted, the consumer's errors are not held."""
        try:
            if not isinstance(event.action, useq.HardwareAutofocus):
                self._light.on()
            yield from super().exec_event(event)
        except DEVICE_ERRORS as error:
            if self.consumer_failed:
                raise
            self.note(Kind.DEVICE_ERROR, error, self.mmcore.getCameraDevice(), raised=True)

    def exec_single_event(self, event: useq.MDAEvent) -> Iterator[PImagePayload | None]:
        """Expose once, on every camera."""
        core = self.mmcore
        began = self._clock.now()
        try:
            core.snapImage()
            images = [core.getImage(camera) for camera in range(len(self._cameras))]
        except DEVICE_ERRORS as error:
            self.note(Kind.FRAME_LOST, error, core.getCameraDevice(), raised=True)
            return
        if not event.keep_shutter_open and self._autoshutter_was_set:
            core.setShutterOpen(False)
        for camera, image in enumerate(images):
            if payload := self._hand_on(image, event, camera, began, {}):
                yield payload

    def exec_sequenced_event(self, event: SequencedEvent) -> Iterator[PImagePayload | None]:  # type: ignore[override]  # a generator is what the runner needs
        """Let the devices trigger each other through a stack, and collect its frames."""
        core = self.mmcore
        began = self._clock.now()
        core.startSequenceAcquisition(len(event.events), 0, True)
        taken = [0] * len(self._cameras)
        waiting: dict[tuple[int, int], tuple[UInt16, Mapping[str, str]]] = {}
        due = [(n, camera) for n in range(len(event.events)) for camera in range(len(taken))]
        left = set(due)
        try:
            for image, tags in self._pop_frames(event, len(due)):
                camera = _camera_of(tags)
                number = int(tags.get(FRAME_TAG, taken[camera]))
                taken[camera] += 1
                if not self._is_new((number, camera), left, tags, began):
                    continue
                left.remove((number, camera))
                waiting[number, camera] = (image, tags)
                while due and due[0] in waiting and not self._stop.now:
                    yield from self._next(event, due.pop(0), waiting, began)
        finally:
            if self._light.lost:
                self._light.off()
            self._end_sequence(whole=not left)
        for place in () if self._stop.now else sorted(waiting):
            yield from self._next(event, place, waiting, began)

    def _is_new(
        self,
        place: tuple[int, int],
        left: set[tuple[int, int]],
        tags: Mapping[str, str],
        began: float,
    ) -> bool:
        """Return whether a frame is one that was still to come; note why not."""
        if float(tags.get(TIME_PROPERTY, began)) < began - _SAME_TIME_S:
            self._lost("an image of an earlier stack came again")
            return False
        if place not in left:
            self._lost(f"the camera's image {place[0]} came again")
            return False
        return True

    def _next(
        self,
        event: SequencedEvent,
        place: tuple[int, int],
        waiting: dict[tuple[int, int], tuple[UInt16, Mapping[str, str]]],
        began: float,
    ) -> Iterator[PImagePayload]:
        """Hand on the frame of a place, (number in its sequence, camera)."""
        number, camera = place
        image, tags = waiting.pop(place)
        if payload := self._hand_on(image, event.events[number], camera, began, tags):
            yield payload

    def _pop_frames(
        self, event: SequencedEvent, expected: int
    ) -> Iterator[tuple[UInt16, Mapping[str, str]]]:
        core = self.mmcore
        patience = self._frame_timeout(event)
        deadline = time.monotonic() + patience
        pause = max(_POLL_S, self._exposure_ms / 1000.0 / _POLLS_PER_EXPOSURE)
        popped = 0
        while popped < expected and not (self._stop.now or self.over):
            # asked in this order: a frame may come between the two questions
            running = core.isSequenceRunning()
            if self._light.lost and self._darken(exposing=running):
                break
            if core.getRemainingImageCount():
                image, tags = core.popNextImageAndMD(fix=False)  # fixing colours asks the camera
                yield image, dict(tags)
                popped += 1
                deadline = time.monotonic() + patience
            elif not running:
                reason = getattr(core, "sequence_error", "")  # of a camera written in Python
                ended = f"the camera ended after {popped} of {expected} images"
                self._lost(reason or ended, raised=bool(reason))
                break
            elif time.monotonic() > deadline:
                self.note(Kind.CAMERA_STALL, f"no frame came for {patience:g} s", self._camera())
                break
            else:
                time.sleep(min(pause, _LONGEST_POLL_S))
        if core.isBufferOverflowed():
            self._lost("the camera's buffer overflowed")

    def _darken(self, *, exposing: bool) -> bool:
        """Switch the light off, unwatched as it is; return whether frames are lost by that."""
        self._light.off()
        if exposing:
            self.note(Kind.DEVICE_ERROR, "the light's supervisor died", "supervisor")
        return exposing

    def _lost(self, what: str, *, raised: bool = False) -> None:
        self.note(Kind.FRAME_LOST, what, self._camera(), raised=raised)

    def _camera(self) -> str:
        return "+".join(self._labels)

    def _frame_timeout(self, event: useq.MDAEvent) -> float:
        exposure_s = float(event.exposure or self._exposure_ms) / 1000.0
        return max(self.timeout_base, exposure_s * self.timeout_multiplier)

    def _end_sequence(self, *, whole: bool) -> None:
        """Stop the camera; after a whole sequence it needs a moment to stop by itself."""
        core = self.mmcore
        deadline = time.monotonic() + (1.0 if whole else 0.0)
        while core.isSequenceRunning() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if core.isSequenceRunning():
            core.stopSequenceAcquisition()

    def _hand_on(
        self,
        image: UInt16,
        event: useq.MDAEvent,
        camera: int,
        began: float,
        tags: Mapping[str, str],
    ) -> PImagePayload | None:
        """Deliver a frame; one of another shape than the stack's is noted as a fault instead."""
        if image.shape != self._sensor:
            (height, width), (rows, columns) = image.shape, self._sensor
            what = f"an image has {height}×{width} pixels (y, x), expected {rows}×{columns}"
            self.note(Kind.WRONG_SHAPE, what, self._labels[camera])
            return None
        repeats = self._is_repeat(image, camera)
        if repeats:
            what = f"plane {self._present.plane(event)}: the image equals the one before it"
            self.note(Kind.FRAME_REPEATED, what, self._labels[camera])
            if Kind.FRAME_REPEATED in self._ending:
                return None
        frame = self._frame(image, event, camera, began, tags, repeats=repeats)
        try:
            self._deliver(frame)
        except BaseException:
            self.consumer_failed = True
            raise
        self.delivered.add((frame.z, frame.c))
        self.light_ms += frame.exposure_ms
        return (image, event, dict(frame.device))  # type: ignore[return-value]  # plain metadata: nobody but the signal's listeners sees it

    def _frame(
        self,
        image: UInt16,
        event: useq.MDAEvent,
        camera: int,
        began: float,
        tags: Mapping[str, str],
        *,
        repeats: bool,
    ) -> Frame:
        stack = self._present
        exposure = float(event.exposure or self._exposure_ms)
        device: dict[str, Any] = {
            "camera": self._labels[camera],
            "triggered": bool(tags),
        }
        if DOSE_TAG in tags:
            device["dose_ms"] = float(tags[DOSE_TAG])
        if event.channel is not None:
            device["preset"] = event.channel.config
        if repeats:
            device["repeats"] = True
        device |= self._lock
        return Frame(
            image=image,
            stack=stack.index,
            z=stack.plane(event),
            c=self._cameras[camera] if len(self._cameras) > 1 else event.index.get("c", 0),
            time_s=_exposure_start(tags, began, exposure),
            position_um=self._position(event),
            exposure_ms=exposure,
            device=device,
            attempt=self._attempt,
            focus_um=0.0 if event.z_pos is None else self._height_correction(event),
        )

    def _is_repeat(self, image: UInt16, camera: int) -> bool:
        """Return whether an image is the camera's one before: no two have the same noise."""
        before, self._before[camera] = self._before.get(camera), image
        if before is None or before.shape != image.shape:
            return False
        few = (slice(None, None, _SPARSE), slice(None, None, _SPARSE))
        return np.array_equal(before[few], image[few]) and np.array_equal(before, image)

    def _position(self, event: useq.MDAEvent) -> tuple[float, float, float]:
        x, y, z = self._stage_um
        if event.z_pos is not None:
            z = event.z_pos + self._height_correction(event)
        return (
            x if event.x_pos is None else event.x_pos,
            y if event.y_pos is None else event.y_pos,
            z,
        )

    def _set_event_xy_position(self, event: useq.MDAEvent) -> None:
        if event.x_pos is None and event.y_pos is None:
            return
        x, y, _ = self._position(event)
        self._moving = self.mmcore.getXYStageDevice()
        self.guard.allow_xy(x, y)
        self.mmcore.setXYPosition(x, y)
        self._moving = ""


def _camera_of(tags: Mapping[str, str]) -> int:
    """Return which camera of Multi Camera took a frame: it writes a tag that ends so."""
    return int(next((value for key, value in tags.items() if key.endswith(_CHANNEL_TAG)), 0))


def _exposure_start(tags: Mapping[str, str], began: float, exposure_ms: float) -> float:
    """Return when an exposure began, on the session's clock.

    A triggered camera stamps the end of each exposure, in ms since its sequence began; the
    simulated one stamps the session's time.
    """
    if TIME_PROPERTY in tags:
        return float(tags[TIME_PROPERTY])
    elapsed_ms = float(tags.get(_ELAPSED_TAG, 0.0))
    return began + max(0.0, elapsed_ms - exposure_ms) / 1000.0
