"""The big image: base, labels, scale bar, colour bar, caption and messages on top of each other."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from livesr.catalog import STRUCTURES
from livesr.viewer import compose, theme
from livesr.viewer.compose import round_length

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from livesr.viewer.loader import Picture

MARGIN = 14
CRISP = 2.0
"""Screen pixels for an image pixel from which on pixels are drawn as squares, not smoothed."""


class Canvas(QWidget):
    """Draws one picture; µm are its coordinates, so that grids of any voxel lie right."""

    def __init__(self) -> None:
        super().__init__()
        self._picture: Picture | None = None
        self._graphics = pg.GraphicsView(background=theme.CANVAS)
        self._box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False)
        self._box.disableAutoRange()
        self._graphics.setCentralItem(self._box)
        self._base = pg.ImageItem(axisOrder="row-major", levels=(0, 255))
        self._labels = pg.ImageItem(axisOrder="row-major")
        self._labels.setZValue(1)
        for item in (self._base, self._labels):
            self._box.addItem(item)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._graphics)
        self.caption = _overlay(self, "canvas")
        self.readout = _overlay(self, "canvas")
        self.message = _overlay(self, "message")
        self.scale_bar = ScaleBar(self)
        self.colour_bar = ColourBar(self)
        self._box.sigRangeChanged.connect(self._on_zoom)
        self._graphics.scene().sigMouseMoved.connect(self._on_mouse)

    @property
    def picture(self) -> Picture | None:
        """What is drawn."""
        return self._picture

    @property
    def box(self) -> pg.ViewBox:
        """What further items may be drawn in, in µm."""
        return self._box

    def show_picture(self, picture: Picture, opacity: float, *, labels: bool) -> None:
        """Draw a picture; the first one, and one of another size, is fitted into the window."""
        fit = self._picture is None or extent(self._picture) != extent(picture)
        self._picture = picture
        rgb = picture.base.ndim == 3
        self._base.setImage(picture.base, autoLevels=False, levels=None if rgb else (0, 255))
        self._base.setRect(extent(picture))
        self.show_labels(opacity, labels=labels)
        self.scale_bar.setVisible(True)
        self.colour_bar.setVisible(picture.channel == "ratio")
        self.colour_bar.levels = picture.levels
        if fit:
            self.fit()

    def show_labels(self, opacity: float, *, labels: bool) -> None:
        """Draw the labels of the picture with another opacity, or not at all."""
        picture = self._picture
        if picture is None or picture.labels is None or picture.masked or not labels:
            self._labels.setVisible(False)
            return
        rows, columns = picture.labels.shape
        dy, dx = picture.label_pixel_um
        table = compose.colour_table(opacity)
        self._labels.setImage(picture.labels, autoLevels=False, levels=None, lut=table)
        self._labels.setRect(QRectF(0, 0, columns * dx, rows * dy))
        self._labels.setVisible(True)

    def fit(self) -> None:
        """Show the whole field."""
        if self._picture is not None:
            self._box.setRange(extent(self._picture), padding=0.0)

    def say(self, message: str) -> None:
        """Write in the middle of the image; an empty text clears it."""
        set_text(self.message, message)
        self._place()

    def describe(self, caption: str) -> None:
        """Write in the upper left corner."""
        set_text(self.caption, caption)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep what lies on the image in its corners."""
        super().resizeEvent(event)
        self.fit()
        self._place()

    def _place(self) -> None:
        width, height = self.width(), self.height()
        self.caption.move(MARGIN, MARGIN)
        self.readout.move(MARGIN, height - MARGIN - self.readout.height())
        self.scale_bar.move(
            width - MARGIN - self.scale_bar.width(), height - MARGIN - self.scale_bar.height()
        )
        self.colour_bar.move(width - MARGIN - self.colour_bar.width(), MARGIN)
        self.message.adjustSize()
        self.message.move(
            (width - self.message.width()) // 2, (height - self.message.height()) // 2
        )

    def _on_zoom(self) -> None:
        pixel = float(self._box.viewPixelSize()[0]) if self.width() else 0.0
        if pixel <= 0:
            return
        self.scale_bar.pixel_um = pixel
        crisp = self._picture is not None and self._picture.pixel_um[1] / pixel >= CRISP
        self._graphics.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not crisp)

    def _on_mouse(self, position: QPointF) -> None:
        point = self._box.mapSceneToView(position)
        set_text(self.readout, "" if self._picture is None else readout(self._picture, point))
        self._place()


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
        return round_length(self._pixel_um * (self.width() - 16))

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
    """The hue scale of the ratio picture with its limits."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.resize(96, 190)
        self._levels = compose.Levels(0.0, 1.0)
        self.setVisible(False)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    @property
    def levels(self) -> compose.Levels:
        """Ratios at the two ends."""
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
        painter.drawText(QRectF(0, 6, self.width(), 16), centre, "red / yellow")
        bar = QRectF(14, 30, 16, self.height() - 44)
        column = compose.HUES[::-1].copy()
        image = QImage(column.data, 1, 256, 3, QImage.Format.Format_RGB888)
        painter.drawImage(bar, image)
        low, high = self._levels.low, self._levels.high
        for share, value in ((0.0, high), (0.5, (low + high) / 2), (1.0, low)):
            y = bar.top() + share * bar.height()
            where = QRectF(bar.right() + 8, y - 8, 50, 16)
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, f"{value:.2f}")
        painter.end()


def extent(picture: Picture) -> QRectF:
    """Return the field of the base image, µm."""
    rows, columns = picture.base.shape[:2]
    dy, dx = picture.pixel_um
    return QRectF(0, 0, columns * dx, rows * dy)


def readout(picture: Picture, point: QPointF) -> str:
    """Return what lies at a point (µm): place, value and the structure drawn there."""
    x, y = point.x(), point.y()
    rows, columns = picture.values.shape
    row, column = floor(y / picture.pixel_um[0]), floor(x / picture.pixel_um[1])
    if not (0 <= row < rows and 0 <= column < columns):
        return ""
    value = picture.values[row, column]
    number = f"{value:.3f}" if picture.channel == "ratio" else f"{int(value)} counts"
    text = f"x {x:.2f}  y {y:.2f} µm   {picture.channel} {number}"
    label = _label_at(picture, x, y)
    return f"{text}   {STRUCTURES[label - 1].title}" if label else text


def set_text(label: QLabel, text: str) -> None:
    """Set a label that is hidden while it is empty."""
    label.setText(text)
    label.adjustSize()
    label.setVisible(bool(text))


def _label_at(picture: Picture, x: float, y: float) -> int:
    if picture.labels is None:
        return 0
    rows, columns = picture.labels.shape
    dy, dx = picture.label_pixel_um
    return int(picture.labels[min(floor(y / dy), rows - 1), min(floor(x / dx), columns - 1)])


def _overlay(parent: QWidget, role: str) -> QLabel:
    label = QLabel(parent)
    label.setProperty("role", role)
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    label.setVisible(False)
    return label
