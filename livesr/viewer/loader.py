"""Reads a session and makes pictures of it; knows nothing of Qt or of threads."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from livesr.errors import StorageError
from livesr.viewer import compose, state
from livesr.viewer.progress import Progress, progress_of
from livesr.viewer.registration import RedRegistration, registration_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy.typing as npt

    from livesr.storage.image_reader import ImageReader
    from livesr.storage.reader import SessionReader
    from livesr.types import Float32, Grid, UInt8, UInt16
    from livesr.viewer.state import Plane, Scene, View

A = TypeVar("A", bound="npt.NDArray[Any]")

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
        self._mask_grids: dict[int, Grid] = {}
        self.scenes: tuple[Scene, ...] = ()
        self.progress = Progress()

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
            self.scenes = tuple(scene_of(image) for image in session.images)
            self.progress = progress_of(session.status(), session.journal())

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
        )

    def volume(self, image: int, t: int, name: str) -> float:
        """Return the volume of one structure in one stack, µm³; of a single plane its area, µm²."""
        reader = self._session.images[image]
        sizes = self._mask_grid(image).voxel_um
        voxel = math.prod(sizes if reader.shape[2] > 1 else sizes[1:])
        return voxel * int(np.count_nonzero(reader.mask(name, t)))

    def _base(
        self, image: int, t: int, z: Plane, channel: str
    ) -> tuple[UInt16 | Float32, UInt8, compose.Levels]:
        if channel != state.RATIO:
            plane = self._plane(image, t, z, channel)
            levels = self._levels_for(image, t, z, channel)
            return plane, compose.to_grey(plane, levels), levels
        yellow, red = self._plane(image, t, z, "yellow"), self._registered_red(image, t, z)
        limits = self._ratio_limits(image, t, z)
        brightness = self._levels_for(
            image, t, z, state.INTENSITY, percentiles=compose.BRIGHT_PERCENTILES
        )
        base = compose.to_composite(yellow, red, self._offset, limits, brightness)
        return compose.ratio_of(yellow, red, self._offset), base, limits

    def _plane(self, image: int, t: int, z: Plane, channel: str) -> UInt16:
        """Return counts (y, x) of a channel, or of the mean of both."""
        if channel == state.INTENSITY:
            yellow = self._plane(image, t, z, "yellow")
            return compose.mean_of(yellow, self._registered_red(image, t, z))
        reader = self._session.images[image]
        c = reader.channels.index(channel)

        def read() -> UInt16:
            plane: UInt16 = reader.raw(t, c).max(axis=0) if z == "max" else reader.raw(t, c, z)
            return plane

        return self._cache.get(("raw", image, t, z, c), read)

    def _registered_red(self, image: int, t: int, z: Plane) -> UInt16:
        """Return red where yellow is, if the session has a calibration."""
        if image not in self._registration:
            self._registration[image] = registration_of(self._session.settings, self.scenes[image])
        registration = self._registration[image]
        if registration is None:
            return self._plane(image, t, z, "red")
        at = z if z == "max" else registration.plane(z)
        return registration.apply(self._plane(image, t, at, "red"))

    def _ratio(self, image: int, t: int, z: Plane) -> Float32:
        yellow, red = self._plane(image, t, z, "yellow"), self._registered_red(image, t, z)
        return compose.ratio_of(yellow, red, self._offset)

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
            planes = [self._plane(image, t, k, channel) for k in self._sampled(image, z)]
            sample = np.stack([plane[::3, ::3] for plane in planes])
            self._levels[key] = compose.levels_of(sample, percentiles)
        return self._levels[key]

    def _ratio_limits(self, image: int, t: int, z: Plane) -> compose.Levels:
        key = (image, state.RATIO, z == "max")
        if key not in self._levels:
            at = self._sampled(image, z)
            ratios = np.stack([self._ratio(image, t, k)[::3, ::3] for k in at])
            light = np.stack([self._plane(image, t, k, state.INTENSITY)[::3, ::3] for k in at])
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
        grid = self._mask_grid(view.image)
        at = (
            z
            if z == "max"
            else _nearest_plane(z, scene.voxel_um[0], grid.voxel_um[0], grid.shape[0])
        )
        on = [name for name in scene.structures if view.labels and name in view.structures]
        masks = {name: self._mask(view.image, t, at, name) for name in on}
        labels = compose.label_image(masks, grid.shape[1:], contour=view.contour)
        return labels, (grid.voxel_um[1], grid.voxel_um[2])

    def _mask_grid(self, image: int) -> Grid:
        """Return the grid of an image's masks: one for all structures."""
        if image not in self._mask_grids:
            reader = self._session.images[image]
            if not reader.structures:
                return reader.grid
            self._mask_grids[image] = reader.mask_grid(reader.structures[0])
        return self._mask_grids[image]

    def _mask(self, image: int, t: int, z: Plane, name: str) -> UInt8:
        reader = self._session.images[image]

        def read() -> UInt8:
            mask: UInt8 = (
                reader.mask(name, t).max(axis=0) if z == "max" else reader.mask(name, t, z)
            )
            return mask

        return self._cache.get(("mask", image, t, z, name), read)


class _Cache:
    """The last arrays read, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._arrays: OrderedDict[Hashable, npt.NDArray[Any]] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], A]) -> A:
        """Return the array called ``key``; read it if it is not kept."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return cast("A", self._arrays[key])
        array = read()
        self._arrays[key] = array
        self._size += array.nbytes
        while self._size > self._limit and len(self._arrays) > 1:
            self._size -= self._arrays.popitem(last=False)[1].nbytes
        return array


def flattened(picture: Picture, opacity: float) -> UInt8:
    """Return a picture with its labels as one image (y, x, 3) at the camera's resolution."""
    labels = picture.labels if picture.labels is not None else np.zeros((1, 1), np.uint8)
    scale = tuple(a / b for a, b in zip(picture.pixel_um, picture.label_pixel_um, strict=True))
    table = compose.colour_table(opacity)
    return compose.flatten(picture.base, labels, (scale[0], scale[1]), table)


def scene_of(image: ImageReader) -> Scene:
    """Return what an image has to show."""
    t, c, z, y, x = image.shape
    return state.Scene(
        name=f"image {image.number}",
        shape=(t, c, z, y, x),
        voxel_um=image.voxel_um,
        channels=tuple(image.channels),
        structures=tuple(image.structures),
        stored=tuple(sorted(image.stored())),
        segmented=tuple(sorted(image.segmented())),
        unreliable=tuple(image.attributes.get("unreliable_without_ratio", ())),
        simulated=bool(image.attributes.get("simulated", False)),
        calibrated=len(image.channels) == 1 or image.attributes.get("calibration") != "none",
    )


def camera_offset(session: SessionReader) -> float:
    """Return the camera's counts without light that the session's settings state."""
    settings = session.settings
    source = settings.get("recording") or settings.get("microscope") or {}
    return float(source.get("camera_offset", 0.0))


def _nearest_plane(z: int, step_um: float, mask_step_um: float, planes: int) -> int:
    """Return the plane of the masks' grid that lies nearest to a plane of the camera's."""
    return max(0, min(round(z * step_um / mask_step_um), planes - 1))
