"""The masks in space, turned with the mouse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from livesr.viewer import theme
from livesr.viewer.bars import ScaleBar

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPaintEvent, QResizeEvent

    from livesr.viewer.controls import Edit
    from livesr.viewer.solid import SolidPicture

_EDGES = (
    (0, 1), (0, 2), (1, 3), (2, 3), (4, 5), (4, 6), (5, 7), (6, 7), (0, 4), (1, 5), (2, 6), (3, 7),
)  # fmt: skip
_PER_PIXEL = 0.4
"""Degrees of turn for a pixel of the mouse."""
MARGIN = 14
NOTHING = "No masks of this stack to be seen in space"


class Space(QWidget):
    """Draws what was cast, with the edges of the field around it."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self._edit = edit
        self._picture: SolidPicture | None = None
        self._from: tuple[QPointF, tuple[float, float]] | None = None
        self.scale_bar = ScaleBar(self)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip("drag to turn; glass: plasma membrane, ER, nucleus")

    @property
    def picture(self) -> SolidPicture | None:
        """What is drawn."""
        return self._picture

    def show_picture(self, picture: SolidPicture | None) -> None:
        """Draw a picture; None where there are no masks."""
        if picture is not self._picture:
            self._picture = picture
            self._rescale()
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Draw the picture as large as it fits, and the field's edges behind it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.CANVAS))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        picture = self._picture
        if picture is None:
            painter.setPen(QColor(theme.DIM))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, NOTHING)
        else:
            frame, scale = self._frame(picture)
            rows, columns, _ = picture.image.shape
            data = picture.image.tobytes()
            image = QImage(data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
            painter.drawImage(frame, image)
            edge = QColor(theme.FAINT)
            edge.setAlpha(120)
            painter.setPen(QPen(edge, 1.0))
            points = [
                QPointF(frame.left() + x * scale, frame.top() + y * scale)
                for x, y in picture.corners.tolist()
            ]
            for one, other in _EDGES:
                painter.drawLine(points[one], points[other])
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Begin to turn."""
        if self._picture is not None:
            self._from = event.position(), self._picture.turn

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Turn."""
        if self._from is None:
            return
        began, (around, away) = self._from
        by = event.position() - began
        turn = (
            round(around - _PER_PIXEL * by.x(), 1) % 360,
            min(max(round(away - _PER_PIXEL * by.y(), 1), 0.0), 180.0),
        )
        self._edit(lambda v: replace(v, turn=turn))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """End turning."""
        self._from = None

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the scale bar in its corner."""
        super().resizeEvent(event)
        self._rescale()

    def _rescale(self) -> None:
        bar, picture = self.scale_bar, self._picture
        bar.setVisible(picture is not None)
        bar.move(self.width() - MARGIN - bar.width(), self.height() - MARGIN - bar.height())
        if picture is not None:
            bar.pixel_um = picture.pixel_um / self._frame(picture)[1]

    def _frame(self, picture: SolidPicture) -> tuple[QRectF, float]:
        side = max(min(self.width(), self.height()), 1)
        frame = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        return frame, side / picture.image.shape[0]
