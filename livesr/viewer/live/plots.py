"""The histogram of a channel and the course of the focus score, drawn by hand: small and quick."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from livesr.viewer import theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from livesr.viewer.live.figures import Figures

_COLOURS = {"yellow": "#e8c84a", "red": "#f2685f", "green": "#58c27d"}
_KEPT = 160


class HistogramPlot(QWidget):
    """Counts of one channel on logarithmic axes, and what is saturated."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.figures: Figures | None = None
        self.setFixedHeight(54)
        self.setToolTip(
            f"{name}: pixels by their counts, both axes logarithmic; the right end is a full pixel"
        )

    def show_figures(self, figures: Figures | None) -> None:
        """Show other figures."""
        self.figures = figures
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Draw the curve, its title and numbers."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(0, 17, self.width() - 1, self.height() - 18)
        painter.fillRect(frame, QColor(theme.CANVAS))
        painter.setPen(QColor(theme.DIM))
        top = QRectF(0, 0, self.width(), 15)
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft, self.name)
        if self.figures is not None:
            self._curve(painter, frame)
            text, colour = self._said(self.figures)
            painter.setPen(QColor(colour))
            painter.drawText(top, Qt.AlignmentFlag.AlignRight, text)
        painter.end()

    def _curve(self, painter: QPainter, frame: QRectF) -> None:
        heights = self.figures.histogram if self.figures is not None else np.zeros(2)
        xs = np.linspace(frame.left(), frame.right(), len(heights))
        ys = frame.bottom() - heights * (frame.height() - 3)
        points = [QPointF(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        ends = [QPointF(frame.left(), frame.bottom()), *points]
        area = QPolygonF([*ends, QPointF(frame.right(), frame.bottom())])
        colour = QColor(_COLOURS.get(self.name, theme.ACCENT))
        painter.setPen(QPen(colour, 1.2))
        filled = QColor(colour)
        filled.setAlpha(70)
        painter.setBrush(filled)
        painter.drawPolygon(area)

    @staticmethod
    def _said(figures: Figures) -> tuple[str, str]:
        if figures.saturated > 0:
            return f"{figures.saturated:.2%} saturated", theme.BAD
        return f"brightest {figures.highest}", theme.DIM


class FocusPlot(QWidget):
    """The focus score now, its best, and how it went."""

    def __init__(self) -> None:
        super().__init__()
        self._scores: deque[float] = deque(maxlen=_KEPT)
        self.setFixedHeight(54)
        self.setToolTip(
            "normalised variance of the fine structure (1 to 3 pixels) without noise, times 1000: "
            "turn the focus until it is highest"
        )

    def add(self, score: float) -> None:
        """Show the next score."""
        self._scores.append(score)
        self.update()

    @property
    def score(self) -> float:
        """The present score."""
        return self._scores[-1] if self._scores else 0.0

    def forget(self) -> None:
        """Begin anew: another field, another best."""
        self._scores.clear()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Draw the course and the numbers."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(0, 17, self.width() - 1, self.height() - 18)
        painter.fillRect(frame, QColor(theme.CANVAS))
        top = QRectF(0, 0, self.width(), 15)
        painter.setPen(QColor(theme.DIM))
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft, "focus")
        if self._scores:
            best = max(self._scores)
            text = f"{self.score:.1f}   best {best:.1f}"
            painter.drawText(top, Qt.AlignmentFlag.AlignRight, text)
            self._course(painter, frame, best)
        painter.end()

    def _course(self, painter: QPainter, frame: QRectF, best: float) -> None:
        step = frame.width() / (_KEPT - 1)
        left = frame.right() - step * (len(self._scores) - 1)
        height = frame.height() - 6
        points = [
            QPointF(left + step * k, frame.bottom() - 3 - height * score / max(best, 1e-9))
            for k, score in enumerate(self._scores)
        ]
        painter.setPen(QPen(QColor(theme.ACCENT), 1.6))
        painter.drawPolyline(QPolygonF(points))
