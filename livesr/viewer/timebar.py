"""Below the image: time, and the one line that says how the session goes."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from livesr.viewer import state, theme
from livesr.viewer.controls import Edit, Step, labelled, slider
from livesr.viewer.progress import Progress, describe

if TYPE_CHECKING:
    from livesr.viewer.state import Scene, View

HELP = (
    "1–9 channel · ← → time · ↑ ↓ plane · M maximum · L masks · C contours · I light · "
    "Space follow · S save"
)
TIME_TIP = "time (← →)"
_LONGEST_NOTE = 60
GAP = "   ·   "


class TimeBar(QWidget):
    """Slider over the stored stacks, and the switch that follows the newest."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self._edit = edit
        self._stored: tuple[int, ...] = ()
        self.setObjectName("timebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.label = labelled("", "dim")
        self.label.setMinimumWidth(110)
        self.note = labelled("", "dim")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.slider = slider(TIME_TIP)
        self.slider.valueChanged.connect(self._pick)
        self.follow = QPushButton("Follow newest")
        self.follow.setCheckable(True)
        self.follow.setToolTip("show each stack as it comes (Space)")
        self.follow.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.follow.clicked.connect(lambda on: edit(self._freeze_or_follow(on=on)))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 9, 16, 9)
        layout.setSpacing(14)
        layout.addWidget(self.label)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.note)
        layout.addWidget(self.follow)
        self._now: int | None = None

    def sync(self, view: View, scene: Scene | None) -> None:
        """Show which stack of those stored is on screen."""
        self._stored = scene.stored if scene is not None else ()
        self._now = state.time_of(view, scene) if scene is not None else None
        place = self._stored.index(self._now) if self._now is not None else 0
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, len(self._stored) - 1))
            self.slider.setValue(place)
        self.slider.setEnabled(len(self._stored) > 1)
        self.follow.setChecked(view.t is None)
        text = "no stack yet" if self._now is None else f"stack {place + 1} / {len(self._stored)}"
        self.label.setText(text)
        notes = scene.notes if scene is not None else ()
        here = "; ".join(said for t, said in notes if t == self._now)
        self.note.setText(_short(here))
        self.note.setVisible(bool(here))
        tips = [f"stack {self._stored.index(t) + 1}: {said}" for t, said in notes]
        self.slider.setToolTip("\n".join([TIME_TIP, *tips]))

    def _pick(self, place: int) -> None:
        if place < len(self._stored):
            t = self._stored[place]
            self._edit(lambda v: replace(v, t=t))

    def _freeze_or_follow(self, *, on: bool) -> Step:
        t = None if on else self._now
        return lambda v: replace(v, t=t)


def _short(note: str) -> str:
    line = " ".join(note.split())
    return f"✎ {line[:_LONGEST_NOTE]}{'…' * (len(line) > _LONGEST_NOTE)}" if line else ""


class StatusLine(QWidget):
    """A dot, what it stands for, and the figures."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("statusbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 6, 16, 7)
        layout.addWidget(self.text, 1)

    def sync(
        self, progress: Progress, problem: str, note: str = "", flags: tuple[str, ...] = ()
    ) -> None:
        """Say how the session goes, what is wrong with it, or a note; and of a stack, what is odd.

        Parameters
        ----------
        progress : Progress
        problem, note : str
            Told instead of the progress.
        flags : tuple of str
            What of the stack shown is unlike the package's training.
        """
        colour, word = _state(progress, problem)
        words = [note or word] if note or problem else [word, *describe(progress)]
        text = f'<span style="color:{colour}">●</span>&nbsp;&nbsp;{GAP.join(words)}'
        if flags and not (note or problem):
            more = f" (and {len(flags) - 1} more)" if len(flags) > 1 else ""
            odd = escape(f"unlike the training: {flags[0]}{more}")
            text += f'{GAP}<span style="color:{theme.WARNING}">▲&nbsp;{odd}</span>'
        self.text.setText(text)
        self.text.setToolTip("\n".join(flags))


def _state(progress: Progress, problem: str) -> tuple[str, str]:
    if problem:
        return theme.BAD, problem
    if progress.finished:
        return theme.DIM, "finished"
    if not progress.started:
        return theme.WARNING, "starting"
    if progress.paused:
        return theme.WARNING, f"paused: {escape(progress.paused)}"
    return theme.GOOD, "recording"
