"""The time axis that lives of cells and curves share: where a moment is drawn, and ticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from livesr.viewer import theme

if TYPE_CHECKING:
    from livesr.viewer.course import Mark

_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 36000, 86400)
_ROOM = 70
"""Pixels between two ticks at least."""
COLOURS = {
    "decision": theme.ACCENT,
    "shadow": theme.FAINT,
    "event": theme.TEXT,
    "note": theme.GOOD,
    "fault": theme.BAD,
    "odd": theme.WARNING,
    "pause": theme.WARNING,
}
LEGEND = (
    ("decision", "decision"),
    ("shadow", "decision, not acted on"),
    ("event", "event in a cell"),
    ("note", "note"),
    ("odd", "unlike the training"),
    ("pause", "pause"),
    ("fault", "fault"),
)
SIGNS = {"decision": "▼", "shadow": "▼", "note": "■"}
"""Of the marks that are no dots."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """A stretch of time drawn from left to right.

    Attributes
    ----------
    left, right : float
        Pixels.
    end_s : float
        Session time at the right end; the left is 0.
    """

    left: float
    right: float
    end_s: float

    def x(self, time_s: float) -> float:
        """Return where a time is drawn."""
        share = time_s / self.end_s if self.end_s > 0 else 0.0
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def time_s(self, x: float) -> float:
        """Return the time at a place."""
        share = (x - self.left) / max(self.right - self.left, 1.0)
        return min(max(share, 0.0), 1.0) * self.end_s

    def ticks(self) -> list[tuple[float, str]]:
        """Return times of round length with their words."""
        if self.end_s <= 0:
            return [(0.0, "0 s")]
        least = _ROOM * self.end_s / max(self.right - self.left, 1.0)
        step = next((s for s in _STEPS_S if s >= least), _STEPS_S[-1])
        count = int(self.end_s // step) + 1
        return [(k * step, clock(k * step)) for k in range(min(count, 200))]

    def draw(self, painter: QPainter, top: float, bottom: float) -> None:
        """Draw ticks with their words below, and faint lines up to ``top``."""
        for time_s, words in self.ticks():
            x = self.x(time_s)
            painter.setPen(QPen(QColor(theme.LINE), 1))
            painter.drawLine(QPointF(x, top), QPointF(x, bottom))
            painter.setPen(QColor(theme.FAINT))
            where = QRectF(x - 40, bottom + 1, 80, 15)
            painter.drawText(where, Qt.AlignmentFlag.AlignHCenter, words)

    def draw_now(self, painter: QPainter, time_s: float, top: float, bottom: float) -> None:
        """Draw the moment on screen."""
        painter.setPen(QPen(QColor(theme.TEXT), 1.2))
        painter.drawLine(QPointF(self.x(time_s), top), QPointF(self.x(time_s), bottom))


def clock(time_s: float) -> str:
    """Return a time as people say it: s below two minutes, then min, then h:mm."""
    if time_s < 120:
        return f"{time_s:g} s"
    if time_s < 7200:
        minutes, seconds = divmod(round(time_s), 60)
        return f"{minutes} min" if not seconds else f"{minutes}:{seconds:02d} min"
    hours, rest = divmod(round(time_s), 3600)
    return f"{hours}:{rest // 60:02d} h"


def draw_mark(painter: QPainter, mark: Mark, x: float, y: float) -> None:
    """Draw a mark's sign: a triangle for decisions, a dot for what else happened."""
    colour = QColor(COLOURS[mark.kind])
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if mark.kind in {"decision", "shadow"}:
        points = [QPointF(x - 5, y - 5), QPointF(x + 5, y - 5), QPointF(x, y + 4)]
        painter.drawPolygon(QPolygonF(points))
    elif mark.kind == "note":
        painter.drawRect(QRectF(x - 3.5, y - 4.5, 7, 8))
    else:
        painter.drawEllipse(QPointF(x, y), 3.6, 3.6)
