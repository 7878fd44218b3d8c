"""The window: image left, controls right, time and status below. It only draws and asks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from livesr.viewer import state
from livesr.viewer.drawer import Drawer
from livesr.viewer.help import Help
from livesr.viewer.panes import Panes
from livesr.viewer.sidebar import Sidebar
from livesr.viewer.timebar import StatusLine, TimeBar
from livesr.viewer.worker import Update

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QResizeEvent

    from livesr.viewer.beside import Point
    from livesr.viewer.canvas import Canvas
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
    point : callable, optional
        Called with the place that the mouse stands at, (y, x) in µm, or None; likewise.
    """

    def __init__(
        self,
        title: str,
        view: View,
        show: Callable[[View], None],
        point: Callable[[Point], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.setWindowTitle(f"livesr · {title}")
        self.view = view
        self._title = title
        self._show = show
        self._update = Update()
        self.panes = Panes(self.edit)
        self.panes.canvas.pointed.connect(point)
        self.drawer = Drawer(self.edit)
        self.drawer.picked.connect(self._go_to)
        self.sidebar = Sidebar(self.edit)
        self.timebar = TimeBar(self.edit)
        self.status = StatusLine()
        self._lay_out()
        self.help = Help(self)
        self._sync()

    @property
    def canvas(self) -> Canvas:
        """The picture of the plane."""
        return self.panes.canvas

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.panes, 1)
        left.addWidget(self.drawer)
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

    def bind_keys(
        self,
        *,
        save: Callable[[bool], None],
        relevel: Callable[[], None],
        movie: Callable[[], None] = lambda: None,
    ) -> None:
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
            "A": partial(self._relevel, relevel),
            "S": partial(save, True),
            "Shift+S": partial(save, False),
            "V": movie,
            "X": partial(self._pane, "sections"),
            "D": partial(self._pane, "solid"),
            "E": lambda: self.edit(lambda v: replace(v, error=not v.error)),
            "T": lambda: self.edit(lambda v: replace(v, over_time="" if v.over_time else "lives")),
            "N": lambda: self.edit(lambda v: replace(v, tour=not v.tour, t=None)),
            "[": partial(self._step_image, -1),
            "]": partial(self._step_image, 1),
            "?": self.help.toggle,
            "F1": self.help.toggle,
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
        self._tour()

    def tell(self, note: str) -> None:
        """Show a note in the status line for a few seconds."""
        self.status.sync(self._update.progress, self._update.problem, note, self._flags())
        QTimer.singleShot(NOTE_MS, self, self._sync)

    def _sync(self) -> None:
        update, scene = self._update, self.scene
        self.sidebar.sync(self.view, update.scenes, update.volumes, update.picture)
        self.panes.sync(self.view, scene, update.extras)
        self.drawer.sync(self.view, scene, update.extras)
        self.timebar.sync(self.view, scene)
        picture = update.picture
        self.status.sync(update.progress, update.problem, flags=self._flags())
        if picture is None:
            self.canvas.say(update.problem or NOTHING_YET)
        else:
            self.canvas.say("")
            words = caption(self._title, picture, update.scenes[picture.image])
            error = update.extras.error
            self.canvas.describe(words if error is None else f"{words}\n{error.words}")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the help in the middle."""
        super().resizeEvent(event)
        self.help.place()

    def _tour(self) -> None:
        """Go to the position whose stack is the newest, if all are followed."""
        stacks = self._update.extras.course.stacks
        if self.view.tour and self.view.t is None and stacks:
            newest = stacks[-1][1].image
            self.edit(lambda v: replace(v, image=newest))

    def _go_to(self, time_s: float) -> None:
        """Show the stack of a moment, of the image on screen."""
        index = self._update.extras.course.nearest(time_s, self.view.image)
        if index is not None:
            self.edit(lambda v: replace(v, t=index.t, tour=False))

    def _pane(self, panes: state.Panes) -> None:
        self.edit(lambda v: replace(v, panes="plane" if v.panes == panes else panes))

    def _step_image(self, steps: int) -> None:
        images = len(self._update.scenes)
        self.edit(lambda v: state.step_image(v, images, steps))

    def _relevel(self, relevel: Callable[[], None]) -> None:
        relevel()
        self.edit(lambda v: replace(v, contrast=()))

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
