"""The keyboard help: a sheet over the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from livesr.viewer import theme
from livesr.viewer.controls import labelled

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent

KEYS = (
    ("What is shown", (
        ("1 … 9", "channel, intensity, ratio"),
        ("M", "maximum projection"),
        ("X", "sections xz and yz"),
        ("D", "masks in space; drag to turn"),
        ("E", "calibration's expected error"),
    )),
    ("Structures", (
        ("L", "masks on and off"),
        ("C", "contours"),
        ("I", "masks × their own light"),
    )),
    ("Where and when", (
        ("← →", "earlier, later stack"),
        ("↑ ↓", "plane"),
        ("[ ]", "position or mode"),
        ("Space", "stay, or follow the newest"),
        ("N", "follow the newest of all positions"),
        ("T", "over time: cells, volumes, counts, contacts"),
    )),
    ("Picture", (
        ("F", "whole field"),
        ("A", "levels anew, contrast by hand away"),
        ("S", "screenshot"),
        ("Shift S", "picture in full resolution"),
        ("V", "movie"),
        ("?", "this help"),
    )),
)  # fmt: skip
MOUSE = "wheel: zoom   ·   drag: move   ·   click: where the sections meet   ·   rest: the object"
_STYLE = (
    f"QWidget#help {{ background: rgba(20, 23, 28, 252); border: 1px solid {theme.LINE};"
    " border-radius: 10px; }"
)


class Help(QWidget):
    """Lies over the window until a click or the key closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("help")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(_STYLE)
        table = QGridLayout(self)
        table.setContentsMargins(30, 22, 30, 22)
        table.setHorizontalSpacing(14)
        table.setVerticalSpacing(5)
        table.setColumnMinimumWidth(2, 30)
        for place, (title, keys) in enumerate(KEYS):
            column, row = 3 * (place // 2), 10 * (place % 2)
            table.addWidget(labelled(title, "heading"), row, column, 1, 2)
            for k, (key, does) in enumerate(keys, start=1):
                label = labelled(key, "dim")
                label.setAlignment(Qt.AlignmentFlag.AlignRight)
                table.addWidget(label, row + k, column)
                table.addWidget(QLabel(does), row + k, column + 1)
        table.setRowMinimumHeight(9, 12)
        table.addWidget(labelled(MOUSE, "faint"), 20, 0, 1, 5, Qt.AlignmentFlag.AlignCenter)
        self.setVisible(False)

    def toggle(self) -> None:
        """Open or close it."""
        self.setVisible(not self.isVisible())
        self.place()
        self.raise_()

    def place(self) -> None:
        """Lie in the middle of the window."""
        self.adjustSize()
        parent = self.parentWidget()
        if parent is not None:
            self.move((parent.width() - self.width()) // 2, (parent.height() - self.height()) // 2)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        """Close it."""
        self.setVisible(False)
