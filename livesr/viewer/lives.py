"""The lives of cells: a row each, coloured by stage, with decisions, events and notes above."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QPainter
from PySide6.QtWidgets import QToolTip, QWidget

from livesr.viewer import theme
from livesr.viewer.compose import STAGE_COLOURS
from livesr.viewer.course import Course
from livesr.viewer.timeaxis import TimeAxis, clock, draw_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QMouseEvent, QPaintEvent

    from livesr.viewer.course import Life, Mark

_NAMES, _TOP, _BOTTOM = 74, 22, 20
_ROW, _LEAST_ROW = 20.0, 5.0
_NEAR = 6.0
NO_CELLS = "this session measured no cells while it ran: they are measured where it has rules"


class Lives(QWidget):
    """Draws the course of a session; a click goes to the stack of that moment."""

    picked = Signal(float)
    """A session time that was clicked, s."""

    def __init__(self) -> None:
        super().__init__()
        self._course = Course()
        self._now: float | None = None
        self._position: int | None = None
        self.setMinimumHeight(110)

    def sync(self, course: Course, now_s: float | None, position: int | None) -> None:
        """Show a course.

        Parameters
        ----------
        course : Course
        now_s : float or None
            Time of the stack on screen.
        position : int or None
            Whose cells are shown; None for all.
        """
        self._course, self._now, self._position = course, now_s, position
        self.update()

    @property
    def lives(self) -> list[Life]:
        """What has a row."""
        return [
            life
            for life in self._course.lives
            if self._position is None or life.position == self._position
        ]

    def axis(self) -> TimeAxis:
        """Return the axis as it is drawn."""
        return TimeAxis(_NAMES, self.width() - 24, max(self._course.end_s, 1.0))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Draw it all."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        axis, bottom = self.axis(), self.height() - _BOTTOM
        axis.draw(painter, _TOP, bottom)
        for life, row in self._rows():
            self._draw_life(painter, axis, life, row)
        if not self._course.told:
            painter.setPen(QColor(theme.FAINT))
            where = QRectF(_NAMES, _TOP, self.width() - _NAMES, bottom - _TOP)
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, NO_CELLS)
        for mark, x in self._signs():
            draw_mark(painter, mark, x, _TOP / 2 + 1)
        if self._now is not None:
            axis.draw_now(painter, self._now, 2, bottom)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Go to the stack of a moment."""
        if event.position().x() >= _NAMES:
            self.picked.emit(self.axis().time_s(event.position().x()))

    def event(self, event: QEvent) -> bool:
        """Answer what is asked for by pointing."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self.words_at(event.pos().x(), event.pos().y())
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def words_at(self, x: float, y: float) -> str:
        """Return what lies at a place: the marks above, or a cell's stage."""
        if y < _TOP:
            near = [mark for mark, at in self._signs() if abs(at - x) <= _NEAR]
            return "\n".join(f"{clock(mark.time_s)}: {mark.words}" for mark in near[-12:])
        time_s = self.axis().time_s(x)
        for life, row in self._rows():
            if row.top() <= y <= row.bottom():
                for one in life.stretches:
                    if one.begin_s <= time_s <= one.end_s:
                        lasts = clock(round(one.end_s - one.begin_s))
                        return (
                            f"{_name(life)}: {one.stage} from {clock(round(one.begin_s))}, {lasts}"
                        )
        return ""

    def _signs(self) -> Iterator[tuple[Mark, float]]:
        axis = self.axis()
        for mark in self._course.marks:
            if mark.position in {-1, self._position} or self._position is None:
                yield mark, axis.x(mark.time_s)

    def _rows(self) -> Iterator[tuple[Life, QRectF]]:
        lives = self.lives
        room = self.height() - _TOP - _BOTTOM - 4
        height = min(_ROW, max(room / max(len(lives), 1), _LEAST_ROW))
        most = int(room // height)
        for k, life in enumerate(lives[-most:] if most else []):
            yield life, QRectF(0, _TOP + 2 + k * height, self.width(), height)

    def _draw_life(self, painter: QPainter, axis: TimeAxis, life: Life, row: QRectF) -> None:
        if row.height() >= 12:
            painter.setPen(QColor(theme.DIM))
            where = QRectF(10, row.top(), _NAMES - 16, row.height())
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, _name(life))
        painter.setPen(Qt.PenStyle.NoPen)
        pad = min(2.0, row.height() / 8)
        for one in life.stretches:
            left, right = axis.x(one.begin_s), axis.x(one.end_s)
            bar = QRectF(left, row.top() + pad, max(right - left, 2.0), row.height() - 2 * pad)
            painter.setBrush(QColor(STAGE_COLOURS.get(one.stage, theme.FAINT)))
            painter.drawRect(bar)


def _name(life: Life) -> str:
    return f"cell {life.cell}" + (f" ←{life.parent}" if life.parent else "")
