"""What lies in the corners of a picture: a bar of a round length, and a scale of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from livesr.viewer import compose, theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from livesr.types import UInt8


class ScaleBar(QWidget):
    """A bar of a round length in µm."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.resize(190, 34)
        self.setVisible(False)
        self._pixel_um = 0.0
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    @property
    def pixel_um(self) -> float:
        """Size of a screen pixel, µm."""
        return self._pixel_um

    @pixel_um.setter
    def pixel_um(self, value: float) -> None:
        self._pixel_um = value
        self.update()

    @property
    def length_um(self) -> float:
        """Length of the bar: 1, 2 or 5 times a power of ten, the longest that fits."""
        return compose.round_length(self._pixel_um * (self.width() - 16))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Draw bar and length at the right edge."""
        if self._pixel_um <= 0:
            return
        length = round(self.length_um / self._pixel_um)
        left, top = self.width() - length - 8, self.height() - 10
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 130))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawRoundedRect(QRectF(left - 8, 0, length + 16, self.height()), 4, 4)
        painter.fillRect(left, top, length, 4, QColor(theme.TEXT))
        painter.setPen(QColor(theme.TEXT))
        where = QRectF(left - 8, 3, length + 16, top - 4)
        painter.drawText(where, Qt.AlignmentFlag.AlignCenter, f"{self.length_um:g} µm")
        painter.end()


class ColourBar(QWidget):
    """A scale of colours with its limits.

    Parameters
    ----------
    parent : QWidget
    title : str
    colours : ndarray, (256, 3), uint8
        From the lower to the upper end.
    decimals : int
        Of the numbers.
    """

    def __init__(
        self,
        parent: QWidget,
        title: str = "red / yellow",
        colours: UInt8 = compose.HUES,
        decimals: int = 2,
    ) -> None:
        super().__init__(parent)
        self._title, self._decimals = title, decimals
        self._column = colours[::-1].copy()
        self.resize(96, 190)
        self._levels = compose.Levels(0.0, 1.0)
        self.setVisible(False)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    @property
    def levels(self) -> compose.Levels:
        """Values at the two ends."""
        return self._levels

    @levels.setter
    def levels(self, value: compose.Levels) -> None:
        self._levels = value
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Draw the scale, its title and three numbers."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 150))
        painter.drawRoundedRect(self.rect(), 4, 4)
        painter.setPen(QColor(theme.TEXT))
        centre = Qt.AlignmentFlag.AlignHCenter
        painter.drawText(QRectF(0, 6, self.width(), 16), centre, self._title)
        bar = QRectF(14, 30, 16, self.height() - 44)
        image = QImage(self._column.data, 1, 256, 3, QImage.Format.Format_RGB888)
        painter.drawImage(bar, image)
        low, high = self._levels.low, self._levels.high
        for share, value in ((0.0, high), (0.5, (low + high) / 2), (1.0, low)):
            y = bar.top() + share * bar.height()
            where = QRectF(bar.right() + 8, y - 8, 50, 16)
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, f"{value:.{self._decimals}f}")
        painter.end()
