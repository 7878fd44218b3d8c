"""The fifteen structures: colour and switch, name, volume."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from livesr.catalog import NAMES, STRUCTURES, Structure
from livesr.viewer import state, theme
from livesr.viewer.controls import labelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.viewer.controls import Edit
    from livesr.viewer.state import Scene, View


class StructureList(QWidget):
    """A row for each structure, in the catalogue's order."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        self.unit = labelled("µm³", "heading")
        layout.addLayout(_header(edit, self.unit))
        layout.addSpacing(4)
        self.rows = {s.name: StructureRow(s, edit) for s in STRUCTURES}
        for row in self.rows.values():
            layout.addWidget(row)

    def sync(self, view: View, scene: Scene | None, volumes: Mapping[str, float]) -> None:
        """Show which structures are on, which the session lacks, and their volumes."""
        self.unit.setText("µm²" if scene is not None and scene.shape[2] == 1 else "µm³")
        for name, row in self.rows.items():
            row.sync(view, scene, volumes.get(name))


class StructureRow(QWidget):
    """One structure."""

    def __init__(self, structure: Structure, edit: Edit) -> None:
        super().__init__()
        self.setObjectName("row")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.structure = structure
        self._title = structure.title[0].upper() + structure.title[1:]
        self.box = QCheckBox(self._title)
        self.box.setStyleSheet(theme.swatch(structure.color))
        self.box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.box.toggled.connect(lambda on: edit(lambda v: state.switch(v, (structure.name,), on)))
        self.volume = labelled("", "number")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 3, 4, 3)
        layout.addWidget(self.box, 1)
        layout.addWidget(self.volume)

    def sync(self, view: View, scene: Scene | None, volume: float | None) -> None:
        """Show whether it is on and how large it is."""
        name = self.structure.name
        stored = scene is not None and name in scene.structures
        unreliable = scene is not None and name in scene.unreliable
        with QSignalBlocker(self.box):
            self.box.setChecked(stored and name in view.structures)
        self.box.setEnabled(stored)
        self.box.setText(f"{self._title} (no ratio)" if unreliable else self._title)
        self.volume.setText(("" if volume is None else format_volume(volume)) if stored else "–")
        self.setToolTip(self._tip(stored=stored, unreliable=unreliable))

    def _tip(self, *, stored: bool, unreliable: bool) -> str:
        if not stored:
            return f"{self.structure.title}: no masks of it in this session"
        tip = f"{self.structure.title}, {self.structure.go}; volume in the stack shown"
        if unreliable:
            return f"{tip}\nunreliable: intensity alone tells it poorly, and there is no ratio"
        return tip


def format_volume(volume: float) -> str:
    """Return a volume (µm³) with three digits or so; a dash if it is not known."""
    if isnan(volume):
        return "–"
    if volume >= 100:
        return f"{volume:,.0f}".replace(",", "\u202f")
    return f"{volume:.1f}" if volume >= 1 or volume == 0 else f"{volume:.2f}"


def _header(edit: Edit, unit: QLabel) -> QHBoxLayout:
    header = QHBoxLayout()
    header.setContentsMargins(0, 0, 4, 0)
    header.setSpacing(0)
    header.addWidget(labelled("Structures", "heading"))
    header.addSpacing(6)
    for text, tip, on in (("all", "show all", True), ("none", "hide all", False)):
        button = QPushButton(text)
        button.setProperty("role", "link")
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda _, on=on: edit(lambda v: state.switch(v, NAMES, on)))
        header.addWidget(button)
    header.addStretch(1)
    header.addWidget(unit)
    return header
