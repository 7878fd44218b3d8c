"""Small controls in the theme's look; none takes the keyboard from the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from PySide6.QtCore import QPointF, QSignalBlocker, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from livesr.viewer import theme
from livesr.viewer.state import View

Step: TypeAlias = Callable[[View], View]
Edit: TypeAlias = Callable[[Step], None]


def labelled(text: str, role: str) -> QLabel:
    """Return a label in one of the theme's roles."""
    label = QLabel(text)
    label.setProperty("role", role)
    return label


def row(title: str, *widgets: QWidget) -> QWidget:
    """Return a line of the panel: a title and its controls."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    label = labelled(title, "dim")
    label.setFixedWidth(58)
    layout.addWidget(label)
    layout.addWidget(widgets[0], 1)
    for widget in widgets[1:]:
        widget.setFixedWidth(46)
        layout.addWidget(widget)
        if isinstance(widget, QLabel):
            widget.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return row


def joined(*buttons: QPushButton) -> QWidget:
    """Return buttons side by side as one control."""
    whole = QWidget()
    layout = QHBoxLayout(whole)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for button in buttons:
        layout.addWidget(button, 1)
    return whole


def choice(*words: str, tip: str) -> tuple[QPushButton, ...]:
    """Return buttons of which one is down."""
    buttons = tuple(QPushButton(word) for word in words)
    sides = ("left", *["middle"] * (len(words) - 2), "right")
    for button, side in zip(buttons, sides, strict=True):
        button.setCheckable(True)
        button.setToolTip(tip)
        button.setProperty("side", side)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return buttons


class Combo(QComboBox):
    """A drop-down list; the style sheet takes the arrow away, so it is drawn here."""

    def __init__(self, tip: str) -> None:
        super().__init__()
        self.setToolTip(tip)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the list's present entry and an arrow."""
        super().paintEvent(event)
        x, y = self.width() - 18, self.height() / 2 - 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.DIM), 1.6))
        painter.drawPolyline([QPointF(x, y), QPointF(x + 4.5, y + 4.5), QPointF(x + 9, y)])
        painter.end()


def slider(tip: str) -> QSlider:
    """Return a slider."""
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setToolTip(tip)
    slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return slider


def rule() -> QFrame:
    """Return a thin line."""
    rule = QFrame()
    rule.setFixedHeight(1)
    rule.setStyleSheet(f"background: {theme.LINE}; border: none;")
    return rule


def fill(combo: Combo, items: list[str], current: int) -> None:
    """Set a combo box without telling its listeners."""
    with QSignalBlocker(combo):
        if [combo.itemText(i) for i in range(combo.count())] != items:
            combo.clear()
            combo.addItems(items)
        combo.setCurrentIndex(current)
