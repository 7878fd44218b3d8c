"""Colours and shapes of the window: one dark theme, for dim rooms beside a microscope."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette

BACKGROUND = "#14171c"
CANVAS = "#08090b"
PANEL = "#1b1f26"
RAISED = "#262b34"
LINE = "#2f3540"
TEXT = "#e3e7ee"
DIM = "#949dac"
FAINT = "#7b8595"
ACCENT = "#4c9dff"
GOOD = "#52c77e"
WARNING = "#f0b23e"
BAD = "#f26d6d"

STYLE = f"""
* {{ color: {TEXT}; }}
QMainWindow, QWidget#body {{ background: {BACKGROUND}; }}
QScrollArea#panel {{ border: none; border-left: 1px solid {LINE}; }}
QScrollArea#panel, QWidget#panel {{ background: {PANEL}; }}
QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {LINE}; border-radius: 4px; min-height: 24px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QWidget#gaps {{ background: {LINE}; }}
QWidget#corner {{ background: {CANVAS}; }}
QWidget#timebar {{ background: {PANEL}; border-top: 1px solid {LINE}; }}
QWidget#statusbar {{ background: {BACKGROUND}; border-top: 1px solid {LINE}; }}
QLabel {{ background: transparent; }}
QLabel[role="heading"] {{ color: {DIM}; font-weight: 600; }}
QLabel[role="dim"], QLabel[role="number"] {{ color: {DIM}; }}
QLabel[role="faint"] {{ color: {FAINT}; }}
QLabel[role="canvas"] {{ background: rgba(8, 9, 11, 170); border-radius: 4px; padding: 3px 7px; }}
QLabel[role="message"] {{
    background: rgba(27, 31, 38, 235); border: 1px solid {LINE}; border-radius: 8px;
    padding: 14px 22px;
}}
QPushButton {{
    background: {RAISED}; border: 1px solid {LINE}; border-radius: 5px; padding: 4px 10px;
}}
QPushButton:hover {{ border-color: {FAINT}; }}
QPushButton:checked {{ background: #1f3f66; border-color: {ACCENT}; }}
QPushButton:disabled {{ color: {FAINT}; }}
QPushButton[role="link"] {{
    background: transparent; border: none; padding: 2px 5px; color: {ACCENT};
}}
QPushButton[role="link"]:hover {{ color: {TEXT}; }}
QPushButton[side="middle"] {{ border-radius: 0; border-left: none; }}
QPushButton[side="left"] {{ border-top-right-radius: 0; border-bottom-right-radius: 0; }}
QPushButton[side="right"] {{
    border-top-left-radius: 0; border-bottom-left-radius: 0; border-left: none;
}}
QComboBox {{
    background: {RAISED}; border: 1px solid {LINE}; border-radius: 5px; padding: 4px 8px;
}}
QComboBox:hover {{ border-color: {FAINT}; }}
QComboBox::drop-down {{ border: none; width: 18px; }}
QComboBox QAbstractItemView {{
    background: {RAISED}; border: 1px solid {LINE}; selection-background-color: #1f3f66;
    outline: none;
}}
QSlider::groove:horizontal {{ height: 4px; background: {LINE}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {ACCENT}; border-radius: 2px; }}
QSlider::handle:horizontal {{
    width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: {TEXT};
}}
QSlider::sub-page:horizontal:disabled {{ background: {LINE}; }}
QSlider::handle:horizontal:disabled {{ background: {FAINT}; }}
QCheckBox {{ spacing: 9px; background: transparent; }}
QCheckBox:disabled {{ color: {FAINT}; }}
QWidget#row:hover {{ background: {RAISED}; border-radius: 4px; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {LINE}; padding: 4px; }}
"""


def palette() -> QPalette:
    """Return the palette for what the style sheet does not reach."""
    colours = QPalette()
    role = QPalette.ColorRole
    for target, value in (
        (role.Window, BACKGROUND),
        (role.Base, PANEL),
        (role.AlternateBase, RAISED),
        (role.Button, RAISED),
        (role.Text, TEXT),
        (role.WindowText, TEXT),
        (role.ButtonText, TEXT),
        (role.ToolTipBase, RAISED),
        (role.ToolTipText, TEXT),
        (role.Highlight, ACCENT),
        (role.HighlightedText, CANVAS),
    ):
        colours.setColor(target, QColor(value))
    return colours


def swatch(colour: str) -> str:
    """Return the style of a check box whose box is a structure's colour."""
    return f"""
        QCheckBox::indicator {{ width: 12px; height: 12px; border-radius: 3px;
            border: 2px solid #{colour}; background: transparent; }}
        QCheckBox::indicator:checked {{ background: #{colour}; }}
        QCheckBox::indicator:disabled {{ border-color: {LINE}; background: transparent; }}
    """
