"""The controls at the right: how the picture is drawn, and the structures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from livesr.viewer import state
from livesr.viewer.controls import Combo, choice, fill, joined, labelled, row, rule, slider
from livesr.viewer.structures import StructureList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.viewer.controls import Edit
    from livesr.viewer.state import Scene, View

WIDTH = 292
KEYS = (
    ("1–9", "channel"),
    ("M", "maximum"),
    ("← →", "time"),
    ("L", "masks"),
    ("↑ ↓", "plane"),
    ("C", "contours"),
    ("Space", "follow"),
    ("I", "× light"),
    ("F", "whole field"),
    ("A", "levels"),
    ("S", "screenshot"),
    ("Shift S", "full picture"),
)


class Sidebar(QScrollArea):
    """Shows the view and hands steps away from it to ``edit``; keeps no state of its own."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setFixedWidth(WIDTH)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.structures = StructureList(edit)
        self.drawing = Drawing(edit)
        content = QWidget()
        content.setObjectName("panel")
        layout = QVBoxLayout(content)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(0)
        layout.addWidget(self.drawing)
        layout.addSpacing(12)
        layout.addWidget(rule())
        layout.addSpacing(10)
        layout.addWidget(self.structures)
        layout.addSpacing(14)
        layout.addStretch(1)
        layout.addWidget(_keys())
        self.setWidget(content)

    def sync(self, view: View, scenes: tuple[Scene, ...], volumes: Mapping[str, float]) -> None:
        """Show a view of the session."""
        scene = scenes[view.image] if view.image < len(scenes) else None
        self.drawing.sync(view, scenes, scene)
        self.structures.sync(view, scene, volumes)


def _keys() -> QWidget:
    """Return the help on the keyboard."""
    keys = QWidget()
    table = QGridLayout(keys)
    table.setContentsMargins(4, 0, 0, 0)
    table.setHorizontalSpacing(8)
    table.setVerticalSpacing(3)
    for n, (key, does) in enumerate(KEYS):
        place = n // 2, 2 * (n % 2)
        table.addWidget(labelled(key, "dim"), *place)
        table.addWidget(labelled(does, "faint"), place[0], place[1] + 1)
    table.setColumnStretch(1, 1)
    table.setColumnStretch(3, 1)
    return keys


class Drawing(QWidget):
    """Position, channel, plane, opacity, fill or contour."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self._edit = edit
        self.position = Combo("image of the session: stage position or acquisition mode")
        self.channel = Combo(
            "channel (keys 1 to 9); ratio: hue is red / yellow, brightness intensity"
        )
        self.position.activated.connect(lambda i: edit(lambda v: replace(v, image=i, t=None)))
        self.channel.activated.connect(self._pick_channel)
        self.slice, self.maximum = choice(
            "Slice", "Maximum", tip="one plane, or maximum projection (M)"
        )
        self.slice.clicked.connect(lambda: edit(lambda v: replace(v, z=None)))
        self.maximum.clicked.connect(lambda: edit(lambda v: replace(v, z="max")))
        self.fill, self.contour, self.masked = choice(
            "Fill",
            "Contour",
            "× Light",
            tip="how structures are drawn: filled, as outlines (C), or as masks × intensity, each "
            "structure's own light in its colour (I)",
        )
        for button, contour, masked in (
            (self.fill, False, False),
            (self.contour, True, False),
            (self.masked, False, True),
        ):
            button.clicked.connect(
                lambda _, c=contour, m=masked: edit(lambda v: replace(v, contour=c, masked=m))
            )
        self.plane = slider("plane (↑ ↓)")
        self.plane.valueChanged.connect(lambda k: edit(lambda v: replace(v, z=k)))
        self.opacity = slider("opacity of the structures")
        self.opacity.setRange(0, 100)
        self.opacity.valueChanged.connect(lambda p: edit(lambda v: replace(v, opacity=p / 100)))
        self.plane_label = labelled("", "dim")
        self.opacity_label = labelled("", "dim")
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(9)
        self._position_row = row("Position", self.position)
        layout.addWidget(self._position_row)
        layout.addWidget(row("Channel", self.channel))
        layout.addWidget(row("Planes", joined(self.slice, self.maximum)))
        layout.addWidget(row("", self.plane, self.plane_label))
        layout.addWidget(row("Masks", joined(self.fill, self.contour, self.masked)))
        layout.addWidget(row("Opacity", self.opacity, self.opacity_label))

    def sync(self, view: View, scenes: tuple[Scene, ...], scene: Scene | None) -> None:
        """Show a view."""
        self._position_row.setVisible(len(scenes) > 1)
        fill(self.position, [s.name for s in scenes], view.image)
        self.setEnabled(scene is not None)
        self.fill.setChecked(not view.contour and not view.masked)
        self.contour.setChecked(view.contour and not view.masked)
        self.masked.setChecked(view.masked)
        self.opacity.setEnabled(not view.masked)
        with QSignalBlocker(self.opacity):
            self.opacity.setValue(round(100 * view.opacity))
        self.opacity_label.setText(f"{round(100 * view.opacity)} %")
        if scene is not None:
            self._sync_scene(view, scene)

    def _sync_scene(self, view: View, scene: Scene) -> None:
        channel = state.channel_of(view, scene)
        fill(self.channel, list(scene.pictures), scene.pictures.index(channel))
        plane = state.plane_of(view, scene)
        self.slice.setChecked(plane != "max")
        self.maximum.setChecked(plane == "max")
        self.plane.setEnabled(plane != "max" and scene.planes > 1)
        with QSignalBlocker(self.plane):
            self.plane.setRange(0, scene.planes - 1)
            if plane != "max":
                self.plane.setValue(plane)
        height = "all" if plane == "max" else f"{plane * scene.voxel_um[0]:.1f} µm"
        self.plane_label.setText(height)

    def _pick_channel(self, index: int) -> None:
        name = self.channel.itemText(index)
        self._edit(lambda v: replace(v, channel=name))
