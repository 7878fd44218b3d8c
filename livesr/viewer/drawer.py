"""What can be drawn out below the picture: lives of cells, volumes, counts, contacts over time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, get_args

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from livesr.viewer import state
from livesr.viewer.compose import STAGE_COLOURS
from livesr.viewer.controls import choice, joined, labelled
from livesr.viewer.curves import Curves
from livesr.viewer.lives import Lives
from livesr.viewer.timeaxis import COLOURS, LEGEND, SIGNS

if TYPE_CHECKING:
    from collections.abc import Collection

    from livesr.viewer.beside import Extras
    from livesr.viewer.controls import Edit
    from livesr.viewer.state import OverTime, Scene, View

HEIGHT = 244
_WORDS = {"lives": "Cells", "volume": "Volumes", "count": "Counts", "contacts": "Contacts"}


class Drawer(QWidget):
    """One of four views over time, with its legend."""

    picked = Signal(float)
    """A session time that was clicked, s."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self.setObjectName("timebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self.lives, self.curves = Lives(), Curves()
        self.kinds: tuple[OverTime, ...] = tuple(k for k in get_args(state.OverTime) if k)
        self.buttons = choice(*(_WORDS[kind] for kind in self.kinds), tip="over time (T)")
        for kind, button in zip(self.kinds, self.buttons, strict=True):
            button.clicked.connect(partial(edit, partial(_shown, kind=kind)))
        self.relative = QPushButton("× first")
        self.relative.setCheckable(True)
        self.relative.setToolTip("each curve as a share of its first value")
        self.relative.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.relative.toggled.connect(self._redraw)
        self.legend = labelled("", "dim")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        self.legend.setAlignment(right)
        self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for plot in (self.lives, self.curves):
            plot.picked.connect(self.picked)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.lives)
        self._stack.addWidget(self.curves)
        header = QHBoxLayout()
        header.setContentsMargins(12, 8, 16, 2)
        header.addWidget(joined(*self.buttons))
        header.addSpacing(12)
        header.addWidget(self.relative)
        header.addWidget(self.legend, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(header)
        layout.addLayout(self._stack, 1)
        self._last: tuple[View, Scene | None, Extras] | None = None

    def sync(self, view: View, scene: Scene | None, extras: Extras) -> None:
        """Show what a view asks for."""
        self._last = view, scene, extras
        self.setVisible(bool(view.over_time))
        if not view.over_time:
            return
        for kind, button in zip(self.kinds, self.buttons, strict=True):
            button.setChecked(kind == view.over_time)
        lives = view.over_time == "lives"
        self._stack.setCurrentWidget(self.lives if lives else self.curves)
        self.relative.setVisible(not lives)
        happened = {mark.kind for mark in extras.course.marks}
        self.legend.setText(_stages() if lives else _marks(happened))
        t = state.time_of(view, scene) if scene is not None else None
        now = None if t is None else extras.course.time_of(view.image, t)
        if lives:
            self.lives.sync(extras.course, now, scene.position if scene is not None else None)
        else:
            series = extras.series
            wrong = series is not None and series.kind != view.over_time
            shown = None if wrong else series
            self.curves.sync(shown, extras.course, now, relative=self.relative.isChecked())

    def _redraw(self) -> None:
        if self._last is not None:
            self.sync(*self._last)


def _shown(view: View, *, kind: OverTime) -> View:
    return replace(view, over_time=kind)


def _stages() -> str:
    dots = (f'<span style="color:{c}">■</span>&nbsp;{stage}' for stage, c in STAGE_COLOURS.items())
    return "&nbsp;&nbsp; ".join(dots)


def _marks(happened: Collection[str]) -> str:
    dots = (
        f'<span style="color:{COLOURS[kind]}">{SIGNS.get(kind, "●")}</span>&nbsp;{word}'
        for kind, word in LEGEND
        if kind in happened
    )
    return "&nbsp;&nbsp; ".join(dots)
