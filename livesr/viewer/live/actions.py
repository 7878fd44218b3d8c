"""What buttons and keys of a preview do: beside the window, one after the other; no Qt."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.acquisition.dials import power_dial
from livesr.acquisition.troubles import DEVICE_ERRORS
from livesr.config.layouts import SplitterLayout
from livesr.errors import LivesrError
from livesr.flow import Worker
from livesr.session.settings import with_settings, write_session, z_range
from livesr.session.stand import try_folder
from livesr.storage.ome_tiff import TiffSeries
from livesr.storage.reader import open_session
from livesr.types import Grid
from livesr.viewer.live.told import Told
from livesr.viewer.loader import Loader
from livesr.viewer.state import View, step_plane

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pymmcore_plus import CMMCorePlus

    from livesr.acquisition.shots import Shot
    from livesr.config import Session
    from livesr.session.stand import Stand

EXPOSURE_STEP = POWER_STEP = 1.25
DOUBTS_S = 3.0
_EXPOSURES_MS = (1.0, 10_000.0)


class Actions:
    """Does what is asked for, in a thread of its own; close it, or use it as a context.

    Parameters
    ----------
    stand : Stand
    light : str
        The laser's power, ``DEVICE.PROPERTY``; found if empty.
    folder : Path
        Where pictures and session files are written.
    """

    def __init__(self, stand: Stand, *, light: str = "", folder: Path) -> None:
        self._stand, self._folder = stand, folder
        self.dial = stand.camera.ask(lambda core: power_dial(core, light), stops=False)
        self._lock = threading.Lock()
        self.told = Told(stand.session)
        self._loader: Loader | None = None
        self._shot: Shot | None = None
        self._trial_folders: list[Path] = []
        self._worker: Worker[tuple[str, Callable[[], None]]] = Worker(
            "viewer-actions", self._work, size=16, on_error=lambda _: None
        )
        self._look()

    def __enter__(self) -> Actions:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread after what it is at, and forget the stacks that were tried."""
        self._worker.close()
        for folder in self._trial_folders:
            shutil.rmtree(folder.parent, ignore_errors=True)

    def saw(self, shot: Shot) -> None:
        """Hear which shot is on screen."""
        self._shot = shot

    # ------------------------------------------------------------------------ small wishes

    def toggle(self) -> None:
        """Freeze, or look again."""
        camera = self._stand.camera
        if camera.frozen_because:
            camera.start()
        else:
            camera.freeze()

    def exposure(self, factor: float) -> None:
        """Expose so many times as long."""
        low, high = _EXPOSURES_MS

        def turn(core: CMMCorePlus) -> None:
            core.setExposure(min(max(float(core.getExposure()) * factor, low), high))

        self._stand.camera.change(turn, stops=True)
        self._look()

    def power(self, factor: float) -> None:
        """Set the laser so many times as bright."""
        dial = self.dial
        if dial is None:
            self._tell("no device has a power that can be set; name it with --light", bad=True)
            return

        def turn(core: CMMCorePlus) -> None:
            core.setProperty(dial.device, dial.name, dial.turned(dial.value(core), factor))

        self._stand.camera.change(turn)
        self._look()

    def move_z(self, by_um: float) -> None:
        """Move the focus; where it must not go is told."""

        def refused(error: LivesrError) -> None:
            self._tell(error.what, bad=True)

        self._stand.move_z(by_um, refused=refused)
        self._look()

    def mark_z(self, *, top: bool) -> None:
        """Let the stack end, or begin, where the focus stands."""
        height = self.told.z_um
        low, high = z_range(self._stand.session) or (height, height)
        given = (low, max(height, low)) if top else (min(height, high), high)
        self._set(with_settings(self._stand.session, z_um=given))
        self._tell(f"the stack goes from {given[0]:.1f} to {given[1]:.1f} µm")

    def set_layout(self, layout: SplitterLayout) -> None:
        """Take a layout that was dragged."""
        self._stand.set_layout(layout)
        self._set(self._stand.session)

    def swap(self) -> None:
        """Give the first two channels each other's names."""
        layout = self._stand.session.layout
        if isinstance(layout, SplitterLayout) and len(layout.channels) > 1:
            first, second, *rest = layout.channels
            swapped = (
                second.model_copy(update={"name": first.name}),
                first.model_copy(update={"name": second.name}),
                *rest,
            )
            self.set_layout(SplitterLayout(kind="splitter", channels=swapped))
            self._tell("the channels have each other's names now")

    # ------------------------------------------------------------------------- long wishes

    def find(self) -> None:
        """Find the rectangles in the shot on screen."""
        self._worker.put(("finding the rectangles …", self._find))

    def try_one(self) -> None:
        """Try one stack."""
        clicked = time.monotonic()
        self._worker.put(("trying one stack …", lambda: self._try(clicked)))

    def save(self) -> None:
        """Save the shot on screen."""
        self._worker.put(("saving the frame …", self._save))

    def write(self, file: Path | None = None) -> None:
        """Write the session file."""
        self._worker.put(("writing the session …", lambda: self._write(file)))

    def warm_up(self) -> None:
        """Load the networks."""
        self._worker.put(("", self._stand.warm_up))

    def step(self, planes: int) -> None:
        """Show a plane further up or down of the stack that was tried."""
        picture, loader = self.told.picture, self._loader
        if picture is not None and loader is not None and isinstance(picture.z, int):
            view = step_plane(View(z=picture.z), loader.scenes[0], planes)
            self._worker.put(("", lambda: self._show(view)))

    def doubt(self) -> None:
        """Look what is wrong with the shot on screen, unless something else is going on."""
        if not self.told.busy:
            self._worker.put(("", self._doubt))

    # --------------------------------------------------------------------- in the own thread

    def _work(self, task: tuple[str, Callable[[], None]]) -> None:
        words, work = task
        if words:
            self._change(busy=words, note="", bad=False)
        try:
            work()
        except LivesrError as error:
            self._tell(f"{error.what} – {error.fix}" if error.fix else error.what, bad=True)
        except DEVICE_ERRORS as error:
            self._tell(f"a device failed: {error}", bad=True)
        finally:
            self._change(busy="", done=self.told.done + 1)

    def _find(self) -> None:
        shot = self._seen()
        if shot is None:
            return
        found = self._stand.find_layout([shot])
        self._stand.set_layout(found.layout)
        self._set(self._stand.session)
        said = ", ".join(
            f"{r.name} {r.width}×{r.height} at {r.x}, {r.y}" for r in found.layout.channels
        )
        self._tell(f"found ({found.clear:.0f} σ): {said}")

    def _try(self, clicked: float) -> None:
        self._set(self._now())
        self._stand.warm_up()
        folder = try_folder()
        self._trial_folders.append(folder)
        trial = self._stand.try_one(folder)
        took = time.monotonic() - clicked
        self._change(trial=trial, click_to_masks_s=took)
        self._loader = Loader(open_session(folder))
        self._loader.refresh()
        self._show(View())
        self._tell(f"masks {took:.1f} s after the click")

    def _show(self, view: View) -> None:
        """Draw a plane of the stack that was tried."""
        if self._loader is not None:
            self._change(picture=self._loader.load(view))

    def _save(self) -> None:
        shot = self._seen()
        if shot is None:
            return
        channels = self._stand.channels(shot) or {"sensor": shot.images[0]}
        data = np.stack([image[None] for image in channels.values()])
        file = free_name(self._folder, f"{self._stand.session.name}-frame", ".ome.tif")
        pixel = self._stand.pixel_um or 1.0
        grid = Grid((1, *data.shape[2:]), (1.0, pixel, pixel))
        x, y, z = shot.position_um
        identity = f"{file.name} {shot.exposure_ms} {x} {y} {z} {time.time_ns()}"
        image = TiffSeries(
            file,
            (1, *data.shape),
            np.uint16,
            grid,
            channels=list(channels),
            identity=identity,
            exposure_ms=shot.exposure_ms,
            position_um=shot.position_um,
        )
        image.write(0, data)
        image.close()
        self._tell(f"saved {file}")

    def _write(self, file: Path | None) -> None:
        session = self._now()
        self._set(session)
        file = file or free_name(self._folder, session.name, ".yaml")
        write_session(session, file)
        self._change(saved=file)
        self._tell(f"wrote {file}; run it with: livesr run {file}")

    def _doubt(self) -> None:
        shot = self._shot
        if shot is not None:
            self._change(doubts=tuple(self._stand.doubts(shot)))

    def _seen(self) -> Shot | None:
        if self._shot is None:
            self._tell("there is no picture yet: space starts the camera", bad=True)
        return self._shot

    def _now(self) -> Session:
        """Return the settings with exposure and power as they are turned now."""
        dial = self.dial

        def ask(core: CMMCorePlus) -> tuple[float, float | None]:
            return float(core.getExposure()), None if dial is None else dial.value(core)

        exposure, power = self._stand.camera.ask(ask, stops=False)
        given = None if dial is None or power is None else (dial.device, dial.name, power)
        return with_settings(self._stand.session, exposure_ms=exposure, power=given)

    def _look(self) -> None:
        """Look where exposure, power and height stand."""
        dial = self.dial

        def look(core: CMMCorePlus) -> None:
            z = float(core.getZPosition()) if core.getFocusDevice() else 0.0
            power = None if dial is None else dial.value(core)
            exposure = float(core.getExposure())
            self._change(exposure_ms=exposure, power=power, z_um=z)

        self._stand.camera.change(look)

    def _set(self, session: Session) -> None:
        self._stand.session = session
        self._change(session=session)

    def _change(self, **changes: Any) -> None:
        """Tell something else; called in several threads."""
        with self._lock:
            self.told = replace(self.told, **changes)

    def _tell(self, note: str, *, bad: bool = False) -> None:
        self._change(note=note, bad=bad)


def free_name(folder: Path, stem: str, ending: str) -> Path:
    """Return the first name that no file has: ``STEM-001.ENDING``, ``STEM-002.ENDING``, …."""
    number = 1
    while (file := folder / f"{stem}-{number:03d}{ending}").exists():
        number += 1
    return file
