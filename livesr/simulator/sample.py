"""The sample: cells on a cover slip as a pure function of seed and time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from livesr.catalog import NAMES
from livesr.simulator import render
from livesr.simulator.cell import Cell, build_cell
from livesr.simulator.cloud import SIGMA_XY, SIGMA_Z
from livesr.simulator.motion import Motion
from livesr.simulator.placement import MOST_CELLS, place_cells
from livesr.simulator.populate import cell_columns, cell_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from livesr.simulator.optics import Optics
    from livesr.simulator.render import Column, Layer
    from livesr.simulator.view import View
    from livesr.types import Bool, Float32, Float64

REFERENCE_PIXEL_UM = 0.0668
"""Photons are quoted for pixels of this size."""
VOLUMES = ("nucleus", "cytosol", "extracellular")
REACH_UM = 10.0
"""How far beyond its outline at time 0 a cell may show: filopodia, and the creeping edge."""

K = TypeVar("K")
V = TypeVar("V")


class Latest(Generic[K, V]):
    """Keeps the value of the last key asked for: a stack's planes share one time and field."""

    def __init__(self) -> None:
        self._kept: tuple[K, V] | None = None

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value for ``key``, made anew if it is not the one kept."""
        kept = self._kept
        if kept is not None and kept[0] == key:
            return kept[1]
        value = make()
        self._kept = (key, value)
        return value


@dataclass(frozen=True, slots=True)
class Light:
    """Photons a pixel of 0.0668 µm and frame of 50 ms.

    Attributes
    ----------
    er : float
        Peak of an ER tube in yellow.
    background : tuple of float
        Empty field in yellow and red.
    """

    er: float
    background: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Light:
        """Return a day's light, within the ranges of the docs' science page."""
        yellow = float(rng.uniform(3.0, 10.0))
        er = float(rng.uniform(75.0, 135.0))
        return cls(er, (yellow, yellow * float(rng.uniform(0.35, 0.55))))


class Sample:
    """Cells on a cover slip.

    Everything that it shows is a pure function of (seed, time): evaluated in any order, any number
    of times, it is the same.

    Parameters
    ----------
    seed : int
        Not negative.
    field_um : tuple of float
        Extent (y, x) around the origin in which cells are placed; one has its nucleus within 6 µm
        of the origin.
    motion : float
        Factor on all motion; 0 freezes the sample.

    Attributes
    ----------
    shapes : list of CellShape
        Outlines of the cells at time 0.
    light : Light
    """

    def __init__(
        self, seed: int, *, field_um: tuple[float, float] = (80.0, 80.0), motion: float = 1.0
    ) -> None:
        self.seed = seed
        self.motion = motion
        place, light, *cells = np.random.SeedSequence([seed, 0x11FE5]).spawn(2 + MOST_CELLS)
        self.light = Light.draw(np.random.default_rng(light))
        self.shapes = place_cells(np.random.default_rng(place), field_um, motion)
        self._streams = [_streams(cell) for cell in cells]
        self._cells: dict[int, Cell] = {}
        self._layers: dict[int, Latest[float, list[Layer]]] = {
            index: Latest() for index in range(len(self.shapes))
        }
        self._columns: Latest[tuple[float, View], list[Column]] = Latest()
        self._coarse: tuple[Latest[tuple[float, View], Float32], ...] = (Latest(), Latest())

    def cell(self, index: int) -> Cell:
        """Return a cell at time 0; built when first asked for."""
        if index not in self._cells:
            self._cells[index] = build_cell(self.shapes[index], self._streams[index][0])
        return self._cells[index]

    def emission(self, time_s: float, z_um: Sequence[float], view: View, optics: Optics) -> Float32:
        """Return what reaches the camera.

        Parameters
        ----------
        time_s : float
            Simulated time.
        z_um : sequence of float
            Heights of the planes above the cover slip, in any order.
        view : View
        optics : Optics

        Returns
        -------
        ndarray, (2, planes, y, x), float32
            Expected photons a pixel in a frame of 50 ms, yellow and red: blurred, with chromatic
            offset, shading and background.
        """
        planes, back = _sorted(z_um)
        out = np.empty((2, len(planes), *view.shape), np.float32)
        for channel in range(2):
            image = self._image(channel, time_s, planes, view, optics)
            shade = optics.shading(channel, *view.field())
            for plane, sorted_plane in enumerate(back):
                np.multiply(image[sorted_plane], shade, out=out[channel, plane])
        return out

    def truth(
        self,
        time_s: float,
        z_um: Sequence[float],
        view: View,
        *,
        names: Iterable[str] = NAMES,
    ) -> dict[str, Bool]:
        """Return where each structure is, on the yellow channel's pixels.

        A voxel belongs to a structure where it reaches half of the structure's own image under
        the nominal yellow point-spread function, so that tubes and sheets thinner than a voxel
        have one. Structures may overlap; nucleus, cytosol and extracellular do not, and fill
        everything.

        Parameters
        ----------
        time_s, z_um, view
            As for `emission`.
        names : iterable of str
            Structures wanted.

        Returns
        -------
        dict of str to ndarray, (planes, y, x), bool
        """
        planes, back = _sorted(z_um)
        wanted = tuple(names)
        masks: dict[str, Bool] = {}
        if any(name in VOLUMES for name in wanted):
            masks.update(self._volumes(time_s, planes, view))
        layers = self._scene(time_s, view)
        for name in wanted:
            if name not in VOLUMES:
                own = [layer for layer in layers if layer.name == name]
                masks[name] = render.points_mask(own, planes, SIGMA_Z, SIGMA_XY, view)
        return {name: masks[name][back] for name in wanted}

    def _image(
        self, channel: int, time_s: float, planes: Float64, view: View, optics: Optics
    ) -> Float32:
        """Return photons of one channel before shading."""
        warp = render.displacement(view, optics.chromatic if channel else None)
        sigma_z = optics.sigma_z(channel)
        layers = self._scene(time_s, view)
        image = render.canvas(len(planes), view)
        render.add_points(image, layers, channel, planes, sigma_z, view, warp)
        columns = render.warped(self._volume_columns(time_s, view), warp, view)
        render.add_columns(image, columns, [c.weights[channel] for c in columns], planes, sigma_z)
        render.blur_planes(image, optics.sigma_xy(channel) / view.pixel_um)
        if optics.pedestal > 0.0:
            bins = self._coarse[channel].get(
                (time_s, view), lambda: render.coarse(layers, channel, view)
            )
            sigma = optics.pedestal_sigma_um
            render.add_pedestal(image, bins, planes, sigma, optics.pedestal)
        area = (view.pixel_um / REFERENCE_PIXEL_UM) ** 2
        image = render.crop(image)
        image *= np.float32(self.light.er * area)
        image += np.float32(self.light.background[channel] * area)
        return image

    def _volumes(self, time_s: float, planes: Float64, view: View) -> dict[str, Bool]:
        columns = self._volume_columns(time_s, view)
        cell, nucleus = (
            render.columns_mask(
                [c for c in columns if c.kind == kind], planes, SIGMA_Z, SIGMA_XY, view
            )
            for kind in ("cell", "nucleus")
        )
        return {
            "nucleus": nucleus,
            "cytosol": cell & ~nucleus,
            "extracellular": ~(cell | nucleus),
        }

    def _scene(self, time_s: float, view: View) -> list[Layer]:
        """Return the points at a time of the cells that the view may show."""
        layers: list[Layer] = []
        for index in self._near(view):
            make = partial(self._cell_layers, index, time_s)
            layers += self._layers[index].get(time_s, make)
        return layers

    def _cell_layers(self, index: int, time_s: float) -> list[Layer]:
        return cell_layers(self.cell(index), self._motion(index), time_s)

    def _volume_columns(self, time_s: float, view: View) -> list[Column]:
        return self._columns.get(
            (time_s, view),
            lambda: [
                column
                for index in self._near(view)
                for column in cell_columns(self.cell(index), self._motion(index), time_s, view)
            ],
        )

    def _motion(self, index: int) -> Motion:
        return Motion(self._streams[index][1], self.motion)

    def _near(self, view: View) -> list[int]:
        """Return the cells that the view may show."""
        half_y, half_x = view.half_um()
        near = []
        for index, shape in enumerate(self.shapes):
            y, x = shape.footprint.outline()
            dy = np.maximum(np.abs(y - view.center_um[0]) - half_y, 0.0)
            dx = np.maximum(np.abs(x - view.center_um[1]) - half_x, 0.0)
            inside = shape.footprint.contains(*(np.array([c]) for c in view.center_um))[0]
            if inside or np.hypot(dy, dx).min() < REACH_UM:
                near.append(index)
        return near


def _streams(seed: np.random.SeedSequence) -> tuple[np.random.SeedSequence, ...]:
    """Return a cell's two streams: organelles and motion."""
    return tuple(seed.spawn(2))


def _sorted(z_um: Sequence[float]) -> tuple[Float64, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return the planes ascending and the order that undoes the sorting."""
    z = np.asarray(z_um, np.float64).ravel()
    order = np.argsort(z, kind="stable")
    return z[order], np.argsort(order, kind="stable")
