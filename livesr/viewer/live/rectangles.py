"""The channels' rectangles on the picture of the sensor, to be dragged by the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from livesr.config.layouts import SplitterLayout
from livesr.viewer import theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.config.layouts import Layout, Rectangle

_COLOURS = {"yellow": "#e8c84a", "red": "#f2685f", "green": "#58c27d"}


class Rectangles:
    """Draggable rectangles, all of one size; µm are their coordinates.

    Parameters
    ----------
    box : pyqtgraph.ViewBox
    changed : callable
        Called with the layout once the mouse let go of one.
    """

    def __init__(self, box: pg.ViewBox, changed: Callable[[SplitterLayout], None]) -> None:
        self._box, self._changed = box, changed
        self._layout: SplitterLayout | None = None
        self._items: list[tuple[pg.RectROI, pg.TextItem]] = []
        self._pixel_um = 1.0
        self._sensor = (0, 0)

    def show(
        self, layout: Layout, pixel_um: float, sensor: tuple[int, int], *, visible: bool
    ) -> None:
        """Draw a layout's rectangles, or none."""
        shown = layout if visible and isinstance(layout, SplitterLayout) else None
        if (shown, pixel_um, sensor) == (self._layout, self._pixel_um, self._sensor):
            return
        self._clear()
        self._layout, self._pixel_um, self._sensor = shown, pixel_um, sensor
        if shown is not None:
            for rectangle in shown.channels:
                self._items.append(self._drawn(rectangle))

    def layout_of(self) -> SplitterLayout | None:
        """Return the layout as the rectangles lie now, whole pixels within the sensor."""
        if self._layout is None:
            return None
        height, width = self._sensor
        channels = []
        for (roi, _), was in zip(self._items, self._layout.channels, strict=True):
            x, y = (round(v / self._pixel_um) for v in (roi.pos().x(), roi.pos().y()))
            x = min(max(x, 0), max(width - was.width, 0))
            y = min(max(y, 0), max(height - was.height, 0))
            channels.append(was.model_copy(update={"x": x, "y": y}))
        return SplitterLayout(kind="splitter", channels=tuple(channels))

    def drag(self, name: str, x: int, y: int) -> None:
        """Move a channel's rectangle to a pixel of the sensor, as the mouse does."""
        if self._layout is None:
            return
        for (roi, _), was in zip(self._items, self._layout.channels, strict=True):
            if was.name == name:
                roi.setPos(QPointF(x * self._pixel_um, y * self._pixel_um))
        self._dropped()

    def _drawn(self, rectangle: Rectangle) -> tuple[pg.RectROI, pg.TextItem]:
        p = self._pixel_um
        colour = QColor(_COLOURS.get(rectangle.name, theme.ACCENT))
        roi = pg.ROI(
            (rectangle.x * p, rectangle.y * p),
            (rectangle.width * p, rectangle.height * p),
            pen=pg.mkPen(colour, width=2),
            hoverPen=pg.mkPen(colour, width=3),
            movable=True,
            rotatable=False,
            resizable=False,
        )
        roi.setAcceptedMouseButtons(Qt.MouseButton.LeftButton)
        stands = " · ".join(
            part
            for part in (
                rectangle.name,
                "" if rectangle.flip == "none" else f"flip {rectangle.flip}",
                f"{90 * rectangle.quarter_turns}°" if rectangle.quarter_turns else "",
            )
            if part
        )
        label = pg.TextItem(stands, color=colour, anchor=(0, 0), fill=pg.mkBrush(8, 9, 11, 170))
        label.setPos(rectangle.x * p, rectangle.y * p)
        roi.setZValue(5)
        label.setZValue(6)
        self._box.addItem(roi)
        self._box.addItem(label)
        roi.sigRegionChanged.connect(lambda moved: label.setPos(moved.pos()))
        roi.sigRegionChangeFinished.connect(lambda _: self._dropped())
        return roi, label

    def _dropped(self) -> None:
        moved = self.layout_of()
        if moved is not None and moved != self._layout:
            self._layout = moved
            self._changed(moved)

    def _clear(self) -> None:
        for items in self._items:
            for item in items:
                self._box.removeItem(item)
        self._items = []
