"""The program around the window: Qt's start, the pull at 60 frames a second, the screenshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from livesr.errors import ConfigError, StorageError
from livesr.viewer import state, theme
from livesr.viewer.fonts import choose_font
from livesr.viewer.loader import flattened
from livesr.viewer.movie import Movie
from livesr.viewer.window import Window
from livesr.viewer.worker import PictureWorker, Update, extras_of

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.viewer.loader import Picture
    from livesr.viewer.state import Scene, View
    from livesr.viewer.worker import Source

PULL_MS = 16
FONT_PIXELS = 13


def start_qt() -> QApplication:
    """Return the application, with the theme and a font."""
    running = QApplication.instance()
    if isinstance(running, QApplication):
        return running
    app = QApplication(["livesr"])
    pg.setConfigOptions(imageAxisOrder="row-major", antialias=False)
    app.setStyle("Fusion")
    app.setFont(choose_font(FONT_PIXELS))
    app.setPalette(theme.palette())
    app.setStyleSheet(theme.STYLE)
    return app


def show(source: Source, folder: Path, view: View, size: tuple[int, int]) -> None:
    """Open the window and stay until it is closed.

    Parameters
    ----------
    source : Source
        Makes the pictures.
    folder : Path
        Of the session: its name is the title, and what is saved lies beside it.
    view : View
        Shown first.
    size : tuple of int
        Width and height of the window, pixels.
    """
    app = start_qt()
    with PictureWorker(source, view) as worker:
        window = Window(folder.name, view, worker.show, worker.point)
        movie = Movie(folder)
        window.bind_keys(
            save=lambda whole: _save_beside(window, folder, whole=whole),
            relevel=worker.relevel,
            movie=lambda: window.tell(movie.start(window.view)),
        )
        window.resize(*size)
        window.show()
        timer = QTimer()
        timer.timeout.connect(lambda: pull(window, worker, movie))
        timer.start(PULL_MS)
        app.exec()
        timer.stop()


def pull(window: Window, worker: PictureWorker, movie: Movie | None = None) -> None:
    """Show the newest update, if there is one, and say when a movie is done."""
    if movie is not None and (said := movie.poll()):
        window.tell(said)
    update = worker.updates.take()
    if update is not None:
        window.display(update)


def screenshot(loader: Source, name: str, view: View, size: tuple[int, int], file: Path) -> None:
    """Draw the same window without a display and write it as an image.

    Raises
    ------
    ConfigError
        If the view asks for what the session does not have.
    StorageError
        If the session cannot be read or the file cannot be written.
    """
    start_qt()
    loader.refresh()
    if loader.scenes:
        state.check(view, _scene(loader, view))
    picture = loader.load(view)
    volumes = {}
    if picture is not None and picture.labels is not None:
        names = loader.scenes[picture.image].structures
        volumes = {name: loader.volume(picture.image, picture.t, name) for name in names}
    beside = loader.beside()
    parts = {str(part): beside.make(part, view, None) for part in beside.wanted(view, None)}
    extras = extras_of(loader.course, parts)
    window = Window(name, view, lambda _: None)
    try:
        window.resize(*size)
        window.grab()  # lays the window out without opening one
        window.display(Update(loader.scenes, loader.progress, picture, volumes, "", extras))
        QApplication.processEvents()
        save(window, file)
    finally:
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _scene(loader: Source, view: View) -> Scene:
    """Return the image that a view asks for.

    Raises
    ------
    ConfigError
        If the session does not have it.
    """
    if view.image >= len(loader.scenes):
        raise ConfigError(
            f"no image {view.image}",
            where="--position",
            fix=f"the session has {len(loader.scenes)}, from 0",
        )
    return loader.scenes[view.image]


def save(window: QWidget, file: Path) -> None:
    """Write the window as it stands as an image.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    _write(file, window.grab().toImage())


def save_picture(picture: Picture, view: View, file: Path) -> None:
    """Write what the window shows at the camera's resolution, without the window.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    rgb = flattened(picture, view.opacity if view.labels else 0.0)
    rows, columns, _ = rgb.shape
    image = QImage(rgb.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    _write(file, image)


def _save_beside(window: Window, folder: Path, *, whole: bool) -> None:
    """Write the window, or its picture alone, beside the session under the next free name."""
    number = 1
    while (file := folder.parent / f"{folder.name}-{number:03d}.png").exists():
        number += 1
    try:
        if whole or window.picture is None:
            save(window, file)
        else:
            save_picture(window.picture, window.view, file)
    except StorageError as error:
        window.tell(error.what)
    else:
        window.tell(f"saved {file}")


def _write(file: Path, image: QImage) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        written, reason = image.save(str(file)), "the name or the disk"
    except OSError as error:
        written, reason = False, str(error)
    if not written:
        raise StorageError(
            f"the picture could not be written: {reason}",
            where=str(file),
            fix="use a name that ends in .png or .jpg, in a folder that can be written to",
        )
