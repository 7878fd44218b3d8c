"""The sections across the planes, on the scale of the picture: xz below, yz at its right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from livesr.viewer import compose, theme
from livesr.viewer.controls import labelled

if TYPE_CHECKING:
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
    from PySide6.QtGui import QResizeEvent

    from livesr.viewer.sections import Section

THICK = 150
"""Pixels of a section's pane along z."""


class SectionPane(QWidget):
    """One section; its µm are as long as those of the plane beside it.

    Parameters
    ----------
    across : {"xz", "yz"}
    """

    clicked = Signal(float, float)
    """Where somebody clicked: (z, x) or (z, y), µm."""

    def __init__(self, across: Literal["xz", "yz"]) -> None:
        super().__init__()
        self.across = across
        self._height_um = 0.0
        self._stretch: tuple[float, float] | None = None
        graphics = pg.GraphicsView(background=theme.CANVAS)
        self._box = pg.ViewBox(lockAspect=True, invertY=across == "yz", enableMenu=False)
        self._box.disableAutoRange()
        self._box.setMouseEnabled(x=False, y=False)
        graphics.setCentralItem(self._box)
        self._base = pg.ImageItem(axisOrder="row-major", levels=(0, 255))
        self._labels = pg.ImageItem(axisOrder="row-major")
        self._labels.setZValue(1)
        pen = pg.mkPen(theme.TEXT, width=1, style=Qt.PenStyle.DashLine)
        self._cross = tuple(pg.InfiniteLine(angle=angle, pen=pen) for angle in (0, 90))
        for line in self._cross:
            line.setZValue(2)
        for item in (self._base, self._labels, *self._cross):
            self._box.addItem(item)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(graphics)
        title = labelled(across, "canvas")
        title.setParent(self)
        title.adjustSize()
        title.move(6, 6)
        if across == "xz":
            self.setFixedHeight(THICK)
        else:
            self.setFixedWidth(THICK)
        graphics.scene().sigMouseClicked.connect(self._on_click)

    def show_section(self, section: Section, at_um: tuple[float, float], opacity: float) -> None:
        """Draw a section, and where the plane and the other section cross it: (z, x) or (z, y)."""
        self._height_um, long_um = section.extent_um
        z, along = at_um
        rect = QRectF(0, 0, long_um, self._height_um)
        base, labels = section.base, section.labels
        if self.across == "yz":
            rect = QRectF(0, 0, self._height_um, long_um)
            base = np.swapaxes(base, 0, 1)
            labels = None if labels is None else labels.T
        rgb = base.ndim == 3
        base = np.ascontiguousarray(base)
        self._base.setImage(base, autoLevels=False, levels=None if rgb else (0, 255))
        self._base.setRect(rect)
        self._labels.setVisible(labels is not None)
        if labels is not None:
            table = compose.colour_table(opacity)
            labels = np.ascontiguousarray(labels)
            self._labels.setImage(labels, autoLevels=False, levels=None, lut=table)
            self._labels.setRect(rect)
        for line, at in zip(
            self._cross, (z, along) if self.across == "xz" else (along, z), strict=True
        ):
            line.setPos(at)

    def follow(self, low_um: float, high_um: float) -> None:
        """Show the same stretch as the plane beside it, with the section in the middle."""
        self._stretch = low_um, high_um
        width, height = max(self._box.width(), 1.0), max(self._box.height(), 1.0)
        middle = self._height_um / 2
        if self.across == "xz":
            half = (high_um - low_um) / width * height / 2
            self._box.setRange(
                xRange=self._stretch, yRange=(middle - half, middle + half), padding=0.0
            )
        else:
            half = (high_um - low_um) / height * width / 2
            self._box.setRange(
                xRange=(middle - half, middle + half), yRange=self._stretch, padding=0.0
            )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the scale."""
        super().resizeEvent(event)
        if self._stretch is not None:
            self.follow(*self._stretch)

    def _on_click(self, event: MouseClickEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._height_um:
            point = self._box.mapSceneToView(event.scenePos())
            z, along = (point.y(), point.x()) if self.across == "xz" else (point.x(), point.y())
            if 0 <= z < self._height_um:
                self.clicked.emit(z, along)
