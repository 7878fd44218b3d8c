"""The window of a preview: picture left, controls right, one line below. It draws and asks."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from livesr.viewer import theme
from livesr.viewer.canvas import Canvas
from livesr.viewer.live.actions import EXPOSURE_STEP, POWER_STEP
from livesr.viewer.live.composer import MODES
from livesr.viewer.live.panel import Panel
from livesr.viewer.live.rectangles import Rectangles

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.viewer.live.actions import Actions
    from livesr.viewer.live.composer import LivePicture
    from livesr.viewer.live.told import Told

FINE_UM, COARSE_UM = 0.1, 1.0
STACK = "stack"
OPACITY = 0.5
GAP = "   ·   "


class LiveWindow(QMainWindow):
    """Shows a preview.

    Parameters
    ----------
    title : str
    actions : Actions
        Does what is asked for.
    look : callable
        Called with the mode that pictures shall be drawn in.
    relevel : callable
        Called for new levels.
    """

    def __init__(
        self,
        title: str,
        actions: Actions,
        *,
        look: Callable[[str], None],
        relevel: Callable[[], None],
    ) -> None:
        super().__init__()
        self.setWindowTitle(f"livesr live · {title}")
        self.mode: str = MODES[0]
        self.wants_to_run = False
        self._actions, self._look = actions, look
        self._latest: LivePicture | None = None
        self.canvas = Canvas()
        self.rectangles = Rectangles(self.canvas.box, actions.set_layout)
        do = self._deeds(relevel)
        self.panel = Panel(do)
        self.status = QLabel()
        self.status.setTextFormat(Qt.TextFormat.RichText)
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._lay_out()
        for key, name in _SHORTCUTS.items():
            QShortcut(QKeySequence(key), self).activated.connect(do[name])
        self.canvas.say("Waiting for the camera …")

    def _deeds(self, relevel: Callable[[], None]) -> dict[str, Callable[[], None]]:
        """Return what buttons and keys do, by name."""
        act = self._actions
        return {
            "toggle": act.toggle,
            "exposure+": partial(act.exposure, EXPOSURE_STEP),
            "exposure-": partial(act.exposure, 1 / EXPOSURE_STEP),
            "power+": partial(act.power, POWER_STEP),
            "power-": partial(act.power, 1 / POWER_STEP),
            "z+": partial(self._up, 1, FINE_UM),
            "z-": partial(self._up, -1, FINE_UM),
            "z++": partial(self._up, 1, COARSE_UM),
            "z--": partial(self._up, -1, COARSE_UM),
            "bottom": partial(act.mark_z, top=False),
            "top": partial(act.mark_z, top=True),
            "find": act.find,
            "swap": act.swap,
            "try": act.try_one,
            "write": act.write,
            "run": self._run,
            "save": act.save,
            "relevel": relevel,
            "fit": self.canvas.fit,
            **{mode: partial(self.show_mode, mode) for mode in (*MODES, STACK)},
        }

    def _lay_out(self) -> None:
        bar = QWidget()
        bar.setObjectName("statusbar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        line = QHBoxLayout(bar)
        line.setContentsMargins(16, 6, 16, 7)
        line.addWidget(self.status, 1)
        upper = QHBoxLayout()
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(0)
        upper.addWidget(self.canvas, 1)
        upper.addWidget(self.panel)
        body = QWidget()
        body.setObjectName("body")
        whole = QVBoxLayout(body)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(upper, 1)
        whole.addWidget(bar)
        self.setCentralWidget(body)

    def show_mode(self, mode: str) -> None:
        """Show another view."""
        if mode == STACK and self._actions.told.picture is None:
            return
        self.mode = mode
        self._look(mode)

    def display(self, picture: LivePicture | None, told: Told, frozen: str) -> None:
        """Show the newest picture, if there is one, and what is told beside it."""
        if picture is not None:
            new = self._latest is None or picture.figures is not self._latest.figures
            self._latest = picture
            self._actions.saw(picture.shot)
            if new and picture.figures:
                self.panel.show_figures(picture.figures, picture.focus)
        if self.mode == STACK and told.picture is not None:
            if self.canvas.picture is not told.picture:
                self.canvas.show_picture(told.picture, OPACITY, labels=True)
        elif self._latest is not None and self.canvas.picture is not self._latest.picture:
            self.canvas.show_picture(self._latest.picture, OPACITY, labels=False)
        self._sync(told, frozen)

    def _sync(self, told: Told, frozen: str) -> None:
        latest = self._latest
        self.panel.sync(told, mode=self.mode, frozen=frozen)
        if latest is not None:
            sensor = latest.shot.images[0].shape
            pixel = latest.picture.pixel_um[0]
            self.rectangles.show(
                told.session.layout,
                pixel,
                (sensor[0], sensor[1]),
                visible=self.mode == "sensor" or latest.picture.channel == "sensor",
            )
            self.canvas.say("")
            self.canvas.describe(self._caption(told))
        elif frozen:
            self.canvas.say(frozen)
        self.status.setText(_status(latest, told, frozen))

    def _caption(self, told: Told) -> str:
        if self.mode == STACK and told.picture is not None:
            return f"tried stack · plane {told.picture.z} · ↑ ↓ other planes"
        latest = self._latest
        if latest is None:
            return ""
        pixel = latest.picture.pixel_um[0]
        return f"{latest.picture.channel} · pixel {pixel:g} µm"

    def _up(self, sign: int, by_um: float) -> None:
        if self.mode == STACK:
            self._actions.step(sign if by_um == FINE_UM else 5 * sign)
        else:
            self._actions.move_z(sign * by_um)

    def _run(self) -> None:
        self.wants_to_run = True
        self.close()


_SHORTCUTS = {
    "Space": "toggle",
    "1": MODES[0],
    "2": MODES[1],
    "3": MODES[2],
    "4": MODES[3],
    "5": STACK,
    "E": "exposure+",
    "Shift+E": "exposure-",
    "P": "power+",
    "Shift+P": "power-",
    "Up": "z+",
    "Down": "z-",
    "Shift+Up": "z++",
    "Shift+Down": "z--",
    "B": "bottom",
    "N": "top",
    "A": "relevel",
    "F": "find",
    "X": "swap",
    "T": "try",
    "S": "save",
    "Return": "write",
    "Z": "fit",
}


def _status(latest: LivePicture | None, told: Told, frozen: str) -> str:
    colour, word = (theme.DIM, f"dark: {frozen}") if frozen else (theme.GOOD, "live, light on")
    words = [word]
    if told.busy:
        colour, words = theme.ACCENT, [told.busy]
    elif latest is not None and not frozen:
        words.append(f"{latest.shot.fps:.0f} frames/s")
    text = f'<span style="color:{colour}">●</span>&nbsp;&nbsp;{escape(GAP.join(words))}'
    if told.note:
        shade = theme.BAD if told.bad else theme.TEXT
        text += f'{GAP}<span style="color:{shade}">{escape(told.note)}</span>'
    return text
