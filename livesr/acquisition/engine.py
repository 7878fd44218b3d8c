"""pymmcore-plus' acquisition engine, with its frames handed to one function.

It differs from its base where that one warns and goes on: what cannot be set ends the run, and a
frame that does not come is counted. Frames go straight to the consumer, in the thread that runs
the acquisition, so that an error of the consumer ends it too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pymmcore_plus.mda import MDAEngine

from livesr.acquisition.clock import TIME_PROPERTY
from livesr.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import useq
    from pymmcore_plus import CMMCorePlus
    from pymmcore_plus.core import SequencedEvent
    from pymmcore_plus.mda._protocol import PImagePayload

    from livesr.acquisition.clock import Clock
    from livesr.acquisition.plan import PlannedStack, StackPlan
    from livesr.flow import StopToken
    from livesr.types import UInt16

_POLL_S = 0.001
_POLLS_PER_EXPOSURE = 20
_LONGEST_POLL_S = 0.05
_ELAPSED_TAG = "ElapsedTime-ms"
_CHANNEL_TAG = "CameraChannelIndex"


class StackEngine(MDAEngine):
    """Runs the exposures of one stack after the other.

    Parameters
    ----------
    core : CMMCorePlus
    plan : StackPlan
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
    """

    def __init__(
        self,
        core: CMMCorePlus,
        *,
        plan: StackPlan,
        clock: Clock,
        deliver: Callable[[Frame], None],
        stop: StopToken,
        cameras: tuple[int, ...],
        patience_s: float,
    ) -> None:
        super().__init__(core, timeout_base=patience_s)
        self._plan = plan
        self._clock = clock
        self._deliver = deliver
        self._stop = stop
        self._cameras = cameras
        self._stage_um = (0.0, 0.0, 0.0)
        self._stack: PlannedStack | None = None
        self.delivered: set[tuple[int, int]] = set()
        self.faults: list[str] = []
        self.consumer_failed = False

    def begin(self, stack: PlannedStack) -> None:
        """Count anew: the next events belong to ``stack``."""
        self._stack = stack
        self.delivered = set()
        self.faults = []
        core = self.mmcore
        x, y = core.getXYPosition() if core.getXYStageDevice() else (0.0, 0.0)
        z = core.getZPosition() if core.getFocusDevice() else 0.0
        self._stage_um = (x, y, z)

    @property
    def stack(self) -> PlannedStack | None:
        """The stack that is being taken."""
        return self._stack

    def exec_single_event(self, event: useq.MDAEvent) -> Iterator[PImagePayload | None]:
        """Expose once, on every camera."""
        core = self.mmcore
        began = self._clock.now()
        try:
            core.snapImage()
        except (RuntimeError, OSError, ValueError) as error:
            self.faults.append(str(error))
            return
        if not event.keep_shutter_open and self._autoshutter_was_set:
            core.setShutterOpen(False)
        for camera in range(len(self._cameras)):
            yield self._hand_on(core.getImage(camera), event, camera, began, {})

    def exec_sequenced_event(self, event: SequencedEvent) -> Iterator[PImagePayload | None]:  # type: ignore[override]  # a generator is what the runner needs
        """Let the devices trigger each other through a stack, and collect its frames."""
        core = self.mmcore
        began = self._clock.now()
        core.startSequenceAcquisition(len(event.events), 0, True)
        taken = [0] * len(self._cameras)
        waiting: dict[tuple[int, int], tuple[UInt16, Mapping[str, str]]] = {}
        due = [(n, camera) for n in range(len(event.events)) for camera in range(len(taken))]
        try:
            for image, tags in self._pop_frames(event, len(due)):
                camera = _camera_of(tags)
                waiting[taken[camera], camera] = (image, tags)
                taken[camera] += 1
                while due and due[0] in waiting and not self._stop.now:
                    number, camera = due.pop(0)
                    image, tags = waiting.pop((number, camera))
                    yield self._hand_on(image, event.events[number], camera, began, tags)
        finally:
            self._end_sequence(whole=not due)
        for number, camera in () if self._stop.now else sorted(waiting):
            image, tags = waiting[number, camera]
            yield self._hand_on(image, event.events[number], camera, began, tags)

    def _pop_frames(
        self, event: SequencedEvent, expected: int
    ) -> Iterator[tuple[UInt16, Mapping[str, str]]]:
        core = self.mmcore
        patience = self._frame_timeout(event)
        deadline = time.monotonic() + patience
        pause = max(_POLL_S, float(core.getExposure()) / 1000.0 / _POLLS_PER_EXPOSURE)
        popped = 0
        while popped < expected and not self._stop.now:
            # asked in this order: a frame may come between the two questions
            running = core.isSequenceRunning()
            if core.getRemainingImageCount():
                image, tags = core.popNextImageAndMD()
                yield image, dict(tags)
                popped += 1
                deadline = time.monotonic() + patience
            elif not running:
                break
            elif time.monotonic() > deadline:
                self.faults.append(f"no frame came for {patience:.0f} s")
                break
            else:
                time.sleep(min(pause, _LONGEST_POLL_S))
        if core.isBufferOverflowed():
            self.faults.append("the camera's buffer overflowed")

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
    ) -> PImagePayload:
        frame = self._frame(image, event, camera, began, tags)
        try:
            self._deliver(frame)
        except BaseException:
            self.consumer_failed = True
            raise
        self.delivered.add((frame.z, frame.c))
        return (image, event, dict(frame.device))  # type: ignore[return-value]  # plain metadata: nobody but the signal's listeners sees it

    def _frame(
        self,
        image: UInt16,
        event: useq.MDAEvent,
        camera: int,
        began: float,
        tags: Mapping[str, str],
    ) -> Frame:
        stack = self._stack
        if stack is None:
            raise RuntimeError("a frame came before its stack was begun")
        core = self.mmcore
        exposure = float(event.exposure or core.getExposure())
        device: dict[str, Any] = {
            "camera": core.getPhysicalCameraDevice(camera),
            "triggered": bool(tags),
        }
        if event.channel is not None:
            device["preset"] = event.channel.config
        return Frame(
            image=image,
            stack=stack.index,
            z=self._plan.plane(event),
            c=self._cameras[camera] if len(self._cameras) > 1 else event.index.get("c", 0),
            time_s=_exposure_start(tags, began, exposure),
            position_um=self._position(event),
            exposure_ms=exposure,
            device=device,
        )

    def _position(self, event: useq.MDAEvent) -> tuple[float, float, float]:
        x, y, z = self._stage_um
        if event.z_pos is not None:
            z = event.z_pos + self._z_correction.get(event.index.get("p"), 0.0)
        return (
            x if event.x_pos is None else event.x_pos,
            y if event.y_pos is None else event.y_pos,
            z,
        )

    # In the base class the next three only warn, and the frames that follow show something else
    # than they claim.

    def _set_event_channel(self, event: useq.MDAEvent) -> None:
        if event.channel is not None:
            self.mmcore.setConfig(event.channel.group, event.channel.config)

    def _set_event_xy_position(self, event: useq.MDAEvent) -> None:
        if event.x_pos is None and event.y_pos is None:
            return
        x, y, _ = self._position(event)
        self.mmcore.setXYPosition(x, y)

    def setup_single_event(self, event: useq.MDAEvent) -> None:
        """Move and set the devices for one exposure."""
        if event.exposure is not None:
            self.mmcore.setExposure(event.exposure)
        super().setup_single_event(event.model_copy(update={"exposure": None}))


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
