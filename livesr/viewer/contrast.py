"""The histogram of the picture, and its two levels to be drawn with the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from livesr.viewer import compose, state, theme

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPaintEvent

    from livesr.viewer.controls import Edit
    from livesr.viewer.loader import Picture

_HEIGHT, _TEXT = 66, 15
_GRIP = 7


class Contrast(QWidget):
    """Shows which values there are, and which are drawn black and white; drag either.

    A double click leaves the levels to the picture again.
    """

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self._edit = edit
        self._picture: Picture | None = None
        self._held: int | None = None
        self._levels = compose.Levels(0.0, 1.0)
        self.setFixedHeight(_HEIGHT)
        self.setToolTip(
            "pixels by their values (logarithmic); drag the two lines to set the contrast,"
            " double click or A for the picture's own"
        )
        self.setCursor(Qt.CursorShape.SizeHorCursor)

    def sync(self, picture: Picture | None) -> None:
        """Show the histogram of a picture."""
        self._picture = picture
        if picture is not None and self._held is None:
            self._levels = picture.levels
        self.setVisible(picture is None or picture.histogram is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Draw curve, lines and numbers."""
        picture = self._picture
        if picture is None or picture.histogram is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = self._frame()
        painter.fillRect(frame, QColor(theme.CANVAS))
        heights = picture.histogram.heights
        xs = np.linspace(frame.left(), frame.right(), len(heights))
        ys = frame.bottom() - heights * (frame.height() - 3)
        points = [QPointF(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        ends = [QPointF(frame.left(), frame.bottom()), *points, frame.bottomRight()]
        filled = QColor(theme.FAINT)
        filled.setAlpha(110)
        painter.setBrush(filled)
        painter.setPen(QPen(QColor(theme.DIM), 1.1))
        painter.drawPolygon(QPolygonF(ends))
        self._draw_levels(painter, frame, ratio=picture.channel == state.RATIO)
        painter.end()

    def _draw_levels(self, painter: QPainter, frame: QRectF, *, ratio: bool) -> None:
        row = QRectF(0, 0, self.width(), _TEXT)
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
        values = self._levels.low, self._levels.high
        for value, side, colour in zip(values, sides, (theme.FAINT, theme.TEXT), strict=True):
            x = self._x(value)
            painter.setPen(QPen(QColor(theme.ACCENT), 1.6))
            painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
            painter.setBrush(QColor(colour))
            painter.drawEllipse(QPointF(x, frame.bottom() - 3), 3.2, 3.2)
            painter.setPen(QColor(theme.DIM))
            painter.drawText(row, side, f"{value:.2f}" if ratio else f"{value:.0f}")

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Take hold of the nearer line."""
        x = event.position().x()
        ends = [abs(x - self._x(v)) for v in (self._levels.low, self._levels.high)]
        self._held = ends.index(min(ends))
        self._drag(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Move the line."""
        if self._held is not None:
            self._drag(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Let go."""
        self._held = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Leave the levels to the picture."""
        self._held = None
        if self._picture is not None:
            channel = self._picture.channel
            self._edit(lambda v: state.with_contrast(v, channel, None))

    def _drag(self, x: float) -> None:
        picture = self._picture
        if picture is None or picture.histogram is None:
            return
        scale, frame = picture.histogram, self._frame()
        share = min(max((x - frame.left()) / frame.width(), 0.0), 1.0)
        value = scale.low + share * (scale.high - scale.low)
        least = (scale.high - scale.low) / 200
        low, high = self._levels.low, self._levels.high
        if self._held == 0:
            low = min(value, high - least)
        else:
            high = max(value, low + least)
        self._levels = compose.Levels(low, high)
        channel = picture.channel
        self._edit(lambda v: state.with_contrast(v, channel, (low, high)))
        self.update()

    def _frame(self) -> QRectF:
        return QRectF(_GRIP, _TEXT + 2, self.width() - 2 * _GRIP, self.height() - _TEXT - 3)

    def _x(self, value: float) -> float:
        frame = self._frame()
        scale = self._picture.histogram if self._picture is not None else None
        if scale is None:
            return frame.left()
        share = (value - scale.low) / max(scale.high - scale.low, 1e-9)
        return frame.left() + min(max(share, 0.0), 1.0) * frame.width()
