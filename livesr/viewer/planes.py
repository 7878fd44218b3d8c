"""Planes and masks of a session, read once and kept for a while; knows nothing of pictures."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from livesr.catalog import NAMES
from livesr.segmentation.trust import Flag
from livesr.viewer import compose, state
from livesr.viewer.registration import RedRegistration, registration_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy.typing as npt

    from livesr.storage.image_reader import ImageReader
    from livesr.storage.reader import SessionReader
    from livesr.types import Float32, Grid, UInt8, UInt16
    from livesr.viewer.state import Plane, Scene

A = TypeVar("A", bound="npt.NDArray[Any]")

CACHE_BYTES = 256 * 2**20


class Planes:
    """Reads one session.

    Parameters
    ----------
    session : SessionReader
        Only read from; the session may be running.

    Attributes
    ----------
    offset : float
        Camera counts without light.
    """

    def __init__(self, session: SessionReader) -> None:
        self._session = session
        self._cache = Cache(CACHE_BYTES)
        self._registration: dict[int, RedRegistration | None] = {}
        self._mask_grids: dict[int, Grid] = {}
        self.offset = camera_offset(session)

    def structures(self, image: int) -> tuple[str, ...]:
        """Return the structures that an image has masks of."""
        return self._session.images[image].structures

    def count(self, image: int) -> int:
        """Return the planes of a stack."""
        return self._session.images[image].shape[2]

    def counts(self, image: int, t: int, z: Plane, channel: str) -> UInt16:
        """Return counts (y, x) of a channel, or of the mean of both."""
        if channel == state.INTENSITY:
            yellow = self.counts(image, t, z, "yellow")
            return compose.mean_of(yellow, self.registered_red(image, t, z))
        reader = self._session.images[image]
        c = reader.channels.index(channel)

        def read() -> UInt16:
            plane: UInt16 = reader.raw(t, c).max(axis=0) if z == "max" else reader.raw(t, c, z)
            return plane

        return self._cache.get(("raw", image, t, z, c), read)

    def registered_red(self, image: int, t: int, z: Plane) -> UInt16:
        """Return red where yellow is, if the session has a calibration."""
        if image not in self._registration:
            scene = scene_of(self._session.images[image])
            self._registration[image] = registration_of(self._session.settings, scene)
        registration = self._registration[image]
        if registration is None:
            return self.counts(image, t, z, "red")
        at = z if z == "max" else registration.plane(z)
        return registration.apply(self.counts(image, t, at, "red"))

    def ratio(self, image: int, t: int, z: Plane) -> Float32:
        """Return red / yellow (y, x)."""
        yellow, red = self.counts(image, t, z, "yellow"), self.registered_red(image, t, z)
        return compose.ratio_of(yellow, red, self.offset)

    def mask(self, image: int, t: int, z: Plane, name: str) -> UInt8:
        """Return a structure's mask (y, x) in the camera's plane ``z``, on the masks' pixels."""
        return compose.mask_of(self.bits(image, t, z), name)

    def bits(self, image: int, t: int, z: Plane) -> UInt16:
        """Return all masks of a plane in one image (y, x), a bit for each structure.

        A plane's fifteen masks take an eighth of their room so, and all planes of a stack can be
        kept.
        """
        reader = self._session.images[image]
        at = z if z == "max" else self.mask_plane(image, z)

        def read() -> UInt16:
            bits = np.zeros(self.mask_grid(image).shape[1:], np.uint16)
            for name in reader.structures:
                mask = reader.mask(name, t).max(axis=0) if at == "max" else reader.mask(name, t, at)
                bits |= mask.astype(np.uint16) << NAMES.index(name)
            return bits

        return self._cache.get(("bits", image, t, at), read)

    def mask_plane(self, image: int, z: int) -> int:
        """Return the plane of the masks that lies nearest to a plane of the camera's."""
        reader, grid = self._session.images[image], self.mask_grid(image)
        return nearest_plane(z, reader.voxel_um[0], grid.voxel_um[0], grid.shape[0])

    def mask_volume(self, image: int, t: int, name: str) -> UInt8:
        """Return a structure's mask (z, y, x) on the masks' grid; not kept."""
        return self._session.images[image].mask(name, t)

    def label_volume(self, image: int, t: int, names: frozenset[str]) -> UInt8:
        """Return a label image (z, y, x) of some structures on the masks' grid."""

        def read() -> UInt8:
            labels = np.zeros(self.mask_grid(image).shape, np.uint8)
            for name in compose.PAINT_ORDER:
                if name in names:
                    number = np.uint8(NAMES.index(name) + 1)
                    np.copyto(labels, number, where=self.mask_volume(image, t, name) != 0)
            return labels

        return self._cache.get(("labels", image, t, names), read)

    def mask_grid(self, image: int) -> Grid:
        """Return the grid of an image's masks: one for all structures."""
        if image not in self._mask_grids:
            reader = self._session.images[image]
            if not reader.structures:
                return reader.grid
            self._mask_grids[image] = reader.mask_grid(reader.structures[0])
        return self._mask_grids[image]

    def keep(self, key: Hashable, make: Callable[[], A]) -> A:
        """Return an array that was made before, or make and keep it."""
        return self._cache.get(key, make)


class Cache:
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


def scene_of(image: ImageReader, notes: tuple[tuple[int, str], ...] = ()) -> Scene:
    """Return what an image has to show, with the notes of its time."""
    t, c, z, y, x = image.shape
    return state.Scene(
        name=str(image.attributes.get("position_name") or f"image {image.number}")
        + (f": {mode}" if (mode := image.attributes.get("mode")) else ""),
        shape=(t, c, z, y, x),
        voxel_um=image.voxel_um,
        channels=tuple(image.channels),
        structures=tuple(image.structures),
        stored=tuple(sorted(image.stored())),
        segmented=tuple(sorted(image.segmented())),
        unreliable=tuple(image.attributes.get("unreliable_without_ratio", ())),
        simulated=bool(image.attributes.get("simulated", False)),
        calibrated=len(image.channels) == 1 or image.attributes.get("calibration") != "none",
        flagged=tuple(
            (t, tuple(Flag.read(flag).words for flag in flags))
            for t, flags in image.flags().items()
        ),
        notes=notes,
        position=int(image.attributes.get("position", image.number)),
    )


def camera_offset(session: SessionReader) -> float:
    """Return the camera's counts without light that the session's settings state."""
    settings = session.settings
    source = settings.get("recording") or settings.get("microscope") or {}
    return float(source.get("camera_offset", 0.0))


def nearest_plane(z: int, step_um: float, mask_step_um: float, planes: int) -> int:
    """Return the plane of the masks' grid that lies nearest to a plane of the camera's."""
    return max(0, min(round(z * step_um / mask_step_um), planes - 1))
