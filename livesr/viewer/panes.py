"""The picture of the plane, with the sections across it, or the masks in space in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QStackedLayout, QWidget

from livesr.viewer.canvas import Canvas
from livesr.viewer.crossing import SectionPane
from livesr.viewer.space import Space

if TYPE_CHECKING:
    from livesr.viewer.beside import Extras
    from livesr.viewer.controls import Edit
    from livesr.viewer.sections import Sections
    from livesr.viewer.state import Scene, View


class Panes(QWidget):
    """Shows what the view asks for."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self._edit = edit
        self._scene: Scene | None = None
        self._sections: Sections | None = None
        self._opacity = -1.0
        self.canvas, self.space = Canvas(), Space(edit)
        self.xz, self.yz = SectionPane("xz"), SectionPane("yz")
        plane = QWidget()
        plane.setObjectName("gaps")
        grid = QGridLayout(plane)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(1)
        grid.addWidget(self.canvas, 0, 0)
        grid.addWidget(self.yz, 0, 1)
        grid.addWidget(self.xz, 1, 0)
        self._corner = QWidget()
        self._corner.setObjectName("corner")
        grid.addWidget(self._corner, 1, 1)
        self._plane = plane
        self._stack = QStackedLayout(self)
        self._stack.addWidget(plane)
        self._stack.addWidget(self.space)
        self.canvas.clicked.connect(self._cross)
        self.canvas.moved.connect(self._follow)
        self.xz.clicked.connect(self._on_xz)
        self.yz.clicked.connect(self._on_yz)

    def sync(self, view: View, scene: Scene | None, extras: Extras) -> None:
        """Show what was made for a view."""
        self._scene = scene
        solid = view.panes == "solid"
        self._stack.setCurrentWidget(self.space if solid else self._plane)
        self.space.show_picture(extras.solid if solid else None)
        self.canvas.show_error(extras.error if view.error else None)
        self.canvas.show_object(extras.pointed)
        crossed = extras.sections if view.panes == "sections" else None
        for pane in (self.xz, self.yz, self._corner):
            pane.setVisible(view.panes == "sections")
        self.canvas.cross_at(crossed.at_um[1:] if crossed is not None else None)
        opacity = view.opacity if view.labels else 0.0
        if crossed is not None and (crossed is not self._sections or opacity != self._opacity):
            z, y, x = crossed.at_um
            self.xz.show_section(crossed.xz, (z, x), opacity)
            self.yz.show_section(crossed.yz, (z, y), opacity)
            self._follow()
        self._sections, self._opacity = crossed, opacity

    def _follow(self) -> None:
        """Let the sections show what the plane shows."""
        (left, right), (low, high) = self.canvas.box.viewRange()
        self.xz.follow(left, right)
        self.yz.follow(low, high)

    def _cross(self, y: float, x: float) -> None:
        self._edit(lambda v: replace(v, cursor=(y, x)))

    def _on_xz(self, z: float, x: float) -> None:
        self._edit(lambda v: replace(v, z=self._plane_at(z), cursor=(self._at()[0], x)))

    def _on_yz(self, z: float, y: float) -> None:
        self._edit(lambda v: replace(v, z=self._plane_at(z), cursor=(y, self._at()[1])))

    def _at(self) -> tuple[float, float]:
        """Return where the sections meet now."""
        return self._sections.at_um[1:] if self._sections is not None else (0.0, 0.0)

    def _plane_at(self, z_um: float) -> int:
        """Return the plane at a height."""
        if self._scene is None:
            return 0
        return max(0, min(int(z_um / self._scene.voxel_um[0]), self._scene.planes - 1))
