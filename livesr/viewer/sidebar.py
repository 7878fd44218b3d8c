"""The controls at the right: how the picture is drawn, and the structures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from livesr.viewer import state
from livesr.viewer.contrast import Contrast
from livesr.viewer.controls import Combo, choice, fill, joined, labelled, row, rule, slider
from livesr.viewer.structures import StructureList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.viewer.controls import Edit
    from livesr.viewer.loader import Picture
    from livesr.viewer.state import Panes, Scene, View

WIDTH = 292
PANES: tuple[Panes, ...] = ("plane", "sections", "solid")


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
        layout.addWidget(labelled("?  all keys", "faint"))
        self.setWidget(content)

    def sync(
        self,
        view: View,
        scenes: tuple[Scene, ...],
        volumes: Mapping[str, float],
        picture: Picture | None = None,
    ) -> None:
        """Show a view of the session."""
        scene = scenes[view.image] if view.image < len(scenes) else None
        self.drawing.sync(view, scenes, scene)
        self.drawing.contrast.sync(picture)
        self.structures.sync(view, scene, volumes)


class Drawing(QWidget):
    """Position, panes, channel, contrast, plane, opacity, fill or contour."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self._edit = edit
        self.position = Combo("image of the session: stage position or acquisition mode")
        self.channel = Combo(
            "channel (keys 1 to 9); ratio: hue is red / yellow, brightness intensity"
        )
        self.position.activated.connect(
            lambda i: edit(lambda v: replace(v, image=i, t=None, tour=False))
        )
        self.tour = QPushButton("All")
        self.tour.setCheckable(True)
        self.tour.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.tour.setToolTip("follow the newest stack of all positions and modes (N)")
        self.tour.clicked.connect(lambda on: edit(lambda v: replace(v, tour=on, t=None)))
        self.panes = dict(
            zip(
                PANES,
                choice("Plane", "Sections", "3D", tip="plane, sections (X), 3D (D)"),
                strict=True,
            )
        )
        for panes, button in self.panes.items():
            button.clicked.connect(lambda _, p=panes: edit(lambda v: replace(v, panes=p)))
        self.contrast = Contrast(edit)
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
        self._position_row = row("Position", self.position, self.tour)
        layout.addWidget(self._position_row)
        layout.addWidget(row("Show", joined(*self.panes.values())))
        layout.addWidget(row("Channel", self.channel))
        layout.addWidget(row("", self.contrast))
        layout.addWidget(row("Planes", joined(self.slice, self.maximum)))
        layout.addWidget(row("", self.plane, self.plane_label))
        layout.addWidget(row("Masks", joined(self.fill, self.contour, self.masked)))
        layout.addWidget(row("Opacity", self.opacity, self.opacity_label))

    def sync(self, view: View, scenes: tuple[Scene, ...], scene: Scene | None) -> None:
        """Show a view."""
        self._position_row.setVisible(len(scenes) > 1)
        fill(self.position, [s.name for s in scenes], view.image)
        self.setEnabled(scene is not None)
        self.tour.setChecked(view.tour)
        for panes, button in self.panes.items():
            button.setChecked(panes == view.panes)
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
