"""What is shown beside the picture, each made when it is wanted and what it depends on changed.

Sections, the masks in space, the object under the mouse, curves over time, the error map. No Qt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from livesr.viewer import compose, sections, solid, state
from livesr.viewer.course import Course
from livesr.viewer.error_map import ErrorPicture, error_picture
from livesr.viewer.pointed import Pointed, Pointer
from livesr.viewer.sections import Section, Sections
from livesr.viewer.series import Series, TableSeries, Volumes, measured_rows, moment

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from livesr.viewer.loader import Loader
    from livesr.viewer.solid import Solid, SolidPicture
    from livesr.viewer.state import Scene, View

Part: TypeAlias = Literal["sections", "solid", "pointed", "series", "error"]
Point: TypeAlias = tuple[float, float] | None
"""Where the mouse is, (y, x), µm."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What was made so far; None for what is not wanted.

    Attributes
    ----------
    course : Course
    sections : Sections or None
    solid : SolidPicture or None
    pointed : Pointed or None
    series : Series or None
    error : ErrorPicture or None
    """

    course: Course = field(default_factory=Course)
    sections: Sections | None = None
    solid: SolidPicture | None = None
    pointed: Pointed | None = None
    series: Series | None = None
    error: ErrorPicture | None = None


class Beside(Protocol):
    """Makes parts of `Extras`; used by one thread."""

    def wanted(self, view: View, point: Point) -> Mapping[Part, Hashable]:
        """Return which parts a view wants, and what each depends on."""

    def make(self, part: Part, view: View, point: Point) -> object:
        """Return a part, drawn."""


class BesideFolder:
    """Makes them from a session's folder.

    Parameters
    ----------
    loader : Loader
        Of the session.
    """

    def __init__(self, loader: Loader) -> None:
        folder = loader.session.folder
        self._loader = loader
        self._volumes = Volumes(measured_rows(folder))
        self._tables = TableSeries(folder)
        self._pointer = Pointer(loader.planes, folder)
        self._solid: tuple[Hashable, Solid] | None = None

    def wanted(self, view: View, point: Point) -> Mapping[Part, Hashable]:
        """Return which parts a view wants, and what each depends on."""
        scenes = self._loader.scenes
        if view.image >= len(scenes):
            return {}
        scene = scenes[view.image]
        t = state.time_of(view, scene)
        found: dict[Part, Hashable] = {}
        if t is not None:
            found |= self._of_a_stack(view, scene, t, point)
        if view.over_time not in {"", "lives"}:
            found["series"] = view.over_time, view.image, view.structures, moment()
        if view.error:
            found["error"] = view.image
        return found

    def _of_a_stack(self, view: View, scene: Scene, t: int, point: Point) -> dict[Part, Hashable]:
        masks = t in scene.segmented
        on = self._on(view, scene)
        found: dict[Part, Hashable] = {}
        if view.panes == "sections" and scene.planes > 1:
            plain = state.of_picture(view)
            found["sections"] = plain, t, masks, state.place_of(view, scene)
        if view.panes == "solid" and masks and scene.planes > 1:
            found["solid"] = view.image, t, on, view.turn
        if point is not None and masks and view.labels and view.panes != "solid":
            found["pointed"] = view.image, t, state.plane_of(view, scene), on, point
        return found

    def make(self, part: Part, view: View, point: Point) -> object:
        """Return a part, drawn.

        Raises
        ------
        LivesrError
            If what it needs is not there or cannot be read.
        """
        scene = self._loader.scenes[view.image]
        if part == "error":
            return error_picture(self._loader.session.settings, scene)
        if part == "series":
            return self._series(view, scene)
        t = state.time_of(view, scene)
        if t is None:
            return None
        if part == "sections":
            return self._sections(view, scene, t)
        if part == "solid":
            return self._seen(view, scene, t)
        return self._pointed(view, scene, t, point)

    def _on(self, view: View, scene: Scene) -> frozenset[str]:
        return frozenset(scene.structures) & view.structures if view.labels else frozenset()

    def _series(self, view: View, scene: Scene) -> Series:
        kind = view.over_time
        names = [name for name in scene.structures if name in view.structures]
        if kind == "volume":
            self._volumes.refresh()
            return self._volumes.curves(view.image, names)
        self._tables.refresh(kind)
        if kind == "count":
            return self._tables.counts(view.image, names)
        return self._tables.contacts(view.image, names)

    def _sections(self, view: View, scene: Scene, t: int) -> Sections:
        planes, image = self._loader.planes, view.image
        place, channel = state.place_of(view, scene), state.channel_of(view, scene)
        z = state.plane_of(view, scene)
        levels = self._loader.levels(view, t, z, channel)
        xz, yz = sections.bases(planes, image, t, channel, place, *levels)
        on_xz = on_yz = None
        dz, dy, dx = scene.voxel_um
        _, _, depth, rows, columns = scene.shape
        if t in scene.segmented and self._on(view, scene):
            grid = planes.mask_grid(image)
            volume = planes.label_volume(image, t, self._on(view, scene))
            scale = dy / grid.voxel_um[1], dx / grid.voxel_um[2]
            on_xz, on_yz = sections.labels_across(volume, scale, place)
        middle = depth / 2 if z == "max" else z + 0.5
        at = middle * dz, (place[0] + 0.5) * dy, (place[1] + 0.5) * dx
        return Sections(
            Section(xz, on_xz, (depth * dz, columns * dx)),
            Section(yz, on_yz, (depth * dz, rows * dy)),
            at,
        )

    def _seen(self, view: View, scene: Scene, t: int) -> SolidPicture:
        on = self._on(view, scene)
        key = view.image, t, on
        if self._solid is None or self._solid[0] != key:
            planes = self._loader.planes
            labels = planes.label_volume(view.image, t, on)
            self._solid = key, solid.coarse(labels, planes.mask_grid(view.image).voxel_um)
        return solid.draw(self._solid[1], view.turn)

    def _pointed(self, view: View, scene: Scene, t: int, point: Point) -> Pointed | None:
        if point is None:
            return None
        planes, z = self._loader.planes, state.plane_of(view, scene)
        labels = compose.labels_of(planes.bits(view.image, t, z), self._on(view, scene))
        grid = planes.mask_grid(view.image)
        pixel = grid.voxel_um[1], grid.voxel_um[2]
        return self._pointer.at(view.image, t, z, labels, pixel, point)
