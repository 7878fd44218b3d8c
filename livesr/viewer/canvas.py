"""The big image: base, labels, scale bar, colour bar, caption and messages on top of each other."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from livesr.catalog import STRUCTURES
from livesr.viewer import compose, theme
from livesr.viewer.bars import ColourBar, ScaleBar
from livesr.viewer.error_map import ErrorPicture, plasma

if TYPE_CHECKING:
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
    from PySide6.QtCore import QEvent

    from livesr.viewer.loader import Picture
    from livesr.viewer.pointed import Pointed

MARGIN = 14
CRISP = 2.0
"""Screen pixels for an image pixel from which on pixels are drawn as squares, not smoothed."""
IN_A_LINE = 4
"""Numbers of an object in a line."""
STILL_MS = 120
"""Time that the mouse must stand still before the object under it is asked for."""


class Canvas(QWidget):
    """Draws one picture; µm are its coordinates, so that grids of any voxel lie right."""

    clicked = Signal(float, float)
    """Where somebody clicked, (y, x), µm."""
    pointed = Signal(object)
    """Where the mouse stands still, (y, x), µm; None once it left the picture."""
    moved = Signal()
    """Another part of the field is shown."""

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
        self._error = pg.ImageItem(axisOrder="row-major")
        self._error.setZValue(2)
        pen = pg.mkPen(theme.TEXT, width=1, style=Qt.PenStyle.DashLine)
        self._cross = tuple(pg.InfiniteLine(angle=angle, pen=pen) for angle in (0, 90))
        for line in self._cross:
            line.setZValue(3)
        for item in (self._base, self._labels, self._error, *self._cross):
            self._box.addItem(item)
        self.cross_at(None)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._graphics)
        self.caption = _overlay(self, "canvas")
        self.readout = _overlay(self, "canvas")
        self.message = _overlay(self, "message")
        self.scale_bar = ScaleBar(self)
        self.colour_bar = ColourBar(self)
        self.error_bar = ColourBar(self, "error (nm)", plasma())
        self._mouse: tuple[float, float] | None = None
        self._object: Pointed | None = None
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(STILL_MS)
        self._still.timeout.connect(lambda: self.pointed.emit(self._mouse))
        self._box.sigRangeChanged.connect(self._on_zoom)
        self._graphics.scene().sigMouseMoved.connect(self._on_mouse)
        self._graphics.scene().sigMouseClicked.connect(self._on_click)

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
        self.colour_bar.setVisible(picture.channel == "ratio" and not picture.drawn)
        self.colour_bar.levels = picture.levels
        if fit:
            self.fit()

    def show_labels(self, opacity: float, *, labels: bool) -> None:
        """Draw the labels of the picture with another opacity, or not at all."""
        picture = self._picture
        drawn = picture is None or picture.masked or picture.drawn
        if picture is None or picture.labels is None or drawn or not labels:
            self._labels.setVisible(False)
            return
        rows, columns = picture.labels.shape
        dy, dx = picture.label_pixel_um
        table = compose.colour_table(opacity)
        self._labels.setImage(picture.labels, autoLevels=False, levels=None, lut=table)
        self._labels.setRect(QRectF(0, 0, columns * dx, rows * dy))
        self._labels.setVisible(True)

    def show_error(self, error: ErrorPicture | None) -> None:
        """Lay the calibration's expected error over the picture, or take it away."""
        self._error.setVisible(error is not None)
        self.error_bar.setVisible(error is not None)
        if error is not None:
            height, width = error.extent_um
            self._error.setImage(error.rgba, autoLevels=False, levels=None)
            self._error.setRect(QRectF(0, 0, width, height))
            self.error_bar.levels = compose.Levels(error.low_nm, error.high_nm)

    def show_object(self, pointed: Pointed | None) -> None:
        """Say what lies under the mouse."""
        if pointed != self._object:
            self._object = pointed
            self._read_out()

    def cross_at(self, place_um: tuple[float, float] | None) -> None:
        """Show where the sections meet, (y, x), or nothing."""
        for line, at in zip(self._cross, place_um or (0.0, 0.0), strict=True):
            line.setVisible(place_um is not None)
            line.setPos(at)

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
        right = width - MARGIN
        for bar in (self.colour_bar, self.error_bar):
            bar.move(right - bar.width(), MARGIN)
            right -= (bar.width() + MARGIN) * bar.isVisible()
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
        self.moved.emit()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Forget what was pointed at."""
        super().leaveEvent(event)
        self._mouse = self._object = None
        self._read_out()
        self._still.start()

    def _on_mouse(self, position: QPointF) -> None:
        point = self._box.mapSceneToView(position)
        self._mouse, self._object = (point.y(), point.x()), None
        self._read_out()
        self._still.start()

    def _on_click(self, event: MouseClickEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._picture is not None:
            point = self._box.mapSceneToView(event.scenePos())
            if extent(self._picture).contains(point):
                self.clicked.emit(point.y(), point.x())

    def _read_out(self) -> None:
        if self._picture is None or self._mouse is None:
            text = ""
        else:
            y, x = self._mouse
            text = readout(self._picture, QPointF(x, y))
        if text and self._object is not None:
            text += "\n" + described(self._object)
        set_text(self.readout, text)
        self._place()


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
    if picture.drawn:
        return f"x {x:.2f}  y {y:.2f} µm   {picture.channel}"
    value = picture.values[row, column]
    number = f"{value:.3f}" if picture.channel == "ratio" else f"{int(value)} counts"
    text = f"x {x:.2f}  y {y:.2f} µm   {picture.channel} {number}"
    label = _label_at(picture, x, y)
    return f"{text}   {STRUCTURES[label - 1].title}" if label else text


def described(pointed: Pointed) -> str:
    """Return an object and its numbers."""
    words = [pointed.title]
    if pointed.numbers:
        said = [f"{name} {value}" for name, value in pointed.numbers]
        words += ["   ".join(said[k : k + IN_A_LINE]) for k in range(0, len(said), IN_A_LINE)]
        words[0] += "" if pointed.from_table else "   (measured now: the session has no table)"
    return "\n".join(words)


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
