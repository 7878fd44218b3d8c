"""The program around a preview's window: Qt's start, the pull at 30 pictures a second."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication

from livesr.errors import HardwareError
from livesr.viewer.app import PULL_MS, save, start_qt
from livesr.viewer.live.actions import DOUBTS_S, Actions
from livesr.viewer.live.composer import Composer, Look, Mode
from livesr.viewer.live.window import STACK, LiveWindow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session.stand import Stand

_FIRST_S = 300.0
_STEP_S = 0.01


@dataclass(frozen=True, slots=True)
class Left:
    """What somebody left a preview with.

    Attributes
    ----------
    saved : Path or None
        The session file.
    run : bool
        Whether it shall be run.
    """

    saved: Path | None
    run: bool


class Preview:
    """A window and what works behind it; use it as a context."""

    def __init__(self, stand: Stand, *, light: str, folder: Path) -> None:
        self._stand = stand
        self._rest = ExitStack()
        camera = stand.camera
        look = Look(
            pixel_um=stand.pixel_um or 1.0,
            offset=stand.session.microscope.camera_offset,
            full=stand.full,
        )
        self.actions = self._rest.enter_context(Actions(stand, light=light, folder=folder))
        self.composer = self._rest.enter_context(Composer(camera.take, stand.channels, look))
        self.window = LiveWindow(
            stand.session.name, self.actions, look=self._look, relevel=self.composer.relevel
        )
        self._doubted = time.monotonic()
        self._tries: object = None

    def __enter__(self) -> Preview:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stand.camera.freeze("closed")
        self._rest.close()
        self.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def pull(self) -> None:
        """Show what is new."""
        told = self.actions.told
        if told.trial is not self._tries and told.picture is not None:
            self._tries = told.trial
            self.window.show_mode(STACK)
        camera = self._stand.camera
        frozen = camera.frozen_because
        self.window.display(self.composer.pictures.take(), told, "" if told.busy else frozen)
        if time.monotonic() - self._doubted > DOUBTS_S and not frozen:
            self._doubted = time.monotonic()
            self.actions.doubt()

    def wait(self, until: Callable[[], bool], within_s: float = _FIRST_S) -> None:
        """Pull until something is so.

        Raises
        ------
        HardwareError
            If it takes too long, or what the camera failed with.
        """
        deadline = time.monotonic() + within_s
        while not until():
            if self._stand.camera.error is not None:
                raise self._stand.camera.error
            if time.monotonic() > deadline:
                raise HardwareError(
                    "the preview did not get so far", where="preview", fix="try it with a window"
                )
            self.pull()
            QApplication.processEvents()
            time.sleep(_STEP_S)
        self.pull()

    def do(self, wish: Callable[[], None]) -> None:
        """Ask for something that takes long and wait until it is done."""
        before = self.actions.told.done
        wish()
        self.wait(lambda: self.actions.told.done > before)

    @property
    def left(self) -> Left:
        """What it is left with."""
        return Left(self.actions.told.saved, self.window.wants_to_run)

    def _look(self, mode: str) -> None:
        if mode != STACK:
            self.composer.show(replace(self.composer.look, mode=cast("Mode", mode)))


def show(stand: Stand, *, light: str, folder: Path, size: tuple[int, int]) -> Left:
    """Open the window and stay until it is closed."""
    app = start_qt()
    with Preview(stand, light=light, folder=folder) as preview:
        stand.camera.start()
        preview.actions.warm_up()
        preview.window.resize(*size)
        preview.window.show()
        timer = QTimer()
        timer.timeout.connect(preview.pull)
        timer.start(PULL_MS)
        app.exec()
        timer.stop()
        return preview.left


def screenshot(
    stand: Stand,
    file: Path,
    *,
    light: str,
    mode: str,
    steps: tuple[str, ...],
    size: tuple[int, int],
) -> None:
    """Draw the same window without a display, after some steps, and write it as an image.

    Parameters
    ----------
    stand : Stand
    file : Path
    light : str
    mode : str
        A view, or ``stack`` with step ``try``.
    steps : tuple of str
        ``find`` and ``try``, in their order.
    size : tuple of int

    Raises
    ------
    LivesrError
        What the camera failed with, or the file.
    """
    start_qt()
    with Preview(stand, light=light, folder=file.parent) as preview:
        stand.camera.start()
        preview.window.resize(*size)
        preview.window.grab()  # lays the window out without opening one
        preview.wait(lambda: preview.composer.shot is not None)
        number = _number(preview)
        preview.wait(lambda: _number(preview) > number + 5)
        for step in steps:
            preview.do(preview.actions.find if step == "find" else preview.actions.try_one)
        preview.do(preview.actions.doubt)
        preview.composer.relevel()
        preview.window.show_mode(mode)
        until = time.monotonic() + 3.0
        preview.wait(lambda: time.monotonic() > until)
        save(preview.window, file)


def _number(preview: Preview) -> int:
    """Return the number of the shot on screen."""
    shot = preview.composer.shot
    return shot.number if shot is not None else 0
