"""Reads a session and makes pictures of it; knows nothing of Qt or of threads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.errors import StorageError
from livesr.viewer import compose, state
from livesr.viewer.course import Course, CourseReader
from livesr.viewer.histogram import Histogram, histogram_of
from livesr.viewer.masked import MaskedLight, cut_out
from livesr.viewer.planes import Planes, scene_of
from livesr.viewer.progress import Progress, notes_of, progress_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from livesr.storage.reader import SessionReader
    from livesr.types import Float32, UInt8, UInt16
    from livesr.viewer.beside import BesideFolder
    from livesr.viewer.state import Plane, Scene, View

SAMPLED_PLANES = 5
"""Planes of a stack from which levels are taken, so that they hold for every plane."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One view, drawn. Arrays are never written to again.

    Attributes
    ----------
    image, t, z, channel
        What is shown, as in `View`, with nothing left open.
    base : ndarray, (y, x) or (y, x, 3), uint8
    pixel_um : tuple of float
        Size of the base's pixels (y, x), µm.
    labels : ndarray, (y', x'), uint8, or None
        See `compose.label_image`; None where there are no masks yet.
    label_pixel_um : tuple of float
        Size of the labels' pixels (y, x), µm.
    values : ndarray, (y, x)
        Counts, or ratios, for the readout under the mouse.
    levels : Levels
        Limits of the grey or of the hue scale.
    masked : bool
        Whether the base shows masks × intensity, so that labels are not drawn on it.
    histogram : Histogram or None
        Of the values.
    drawn : bool
        Whether the labels are drawn into the base already, as a daemon sends it.
    """

    image: int
    t: int
    z: Plane
    channel: str
    base: UInt8
    pixel_um: tuple[float, float]
    labels: UInt8 | None
    label_pixel_um: tuple[float, float]
    values: UInt16 | Float32
    levels: compose.Levels
    masked: bool = False
    histogram: Histogram | None = None
    drawn: bool = False


class Loader:
    """Makes pictures of one session.

    Parameters
    ----------
    session : SessionReader
        Only read from; the session may be running.
    """

    def __init__(self, session: SessionReader) -> None:
        self._session = session
        self._planes = Planes(session)
        self._masked = MaskedLight(self._planes)
        self._levels: dict[Hashable, compose.Levels] = {}
        self._course = CourseReader()
        self.scenes: tuple[Scene, ...] = ()
        self.progress = Progress()
        self.course = Course()

    @property
    def session(self) -> SessionReader:
        """The session that is read."""
        return self._session

    @property
    def planes(self) -> Planes:
        """Its planes and masks."""
        return self._planes

    def refresh(self) -> None:
        """Look again at what is stored: a running session grows.

        Raises
        ------
        StorageError
            If the session cannot be read any more.
        """
        session = self._session
        if not session.folder.is_dir():
            raise StorageError(
                "the session's folder is gone",
                where=str(session.folder),
                fix="bring it back, or close the viewer",
            )
        if session.refresh() or not self.scenes:
            journal = session.journal()
            self.scenes = tuple(
                scene_of(image, notes_of(journal, image.number)) for image in session.images
            )
            self.progress = progress_of(session.status(), journal)
            self.course = self._course.update(journal)

    def relevel(self) -> None:
        """Forget the levels: the next picture sets them anew."""
        self._levels.clear()
        self._masked.relevel()

    def load(self, view: View) -> Picture | None:
        """Return the picture of ``view``, or None if nothing is stored yet.

        Raises
        ------
        StorageError
            If the data cannot be read.
        """
        if view.image >= len(self.scenes):
            return None
        scene = self.scenes[view.image]
        t = state.time_of(view, scene)
        if t is None:
            return None
        z, channel = state.plane_of(view, scene), state.channel_of(view, scene)
        values, base, levels = self._base(view, t, z, channel)
        labels, label_pixel = self._labels(view, scene, t, z)
        _, *pixel = scene.voxel_um
        masked = view.masked and view.labels and labels is not None
        if masked and labels is not None:
            scale = (pixel[0] / label_pixel[0], pixel[1] / label_pixel[1])
            on_top = compose.resampled(labels, base.shape[:2], scale)
            if channel == state.RATIO:
                base = cut_out(base, on_top)
            else:
                names = self._on(view, scene)
                base = self._masked.draw(view.image, t, z, channel, names, on_top, scale)
        return Picture(
            view.image,
            t,
            z,
            channel,
            base,
            (pixel[0], pixel[1]),
            labels,
            label_pixel,
            values,
            levels,
            masked,
            histogram_of(values, levels),
        )

    def wanted(self, view: View) -> Hashable:
        """Return what of a view the picture depends on."""
        return state.of_picture(view)

    def beside(self) -> BesideFolder:
        """Return what makes the parts beside the picture."""
        from livesr.viewer.beside import BesideFolder  # a daemon draws pictures alone

        return BesideFolder(self)

    def volume(self, image: int, t: int, name: str) -> float:
        """Return the volume of one structure in one stack, µm³; of a single plane its area, µm²."""
        sizes = self._planes.mask_grid(image).voxel_um
        voxel = math.prod(sizes if self._session.images[image].shape[2] > 1 else sizes[1:])
        return voxel * int(np.count_nonzero(self._planes.mask_volume(image, t, name)))

    def levels(
        self, view: View, t: int, z: Plane, channel: str
    ) -> tuple[compose.Levels, compose.Levels]:
        """Return the levels of a channel's grey or hue, and those of a composite's brightness."""
        by_hand = state.contrast_of(view, channel)
        image = view.image
        if channel != state.RATIO:
            levels = compose.Levels(*by_hand) if by_hand else self._levels_for(image, t, z, channel)
            return levels, levels
        limits = compose.Levels(*by_hand) if by_hand else self._ratio_limits(image, t, z)
        bright = compose.BRIGHT_PERCENTILES
        return limits, self._levels_for(image, t, z, state.INTENSITY, percentiles=bright)

    def _base(
        self, view: View, t: int, z: Plane, channel: str
    ) -> tuple[UInt16 | Float32, UInt8, compose.Levels]:
        image = view.image
        limits, brightness = self.levels(view, t, z, channel)
        if channel != state.RATIO:
            plane = self._planes.counts(image, t, z, channel)
            return plane, compose.to_grey(plane, limits), limits
        yellow, red = (
            self._planes.counts(image, t, z, "yellow"),
            self._planes.registered_red(image, t, z),
        )
        base = compose.to_composite(yellow, red, self._planes.offset, limits, brightness)
        return compose.ratio_of(yellow, red, self._planes.offset), base, limits

    def _levels_for(
        self,
        image: int,
        t: int,
        z: Plane,
        channel: str,
        percentiles: tuple[float, float] = compose.PERCENTILES,
    ) -> compose.Levels:
        """Return the levels of a channel, those of the first stack shown from then on."""
        key = (image, channel, z == "max", percentiles)
        if key not in self._levels:
            planes = [self._planes.counts(image, t, k, channel) for k in self._sampled(image, z)]
            sample = np.stack([plane[::3, ::3] for plane in planes])
            self._levels[key] = compose.levels_of(sample, percentiles)
        return self._levels[key]

    def _ratio_limits(self, image: int, t: int, z: Plane) -> compose.Levels:
        key = (image, state.RATIO, z == "max")
        if key not in self._levels:
            at = self._sampled(image, z)
            ratios = np.stack([self._planes.ratio(image, t, k)[::3, ::3] for k in at])
            light = np.stack(
                [self._planes.counts(image, t, k, state.INTENSITY)[::3, ::3] for k in at]
            )
            self._levels[key] = compose.ratio_levels(ratios, light)
        return self._levels[key]

    def _sampled(self, image: int, z: Plane) -> list[Plane]:
        """Return planes that stand for the stack, and the projection for itself."""
        if z == "max":
            return ["max"]
        last = self.scenes[image].planes - 1
        return sorted({round(v) for v in np.linspace(0, last, SAMPLED_PLANES)})

    def _labels(
        self, view: View, scene: Scene, t: int, z: Plane
    ) -> tuple[UInt8 | None, tuple[float, float]]:
        if t not in scene.segmented:
            return None, (1.0, 1.0)
        grid = self._planes.mask_grid(view.image)
        bits, on = self._planes.bits(view.image, t, z), self._on(view, scene)
        if view.contour and not view.masked:
            masks = {name: compose.mask_of(bits, name) for name in on}
            labels = compose.label_image(masks, grid.shape[1:], contour=True)
        else:
            labels = compose.labels_of(bits, on)
        return labels, (grid.voxel_um[1], grid.voxel_um[2])

    def _on(self, view: View, scene: Scene) -> list[str]:
        """Return the structures that are drawn."""
        return [name for name in scene.structures if view.labels and name in view.structures]


def flattened(picture: Picture, opacity: float) -> UInt8:
    """Return a picture with its labels as one image (y, x, 3) at the camera's resolution."""
    if picture.masked or picture.drawn:
        return picture.base
    labels = picture.labels if picture.labels is not None else np.zeros((1, 1), np.uint8)
    scale = tuple(a / b for a, b in zip(picture.pixel_um, picture.label_pixel_um, strict=True))
    table = compose.colour_table(opacity)
    return compose.flatten(picture.base, labels, (scale[0], scale[1]), table)
