"""The window: image left, controls right, time and status below. It only draws and asks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from livesr.viewer import state
from livesr.viewer.canvas import Canvas
from livesr.viewer.sidebar import Sidebar
from livesr.viewer.timebar import StatusLine, TimeBar
from livesr.viewer.worker import Update

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.viewer.controls import Step
    from livesr.viewer.loader import Picture
    from livesr.viewer.state import Scene, View

NOTE_MS = 5000
NOTHING_YET = "Waiting for the first stack …"


class Window(QMainWindow):
    """Shows updates and turns clicks and keys into views.

    Parameters
    ----------
    title : str
        Of the session.
    view : View
        Shown first.
    show : callable
        Called with each view that the user asks for; must return at once.
    """

    def __init__(self, title: str, view: View, show: Callable[[View], None]) -> None:
        super().__init__()
        self.setWindowTitle(f"livesr · {title}")
        self.view = view
        self._title = title
        self._show = show
        self._update = Update()
        self.canvas = Canvas()
        self.sidebar = Sidebar(self.edit)
        self.timebar = TimeBar(self.edit)
        self.status = StatusLine()
        self._lay_out()
        self._sync()

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.canvas, 1)
        left.addWidget(self.timebar)
        upper = QHBoxLayout()
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(0)
        upper.addLayout(left, 1)
        upper.addWidget(self.sidebar)
        body = QWidget()
        body.setObjectName("body")
        whole = QVBoxLayout(body)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(upper, 1)
        whole.addWidget(self.status)
        self.setCentralWidget(body)

    @property
    def scene(self) -> Scene | None:
        """The image of the session that is shown; None before there is one."""
        scenes = self._update.scenes
        return scenes[self.view.image] if self.view.image < len(scenes) else None

    @property
    def picture(self) -> Picture | None:
        """The picture that is shown."""
        return self._update.picture

    def bind_keys(self, *, save: Callable[[bool], None], relevel: Callable[[], None]) -> None:
        """Connect the keyboard; ``save`` is told whether the whole window is meant."""
        keys: dict[str, Callable[[], None]] = {
            **{str(n): partial(self._pick_channel, n - 1) for n in range(1, 10)},
            "L": lambda: self.edit(lambda v: replace(v, labels=not v.labels)),
            "C": lambda: self.edit(lambda v: replace(v, contour=not v.contour, masked=False)),
            "I": lambda: self.edit(lambda v: replace(v, masked=not v.masked)),
            "M": lambda: self.edit(lambda v: replace(v, z=None if v.z == "max" else "max")),
            "Space": lambda: self._step(state.freeze_or_follow),
            "Left": lambda: self._step(lambda v, s: state.step_time(v, s, -1)),
            "Right": lambda: self._step(lambda v, s: state.step_time(v, s, 1)),
            "Up": lambda: self._step(lambda v, s: state.step_plane(v, s, 1)),
            "Down": lambda: self._step(lambda v, s: state.step_plane(v, s, -1)),
            "F": self.canvas.fit,
            "A": relevel,
            "S": partial(save, True),
            "Shift+S": partial(save, False),
        }
        for key, act in keys.items():
            QShortcut(QKeySequence(key), self).activated.connect(act)

    def edit(self, step: Step) -> None:
        """Take the view a step further and ask for its picture."""
        before, self.view = self.view, step(self.view)
        if self.view == before:
            return
        if self._only_opacity(before):
            self.canvas.show_labels(self.view.opacity, labels=self.view.labels)
        self._show(self.view)
        self._sync()

    def display(self, update: Update) -> None:
        """Show what the reader made."""
        news, self._update = update.picture is not self._update.picture, update
        if update.picture is not None and news:
            self.canvas.show_picture(update.picture, self.view.opacity, labels=self.view.labels)
        self._sync()

    def tell(self, note: str) -> None:
        """Show a note in the status line for a few seconds."""
        self.status.sync(self._update.progress, self._update.problem, note, self._flags())
        QTimer.singleShot(NOTE_MS, self, self._sync)

    def _sync(self) -> None:
        update, scene = self._update, self.scene
        self.sidebar.sync(self.view, update.scenes, update.volumes)
        self.timebar.sync(self.view, scene)
        picture = update.picture
        self.status.sync(update.progress, update.problem, flags=self._flags())
        if picture is None:
            self.canvas.say(update.problem or NOTHING_YET)
        else:
            self.canvas.say("")
            self.canvas.describe(caption(self._title, picture, update.scenes[picture.image]))

    def _flags(self) -> tuple[str, ...]:
        """Return what of the stack shown is unlike the package's training."""
        picture = self._update.picture
        if picture is None:
            return ()
        return state.flags_of(self._update.scenes[picture.image], picture.t)

    def _only_opacity(self, before: View) -> bool:
        return replace(before, opacity=self.view.opacity, labels=self.view.labels) == self.view

    def _step(self, step: Callable[[View, Scene], View]) -> None:
        scene = self.scene
        if scene is not None:
            self.edit(lambda v: step(v, scene))

    def _pick_channel(self, number: int) -> None:
        scene = self.scene
        if scene is not None and number < len(scene.pictures):
            self.edit(lambda v: replace(v, channel=scene.pictures[number]))


def caption(title: str, picture: Picture, scene: Scene) -> str:
    """Return what the picture shows."""
    height = (
        "maximum projection" if picture.z == "max" else f"z {picture.z * scene.voxel_um[0]:.1f} µm"
    )
    shows = f"mask × {picture.channel}" if picture.masked else picture.channel
    parts = [title, f"t {picture.t}", height, shows]
    if scene.simulated:
        parts.append("simulated microscope")
    if not scene.calibrated:
        parts.append("no calibration")
    if picture.labels is None:
        parts.append("no masks yet" if scene.structures else "no masks in this session")
    return "   ".join(parts)
