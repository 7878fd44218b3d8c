"""Curves over time, drawn by hand: volumes, counts, contacts, with the names at their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from livesr.viewer import theme
from livesr.viewer.compose import round_length
from livesr.viewer.timeaxis import TimeAxis, draw_mark

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPaintEvent

    from livesr.viewer.course import Course
    from livesr.viewer.series import Curve, Series

_LEFT, _TOP, _BOTTOM = 58, 22, 20
_NAMES = (90, 300)
"""Pixels for the names at the right, at least and at most."""
_LINE = 15.0


class Curves(QWidget):
    """Draws one series; a click goes to the stack of that moment."""

    picked = Signal(float)
    """A session time that was clicked, s."""

    def __init__(self) -> None:
        super().__init__()
        self._series: Series | None = None
        self._course: Course | None = None
        self._now: float | None = None
        self._relative = False
        self.setMinimumHeight(110)

    def sync(
        self, series: Series | None, course: Course, now_s: float | None, *, relative: bool
    ) -> None:
        """Show curves.

        Parameters
        ----------
        series : Series or None
            None while they are read.
        course : Course
            For its end and its marks.
        now_s : float or None
            Time of the stack on screen.
        relative : bool
            Each curve as a share of its first value, so that large and small ones are compared.
        """
        self._series, self._course, self._now = series, course, now_s
        self._relative = relative
        self.update()

    def axis(self) -> TimeAxis:
        """Return the axis as it is drawn."""
        end = self._course.end_s if self._course is not None else 0.0
        return TimeAxis(_LEFT, self.width() - self._right(), max(end, 1.0))

    def _right(self) -> int:
        """Return the room that the names need."""
        names = [curve.name for curve in self._series.curves] if self._series is not None else []
        widest = max((self.fontMetrics().horizontalAdvance(name) for name in names), default=0)
        return max(_NAMES[0], min(widest + 20, _NAMES[1]))

    def values(self, curve: Curve) -> list[float]:
        """Return what is drawn of a curve."""
        first = next((v for v in curve.values if v > 0), 1.0)
        return [v / first for v in curve.values] if self._relative else list(curve.values)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Draw axes, curves and names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        axis, bottom = self.axis(), float(self.height() - _BOTTOM)
        series = self._series
        if series is None or not series.curves:
            painter.setPen(QColor(theme.FAINT))
            words = "reading …" if series is None else series.empty
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
            painter.end()
            return
        axis.draw(painter, _TOP, bottom)
        highest = max((v for c in series.curves for v in self.values(c)), default=0.0) or 1.0
        self._draw_scale(painter, highest, series.unit, axis.right)
        ends = [self._draw_curve(painter, axis, curve, highest) for curve in series.curves]
        _draw_names(painter, list(zip(ends, series.curves, strict=True)), axis.right, bottom)
        for mark in self._course.marks if self._course is not None else ():
            draw_mark(painter, mark, axis.x(mark.time_s), _TOP / 2 + 1)
        if self._now is not None:
            axis.draw_now(painter, self._now, 2, bottom)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Go to the stack of a moment."""
        x = event.position().x()
        if _LEFT <= x <= self.axis().right:
            self.picked.emit(self.axis().time_s(x))

    def _y(self, value: float, highest: float) -> float:
        bottom = self.height() - _BOTTOM
        return bottom - value / highest * (bottom - _TOP - 4)

    def _draw_scale(self, painter: QPainter, highest: float, unit: str, right: float) -> None:
        step = round_length(highest / 2) or highest
        for k in range(int(highest / step) + 1):
            y = self._y(k * step, highest)
            painter.setPen(QPen(QColor(theme.LINE), 1))
            painter.drawLine(QPointF(_LEFT, y), QPointF(right, y))
            painter.setPen(QColor(theme.FAINT))
            where = QRectF(0, y - 10 if k == 0 else y - 8, _LEFT - 6, 16)
            side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(where, side, f"{k * step:,.4g}")
        painter.setPen(QColor(theme.DIM))
        words = "× first" if self._relative else unit
        painter.drawText(QRectF(8, 2, 200, 16), Qt.AlignmentFlag.AlignLeft, words)

    def _draw_curve(self, painter: QPainter, axis: TimeAxis, curve: Curve, highest: float) -> float:
        """Draw a curve and return the height of its end."""
        values = self.values(curve)
        points = [
            QPointF(axis.x(t), self._y(v, highest))
            for t, v in zip(curve.times_s, values, strict=True)
        ]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(f"#{curve.color}"), 1.6))
        painter.drawPolyline(QPolygonF(points))
        painter.setBrush(QColor(f"#{curve.color}"))
        if len(points) < 60:
            for point in points:
                painter.drawEllipse(point, 1.8, 1.8)
        return points[-1].y()


def _draw_names(
    painter: QPainter, ends: list[tuple[float, Curve]], left: float, bottom: float
) -> None:
    """Write each curve's name beside its end, moved so that none covers another."""
    ordered = sorted(ends, key=lambda one: one[0])
    line = min(_LINE, (bottom + _LINE) / len(ordered))
    font = painter.font()
    font.setPixelSize(max(8, min(13, int(line) - 1)))
    painter.setFont(font)
    for y, (_, curve) in zip(apart([y for y, _ in ordered], line, bottom), ordered, strict=True):
        painter.setPen(QColor(f"#{curve.color}"))
        where = QRectF(left + 8, y - line / 2, _NAMES[1], line)
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, curve.name)


def apart(places: list[float], least: float, bottom: float) -> list[float]:
    """Return ascending places moved so that they are so far apart and none lies below the bottom.

    Parameters
    ----------
    places : list of float
        Ascending.
    least : float
        Distance between two of them.
    bottom : float
        Greatest place.
    """
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + least) if moved else place)
    lowest = bottom
    for k in reversed(range(len(moved))):
        moved[k] = min(moved[k], lowest)
        lowest = moved[k] - least
    return moved
