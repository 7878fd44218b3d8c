"""Reads a session and makes pictures of it; knows nothing of Qt or of threads."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.viewer import compose, state
from livesr.viewer.progress import Progress, progress_of
from livesr.viewer.registration import RedRegistration, registration_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy.typing as npt

    from livesr.storage.reader import ImageReader, SessionReader
    from livesr.types import Float32, UInt8, UInt16
    from livesr.viewer.state import Plane, Scene, View

CACHE_BYTES = 256 * 2**20
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


class Loader:
    """Makes pictures of one session.

    Parameters
    ----------
    session : SessionReader
        Only read from; the session may be running.
    """

    def __init__(self, session: SessionReader) -> None:
        self._session = session
        self._cache = _Cache(CACHE_BYTES)
        self._levels: dict[Hashable, compose.Levels] = {}
        self._offset = camera_offset(session)
        self._registration: dict[int, RedRegistration | None] = {}
        self._images: list[ImageReader] = []
        self.scenes: tuple[Scene, ...] = ()
        self.progress = Progress()

    def refresh(self) -> None:
        """Look again at what is stored: a running session grows.

        Raises
        ------
        StorageError
            If the session cannot be read any more.
        """
        self._images = list(self._session.images)
        self.scenes = tuple(scene_of(image) for image in self._images)
        self.progress = progress_of(self._session.journal(), self.scenes)

    def relevel(self) -> None:
        """Forget the levels: the next picture sets them anew."""
        self._levels.clear()

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
        values, base, levels = self._base(view.image, t, z, channel)
        labels, label_pixel = self._labels(view, scene, t, z)
        _, *pixel = scene.voxel_um
        return Picture(
            view.image, t, z, channel, base, (pixel[0], pixel[1]), labels, label_pixel, values, levels
        )

    def volume(self, image: int, t: int, name: str) -> float:
        """Return the volume (µm³) of one structure in one stack."""
        reader = self._images[image]
        voxel = float(np.prod(reader.mask_grid.voxel_um))
        return voxel * np.count_nonzero(reader.mask(name, t))

    def _base(
        self, image: int, t: int, z: Plane, channel: str
    ) -> tuple[UInt16 | Float32, UInt8, compose.Levels]:
        if channel != state.RATIO:
            plane = self._plane(image, t, z, channel)
            levels = self._levels_for(image, t, z, channel)
            return plane, compose.to_grey(plane, levels), levels
        intensity = self._plane(image, t, z, state.INTENSITY)
        ratio = self._ratio(image, t, z)
        limits = self._ratio_limits(image, t, z)
        grey = compose.to_grey(intensity, self._levels_for(image, t, z, state.INTENSITY))
        return ratio, compose.to_ratio(ratio, grey, limits), limits

    def _plane(self, image: int, t: int, z: Plane, channel: str) -> UInt16:
        """Return counts (y, x) of a channel, or of the mean of both."""
        if channel == state.INTENSITY:
            yellow = self._plane(image, t, z, "yellow")
            return compose.mean_of(yellow, self._registered_red(image, t, z))
        reader = self._images[image]
        c = reader.channels.index(channel)
        if z != "max":
            return self._cache.get(("raw", image, t, z, c), lambda: reader.raw(t, c, z))
        return self._cache.get(("raw", image, t, z, c), lambda: reader.raw(t, c).max(axis=0))

    def _registered_red(self, image: int, t: int, z: Plane) -> UInt16:
        """Return red where yellow is, if the session has a calibration."""
        if image not in self._registration:
            reader = self._images[image]
            self._registration[image] = registration_of(self._session.settings, reader)
        registration = self._registration[image]
        if registration is None:
            return self._plane(image, t, z, "red")
        at = z if z == "max" else registration.plane(z)
        return registration.apply(self._plane(image, t, at, "red"))

    def _ratio(self, image: int, t: int, z: Plane) -> Float32:
        yellow, red = self._plane(image, t, z, "yellow"), self._registered_red(image, t, z)
        return compose.ratio_of(yellow, red, self._offset)

    def _levels_for(self, image: int, t: int, z: Plane, channel: str) -> compose.Levels:
        key = (image, channel, z == "max")
        if key not in self._levels:
            planes = [self._plane(image, t, k, channel) for k in self._sampled(image, z)]
            self._levels[key] = compose.levels_of(np.stack([p[::3, ::3] for p in planes]))
        return self._levels[key]

    def _ratio_limits(self, image: int, t: int, z: Plane) -> compose.Levels:
        key = (image, state.RATIO, z == "max")
        if key not in self._levels:
            at = self._sampled(image, z)
            ratios = np.stack([self._ratio(image, t, k) for k in at])
            light = np.stack([self._plane(image, t, k, state.INTENSITY) for k in at])
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
        reader = self._images[view.image]
        grid = reader.mask_grid
        at = z if z == "max" else _nearest_plane(z, scene.voxel_um[0], grid.voxel_um[0], grid.shape[0])
        on = [name for name in scene.structures if view.labels and name in view.structures]
        masks = {name: self._mask(view.image, t, at, name) for name in on}
        labels = compose.label_image(masks, grid.shape[1:], contour=view.contour)
        return labels, (grid.voxel_um[1], grid.voxel_um[2])

    def _mask(self, image: int, t: int, z: Plane, name: str) -> UInt8:
        reader = self._images[image]
        if z != "max":
            return self._cache.get(("mask", image, t, z, name), lambda: reader.mask(name, t, z))
        return self._cache.get(
            ("mask", image, t, z, name), lambda: reader.mask(name, t).max(axis=0)
        )


class _Cache:
    """The last arrays read, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._arrays: OrderedDict[Hashable, npt.NDArray[np.generic]] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
        """Return the array called ``key``; read it if it is not kept."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        array = read()
        self._arrays[key] = array
        self._size += array.nbytes
        while self._size > self._limit and len(self._arrays) > 1:
            self._size -= self._arrays.popitem(last=False)[1].nbytes
        return array


def scene_of(image: ImageReader) -> Scene:
    """Return what an image has to show."""
    return state.Scene(
        name=image.name,
        shape=image.shape,
        voxel_um=image.voxel_um,
        channels=tuple(image.channels),
        structures=tuple(image.structures),
        stored=tuple(sorted(image.stored())),
        segmented=tuple(sorted(image.segmented())),
    )


def camera_offset(session: SessionReader) -> float:
    """Return the camera's counts without light that the session's settings state."""
    settings = session.settings
    source = settings.get("recording") or settings.get("microscope") or {}
    return float(source.get("camera_offset", 0.0))


def _nearest_plane(z: int, step_um: float, mask_step_um: float, planes: int) -> int:
    """Return the plane of the masks' grid that lies nearest to a plane of the camera's."""
    return max(0, min(round(z * step_um / mask_step_um), planes - 1))
