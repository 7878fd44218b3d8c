"""A microscope that is open to look at, to find its layout with, and to try a session on."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from livesr.acquisition.core import apply_presets, apply_properties, close_core, open_core
from livesr.acquisition.doubts import doubts
from livesr.acquisition.finding import Found, find_layout
from livesr.acquisition.layout import channel_names, split
from livesr.acquisition.light.find import check_named
from livesr.acquisition.light.rule import Light, close_shutters
from livesr.acquisition.light.supervise import supervised, usual_hang_s
from livesr.acquisition.live import PATIENCE_S, LiveCamera
from livesr.acquisition.microscope import SIMULATOR_PATIENCE_S, is_simulated, known_pixel_um
from livesr.acquisition.troubles import DEVICE_ERRORS
from livesr.config.layouts import SplitterLayout, check_layout
from livesr.errors import ConfigError, HardwareError, LivesrError
from livesr.session.job import Job
from livesr.session.planning import make_plan
from livesr.session.run import run_session
from livesr.session.trial import Trial, TrialSource, trial_of
from livesr.session.warm import Warm
from livesr.types import Frame, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymmcore_plus import CMMCorePlus

    from livesr.acquisition.doubts import Doubt
    from livesr.acquisition.shots import Shot
    from livesr.config import Session
    from livesr.session.plan import Plan
    from livesr.types import UInt16

_FRAMES = 4
"""Pictures from which a layout is found."""


class Stand:
    """The microscope of a session, open; close it, or use it as a context.

    Parameters
    ----------
    session : Session
        Its microscope, layout, sequence and so on are the settings to begin with.

    Attributes
    ----------
    session : Session
        The present settings.
    camera : LiveCamera
    pixel_um : float
        0 if neither configuration nor session has it.
    full : int
        Counts of a full pixel.
    warm : Warm or None
        The segmenter that loads, or waits, in the background.

    Raises
    ------
    HardwareError
        If the microscope does not load.
    ConfigError
        If it does not know what the session sets.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.warm: Warm | None = None
        microscope = session.microscope
        self._core = open_core(microscope.config)
        self._open = ExitStack()
        self._open.callback(close_core, self._core)
        try:
            self._light = Light(self._core, microscope.light, microscope.light_off)
            self._open.callback(close_shutters, self._core)  # the configuration may open one
            check_named(self._core, microscope.light_off)
            self._set_up()
            self._light.learn()
            simulated = is_simulated(self._core)
            self._hang_after_s = session.faults.hang_after_s or usual_hang_s(simulated=simulated)
            folder = Path(self._open.enter_context(TemporaryDirectory(prefix="livesr-live-")))
            supervisor = supervised(self._light, microscope, folder, self._hang_after_s)
            if supervisor is not None:
                self._open.callback(supervisor.close)
            self.camera = LiveCamera(
                self._light,
                session.layout,
                patience_s=SIMULATOR_PATIENCE_S if simulated else PATIENCE_S,
            )
            self._attend()
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Stand:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Turn the light off and let go of everything."""
        self.camera.close()
        if self.warm is not None:
            self.warm.close()
        self._open.close()

    # -------------------------------------------------------------------------- looking

    def channels(self, shot: Shot) -> dict[str, UInt16]:
        """Return the channels that a shot shows, by name, as the present layout cuts them out.

        Empty where the layout does not fit the sensor.
        """
        layout = self.session.layout
        if isinstance(layout, SplitterLayout):
            image = shot.images[0]
            try:
                check_layout(layout, (image.shape[0], image.shape[1]))
            except LivesrError:
                return {}
            frame = Frame(image, StackIndex(0, 0), 0, 0, 0.0, (0.0, 0.0, 0.0), 0.0)
            views = [np.ascontiguousarray(view) for _, view in split(frame, layout)]
        else:
            views = list(shot.images)
        return dict(zip(channel_names(layout), views, strict=False))

    def doubts(self, shot: Shot) -> list[Doubt]:
        """Return what is wrong with a shot."""
        channels = self.channels(shot)
        if not channels:
            return []
        offset = self.session.microscope.camera_offset
        return doubts(channels, offset=offset, full=self.full, pixel_um=self.pixel_um)

    def look(self, count: int = 1, *, within_s: float = 300.0) -> list[Shot]:
        """Run the camera until so many shots came and return them; it is dark again after it.

        Raises
        ------
        HardwareError
            If none came.
        """
        self.camera.start()
        self.camera.ask(lambda _core: None, stops=False)  # it runs: what comes now is new
        shots: list[Shot] = []
        deadline = time.monotonic() + within_s
        try:
            while len(shots) < count:
                shot = self.camera.take()
                if shot is not None:
                    shots.append(shot)
                elif self.camera.error is not None:
                    raise self.camera.error
                elif time.monotonic() > deadline:
                    raise HardwareError(
                        "the camera gave no picture",
                        where="preview",
                        fix="check its cable, power and trigger mode",
                    )
                else:
                    time.sleep(0.002)
        finally:
            self.camera.freeze()
        return shots

    def find_layout(self, shots: list[Shot]) -> Found:
        """Return the rectangles that these shots show, named and turned as at present.

        Raises
        ------
        CalibrationError
            Saying why there are none.
        """
        layout = self.session.layout
        present = layout if isinstance(layout, SplitterLayout) else None
        names = channel_names(layout) if present is not None else ("yellow", "red")
        frames = np.stack([shot.images[0] for shot in shots[-_FRAMES:]])
        offset = self.session.microscope.camera_offset
        return find_layout(frames, names, offset=offset, present=present, full=self.full)

    def set_layout(self, layout: SplitterLayout) -> None:
        """Cut channels out so from now on."""
        self.session = self.session.model_copy(update={"layout": layout})
        self.camera.set_layout(layout)

    def move_z(self, by_um: float, *, refused: Callable[[LivesrError], None]) -> None:
        """Move the focus; a height outside the limits is refused, and the preview goes on.

        Parameters
        ----------
        by_um : float
        refused : callable
            Called in the microscope's thread with why nothing was moved.
        """

        def move(core: CMMCorePlus) -> None:
            if core.getFocusDevice():
                try:
                    self._go(core, core.getZPosition() + by_um, "focus")
                except ConfigError as error:
                    refused(error)

        self.camera.change(move)

    def go_to_z(self, height_um: float, *, where: str) -> None:
        """Move the focus to a height and wait until it is there; ``where`` says who wants it.

        Raises
        ------
        ConfigError
            If there is no focus drive, or the height lies outside the session's limits.
        HardwareError
            If the drive fails.
        """

        def move(core: CMMCorePlus) -> None:
            if not core.getFocusDevice():
                raise ConfigError(
                    "the configuration names no focus drive",
                    where=where,
                    fix="leave the height out, or add a line Property,Core,Focus,LABEL to the .cfg",
                )
            self._go(core, height_um, where)
            core.waitForDevice(core.getFocusDevice())

        try:
            self.camera.ask(move)
        except DEVICE_ERRORS as error:
            raise HardwareError(
                f"the focus drive failed: {error}",
                where=where,
                fix="check its cable and power, and that it may go there",
            ) from None

    def _go(self, core: CMMCorePlus, height_um: float, where: str) -> None:
        self.session.limits.check(z_um=height_um, from_z_um=core.getZPosition(), where=where)
        core.setZPosition(height_um)

    # --------------------------------------------------------------------------- trying

    def plan(self, session: Session) -> Plan:
        """Return a session's plan on this microscope, which stays open.

        Raises
        ------
        LivesrError
            What does not fit.
        """
        return self.camera.ask(lambda _core: self._planned(session))

    def warm_up(self) -> None:
        """Load the segmenter for the present settings in the background, unless it is there."""
        plan = self.plan(self.session)
        if plan.networks is None:
            return
        job = Job.of(plan, Path())
        if self.warm is None or not self.warm.fits(job):
            if self.warm is not None:
                self.warm.close()
            self.warm = Warm(job)

    def try_one(
        self, folder: Path, *, began: Callable[[], None] = lambda: None, warm: Warm | None = None
    ) -> Trial:
        """Take, segment and weigh one stack with the present settings, here.

        Parameters
        ----------
        folder : Path
            Of the session of one stack: it must not exist.
        began : callable, optional
            Called once the stack begins.
        warm : Warm, optional
            Another segmenter than the stand's.

        Raises
        ------
        LivesrError
            What does not fit, or failed.
        """
        return self.camera.ask(lambda core: self._tried(core, folder, began, warm or self.warm))

    def _tried(
        self, core: CMMCorePlus, folder: Path, began: Callable[[], None], warm: Warm | None
    ) -> Trial:
        whole = self._planned(self.session)
        plan = self._planned(one_stack(self.session))
        z = core.getZPosition() if core.getFocusDevice() else None
        began()
        try:
            result = run_session(plan, folder, warm=warm)
        finally:
            self._attend()
            if z is not None:
                core.setZPosition(z)
        source = plan.source
        assert isinstance(source, TrialSource)  # noqa: S101 - made below
        return trial_of(whole, result, source)

    def _planned(self, session: Session) -> Plan:
        return make_plan(
            session, lambda reports: TrialSource(session, on_fault=reports, lent=self._light)
        )

    def _attend(self) -> None:
        """Let the supervisor hear of the preview's thread; a stack that is tried has its own."""
        if self._light.supervisor is not None:
            self._light.supervisor.attend(lambda: self.camera.silence_s, self._hang_after_s)

    def _set_up(self) -> None:
        core, session = self._core, self.session
        if not core.getCameraDevice():
            raise HardwareError(
                "the configuration names no camera",
                where=session.microscope.config,
                fix="add a line Property,Core,Camera,LABEL (behind '#py ' for a Python device)",
            )
        apply_properties(core, session.microscope.properties)
        apply_presets(core, session.microscope.presets)
        if session.sequence.setup is not None and session.sequence.setup.exposure:
            core.setExposure(session.sequence.setup.exposure)
        self.pixel_um = known_pixel_um(core) or session.microscope.pixel_um or 0.0
        self.full = 2 ** int(core.getImageBitDepth() or 16) - 1


def one_stack(session: Session) -> Session:
    """Return a session of one stack where the stage stands, else alike."""
    sequence = session.sequence.replace(time_plan=None, stage_positions=(), grid_plan=None)
    order = "".join(axis for axis in sequence.axis_order if axis in "cz") or "cz"
    sequence = sequence.replace(axis_order=order)
    return session.model_copy(update={"name": "try", "sequence": sequence})


def try_folder() -> Path:
    """Return a folder for a stack that is tried, which does not exist yet; for `forget`."""
    return Path(tempfile.mkdtemp(prefix="livesr-try-")) / "try"
