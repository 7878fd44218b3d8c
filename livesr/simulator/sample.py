"""The sample: cells on a cover slip as a pure function of seed and time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from scipy.spatial import cKDTree

from livesr.catalog import NAMES
from livesr.simulator.anatomy.cell import Cell, build_cell
from livesr.simulator.anatomy.layer import TRUTH
from livesr.simulator.anatomy.primitives import SIGMA_XY, SIGMA_Z
from livesr.simulator.imaging import render
from livesr.simulator.imaging.columns import cell_columns
from livesr.simulator.imaging.splat import GROUP
from livesr.simulator.inventory import (
    contact_rows,
    identity,
    object_rows,
    stage_rows,
)
from livesr.simulator.parameters import parameters as preset
from livesr.simulator.placement import place_cells
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from livesr.simulator.anatomy.figure import Figure, Moment
    from livesr.simulator.anatomy.layer import Layer
    from livesr.simulator.coloc import Probe
    from livesr.simulator.imaging.optics import Optics
    from livesr.simulator.imaging.render import Column
    from livesr.simulator.parameters import LightParameters, Parameters
    from livesr.simulator.rows import CellStage, ContactRow, ObjectRow
    from livesr.types import Bool, Float32, Float64, UInt8

    Int32 = np.ndarray[tuple[int, ...], np.dtype[np.int32]]

REFERENCE_PIXEL_UM = 0.0668
"""Photons are quoted for pixels of this size."""
VOLUMES = ("nucleus", "cytosol", "extracellular")
PRIORITY = (
    "lipid_droplet",
    "lysosome",
    "late_endosome",
    "early_endosome",
    "peroxisome",
    "golgi",
    "mitochondria",
    "nuclear_reticulum",
    "nuclear_membrane",
    "er",
    "filopodia",
    "plasma_membrane",
    "nucleus",
    "cytosol",
    "extracellular",
)
"""Which structure a voxel of several shows in an exclusive label image."""
REACH_UM = 12.0
"""How far beyond its outline at time 0 a cell may show: filopodia, and the creeping edge."""
FINEST_UM = 0.09
FINEST_SIGMA = 1.6
"""Pixels wider than this (µm, and standard deviations of the blur) are rendered in parts, and
integrate light over their area: a point's splat must stay below the blur. Narrower ones take the
light at their centre."""
_THREADS = min(os.cpu_count() or 1, 8)
_UNMOVED = np.zeros((3, 1, 1), np.float32)

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
        self.keep(key, value)
        return value

    def holds(self, key: K) -> bool:
        """Return whether the value kept is that of ``key``."""
        return self._kept is not None and self._kept[0] == key

    def keep(self, key: K, value: V) -> None:
        """Keep a value in place of the one before."""
        self._kept = (key, value)

    def value(self) -> V:
        """Return the value kept; `LookupError` if there is none."""
        if self._kept is None:
            raise LookupError("nothing kept")
        return self._kept[1]


@dataclass(frozen=True, slots=True)
class Light:
    """Photons a pixel of 0.0668 µm and frame of 50 ms.

    Attributes
    ----------
    er : float
        Peak of an ER tube in yellow.
    background : tuple of float
        Empty field in yellow, red and green.
    gain : tuple of float
        The day's factor on each channel.
    """

    er: float
    background: tuple[float, float, float]
    gain: tuple[float, float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, p: LightParameters, gain: tuple[float, float]) -> Light:
        """Return a day's light."""
        yellow = float(rng.uniform(*p.background_photons))
        er = float(rng.uniform(*p.er_photons))
        red = yellow * float(rng.uniform(*p.background_ratio))
        factors = [float(rng.uniform(*gain)) for _ in range(3)]
        return cls(er, (yellow, red, 0.3 * yellow), (factors[0], factors[1], factors[2]))


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a view may show at one time: cells, their moments and their points."""

    cells: tuple[tuple[int, Cell, Moment, tuple[Layer, ...]], ...]

    def layers(self, names: Sequence[str] | None = None) -> list[Layer]:
        """Return the layers of all cells, or those of some structures."""
        return [
            layer
            for _, _, _, layers in self.cells
            for layer in layers
            if names is None or layer.name in names
        ]


class Sample:
    """Cells on a cover slip.

    Everything that it shows is a pure function of (seed, parameters, time): evaluated in any
    order, any number of times, in any process, it is the same.

    Parameters
    ----------
    seed : int
        Not negative.
    parameters : Parameters, optional
        Default: the preset ``standard``.
    field_um : tuple of float
        Extent (y, x) around the origin in which cells are placed; one has its nucleus within 6 µm
        of the origin.
    motion : float
        Factor on the speed of all motion but the cell cycle's; 0 freezes the sample.

    Attributes
    ----------
    figures : list of Figure
        The cells' figures.
    light : Light
    """

    def __init__(
        self,
        seed: int,
        *,
        parameters: Parameters | None = None,
        field_um: tuple[float, float] = (80.0, 80.0),
        motion: float = 1.0,
    ) -> None:
        self.seed = seed
        self.motion = motion
        self.parameters = p = parameters or preset()
        place, light, cells = np.random.SeedSequence([seed, 0x11FE5]).spawn(3)
        gain = p.dye.day_gain
        self.light = Light.draw(np.random.default_rng(light), p.light, gain)
        self.figures: list[Figure] = place_cells(np.random.default_rng(place), p, field_um, motion)
        self._streams = cells.spawn(len(self.figures))
        self._cells: dict[int, Cell] = {}
        self._at: dict[int, Latest[float, tuple[Moment, tuple[Layer, ...]]]] = {
            index: Latest() for index in range(len(self.figures))
        }
        self._columns: Latest[tuple[float, View], list[Column]] = Latest()
        self._coarse: dict[int, Latest[object, Float32]] = {c: Latest() for c in range(3)}

    def cell(self, index: int) -> Cell:
        """Return a cell; built when first asked for."""
        if index not in self._cells:
            self._cells[index] = build_cell(
                self.figures[index], self.parameters, self._streams[index]
            )
        return self._cells[index]

    def _build(self, index: int) -> None:
        self.cell(index)

    def background(self, channel: int, view: View) -> float:
        """Return photons a pixel of empty medium in a frame of 50 ms, before shading."""
        area = (view.pixel_um / REFERENCE_PIXEL_UM) ** 2
        return self.light.background[channel] * self.light.gain[channel] * area

    def emission(
        self,
        time_s: float,
        z_um: Sequence[float],
        view: View,
        optics: Optics,
        *,
        channels: Sequence[int] = (0, 1),
        names: Iterable[str] | None = None,
        probe: Probe | None = None,
        out: Float32 | None = None,
    ) -> Float32:
        """Return what reaches the camera.

        Parameters
        ----------
        time_s : float
            Simulated time.
        z_um : sequence of float
            Heights of the planes above the cover slip, in any order.
        view : View
        optics : Optics
        channels : sequence of int
            0 yellow, 1 red, 2 green.
        names : iterable of str, optional
            Only these structures shine (and the medium).
        probe : Probe, optional
            A label beside Nile Red.
        out : ndarray, (channels, planes, y, x), float32, optional
            Takes the photons: an array that is used again saves a third of the time.

        Returns
        -------
        ndarray, (channels, planes, y, x), float32
            Expected photons a pixel in a frame of 50 ms at nominal light and unbleached dye:
            blurred, with chromatic offset, shading and background.
        """
        fine, parts = _refined(view, min(optics.sigma_xy(channel) for channel in channels))
        if parts > 1:
            whole = self.emission(
                time_s, z_um, fine, optics, channels=channels, names=names, probe=probe
            )
            binned = _binned(whole, parts)
            if out is not None:
                out[:] = binned
            return binned if out is None else out
        wanted = None if names is None else tuple(names)
        layers, columns = self._shown(time_s, view, wanted)
        if out is None:
            out = np.empty((len(channels), len(z_um), *view.shape), np.float32)
        order = np.argsort(np.asarray(z_um, np.float64), kind="stable")
        shown: dict[int, tuple[render.Light, Float32, Float32]] = {}

        def prepare(channel: int) -> None:
            warp = render.displacement(view, optics.model(channel))
            warped = render.warped(columns, warp, view)
            light = render.Light(
                layers,
                [self._masses(layer, channel, probe) for layer in layers],
                warped,
                [column.weights[channel] for column in warped],
                optics.sigma_z(channel),
                optics.sigma_xy(channel),
                warp,
            )
            key = (time_s, view, wanted, probe)
            bins = self._coarse[channel].get(key, partial(_coarse, light, view, optics))
            shown[channel] = light, bins, optics.shading(channel, *view.field())

        _run([partial(prepare, channel) for channel in channels])
        tasks = []
        for place, channel in enumerate(channels):
            for first in range(0, len(order), GROUP):
                some = order[first : first + GROUP]
                targets = [(float(z_um[k]), out[place, k]) for k in some]
                tasks.append(partial(self._expose, targets, *shown[channel], channel, view, optics))
        _run(tasks)
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

        A voxel belongs to a structure where the structure's own image under the nominal yellow
        point-spread function reaches half of what an isolated piece of it would, so that tubes
        and sheets thinner than a voxel have a truth. Structures may overlap; nucleus, cytosol and
        extracellular do not, and fill everything.

        Parameters
        ----------
        time_s, z_um, view
            As for `emission`; voxels of any size.
        names : iterable of str
            Structures wanted.

        Returns
        -------
        dict of str to ndarray, (planes, y, x), bool
        """
        wanted = tuple(names)
        fine, parts = _refined(view, SIGMA_XY)
        if parts > 1:
            whole = self.truth(time_s, z_um, fine, names=wanted)
            middle = parts // 2
            return {name: mask[:, middle::parts, middle::parts] for name, mask in whole.items()}
        planes, back = _sorted(z_um)
        masks: dict[str, Bool] = {}
        scene = self._scene(time_s, view)

        def points(name: str) -> None:
            masks[name] = render.mask_of(_truth_of(scene.layers((name,)), ()), planes, view)

        if any(name in VOLUMES for name in wanted):
            masks.update(self._volumes(time_s, planes, view))
        _run([partial(points, name) for name in wanted if name not in VOLUMES])
        return {name: masks[name][back] for name in wanted}

    def identities(self, time_s: float, z_um: Sequence[float], view: View, name: str) -> Int32:
        """Return the identity of the object in each voxel of a structure, 0 elsewhere.

        Parameters
        ----------
        time_s, z_um, view
            As for `truth`.
        name : str
            A structure, or ``cell`` for whole cells (their numbers).

        Returns
        -------
        ndarray, (planes, y, x), int32
            The identities of `objects`. A voxel of two touching objects is the nearer one's.
        """
        if name in ("cell", "nucleus", "cytosol"):
            return self._volume_identities(time_s, z_um, view, name)
        mask = self.truth(time_s, z_um, view, names=(name,))[name]
        labels = np.zeros(mask.shape, np.int32)
        points, owners = [], []
        for number, _, _, layers in self._scene(time_s, view).cells:
            for layer in layers:
                if layer.name == name and len(layer.points):
                    points.append(layer.points)
                    owners.append(identity(number, name, layer.owner))
        if not points or not mask.any():
            return labels
        squash = np.array([SIGMA_XY / SIGMA_Z, 1.0, 1.0])
        tree = cKDTree(np.concatenate(points) * squash)
        plane, row, column = np.nonzero(mask)
        y, x = view.field()
        at = np.stack(
            [
                np.asarray(z_um, np.float64)[plane],
                y[row, 0] + view.center_um[0],
                x[0, column] + view.center_um[1],
            ],
            axis=1,
        )
        _, nearest = tree.query(at * squash, workers=_THREADS)
        labels[mask] = np.concatenate(owners)[nearest]
        return labels

    def objects(self, time_s: float, view: View | None = None) -> list[ObjectRow]:
        """Return every object at a time, of every cell or of those that a view may show."""
        return [
            row
            for number, cell, moment, layers in self._all_or_seen(time_s, view).cells
            for row in object_rows(number, cell, moment, layers)
        ]

    def contacts(
        self, time_s: float, reach_um: float = 0.1, view: View | None = None
    ) -> list[ContactRow]:
        """Return the pairs of objects of different structures whose surfaces are within reach.

        Parameters
        ----------
        time_s, reach_um : float
        view : View, optional
            Only of cells that it may show.
        """
        return [
            row
            for number, _, moment, layers in self._all_or_seen(time_s, view).cells
            for row in contact_rows(number, moment, layers, reach_um)
        ]

    def stages(self, time_s: float) -> list[CellStage]:
        """Return the stage of every cell at a time."""
        return [
            row
            for index, figure in enumerate(self.figures)
            for row in stage_rows(10 * (index + 1), figure.moment(self._time(time_s)))
        ]

    def _expose(
        self,
        targets: list[tuple[float, Float32]],
        light: render.Light,
        bins: Float32,
        shade: Float32,
        channel: int,
        view: View,
        optics: Optics,
    ) -> None:
        """Write the photons of some planes of one channel, (height, image)."""
        planes = np.array([z for z, _ in targets])
        area = (view.pixel_um / REFERENCE_PIXEL_UM) ** 2
        scale = self.light.er * self.light.gain[channel] * area
        floor = self.background(channel, view)
        wide = render.pedestal(bins, planes, optics.pedestal_sigma_um)
        drawn = render.drawn(light, planes, view)
        for image, low, (_, out) in zip(drawn, wide, targets, strict=True):
            render.exposed(
                image,
                render.enlarged(low, image.shape),
                shade,
                np.float32(scale * (1.0 - optics.pedestal)),
                np.float32(scale * optics.pedestal),
                np.float32(floor),
                out,
            )

    def _masses(self, layer: Layer, channel: int, probe: Probe | None) -> Float32:
        """Return the emission of a layer's points in a channel."""
        masses: Float32 = layer.masses[channel]
        if probe is None or layer.name not in probe.structures:
            return masses
        weight = probe.weight(channel) * probe.level(self.seed, layer.cell)
        return np.asarray(masses + np.float32(weight) * layer.masses[0])

    def _shown(
        self, time_s: float, view: View, names: tuple[str, ...] | None
    ) -> tuple[list[Layer], list[Column]]:
        """Return the points and the volumes that shine."""
        layers = self._scene(time_s, view).layers(names)
        columns = self._volume_columns(time_s, view)
        if names is not None:
            columns = [alone for name in names for alone in render.alone(columns, name)]
        return layers, columns

    def _volumes(self, time_s: float, planes: Float64, view: View) -> dict[str, Bool]:
        columns = self._volume_columns(time_s, view)
        cell, nucleus = (
            render.mask_of(_truth_of((), [c for c in columns if c.kind == kind]), planes, view)
            for kind in ("cell", "nucleus")
        )
        return {
            "nucleus": nucleus,
            "cytosol": cell & ~nucleus,
            "extracellular": ~(cell | nucleus),
        }

    def _volume_identities(
        self, time_s: float, z_um: Sequence[float], view: View, name: str
    ) -> Int32:
        planes, back = _sorted(z_um)
        kind = "nucleus" if name == "nucleus" else "cell"
        labels = np.zeros((len(planes), *view.shape), np.int32)
        fine, parts = _refined(view, SIGMA_XY)
        for column in self._volume_columns(time_s, fine):
            if column.kind == kind:
                mask = render.mask_of(_truth_of((), [column]), planes, fine)
                middle = parts // 2
                labels[mask[:, middle::parts, middle::parts]] = column.owner
        labels = labels[back]
        if name == "cytosol":
            labels[self.truth(time_s, z_um, view, names=("nucleus",))["nucleus"]] = 0
        return labels

    def _all_or_seen(self, time_s: float, view: View | None) -> Scene:
        indices = range(len(self.figures)) if view is None else self._near(view)
        return self._scene_of(time_s, indices)

    def _scene(self, time_s: float, view: View) -> Scene:
        """Return the cells that the view may show at a time."""
        return self._scene_of(time_s, self._near(view))

    def _scene_of(self, time_s: float, indices: Iterable[int]) -> Scene:
        indices = list(indices)
        stale = [index for index in indices if not self._at[index].holds(time_s)]
        _run([partial(self._build, index) for index in stale])
        moments = {i: self.cell(i).figure.moment(self._time(time_s)) for i in stale}
        names = list(self.cell(indices[0]).structures) if indices else []
        made: dict[tuple[int, str], Layer] = {}

        def make(index: int, name: str) -> None:
            made[index, name] = self.cell(index).layer(name, moments[index], index)

        _run([partial(make, index, name) for name in names for index in stale])
        for index in stale:
            layers = tuple(made[index, name] for name in names)
            self._at[index].keep(time_s, (moments[index], layers))
        kept = {index: self._at[index].value() for index in indices}
        return Scene(tuple((10 * (i + 1), self.cell(i), *kept[i]) for i in indices))

    def _time(self, time_s: float) -> float:
        """Return the time that the cells show: a frozen sample stays at its first moment."""
        return time_s if self.motion > 0.0 else 0.0

    def _volume_columns(self, time_s: float, view: View) -> list[Column]:
        return self._columns.get((time_s, view), partial(self._make_columns, time_s, view))

    def _make_columns(self, time_s: float, view: View) -> list[Column]:
        scene = self._scene(time_s, view)
        found: dict[int, list[Column]] = {}

        def place(number: int, cell: Cell, moment: Moment) -> None:
            found[number] = cell_columns(cell, moment, number, view)

        _run([partial(place, number, cell, moment) for number, cell, moment, _ in scene.cells])
        return [column for number in sorted(found) for column in found[number]]

    def _near(self, view: View) -> list[int]:
        """Return the cells that the view may show."""
        half_y, half_x = view.half_um()
        near = []
        for index, figure in enumerate(self.figures):
            body = figure.mother.body
            y, x = body.outline()
            dy = np.maximum(np.abs(y - view.center_um[0]) - half_y, 0.0)
            dx = np.maximum(np.abs(x - view.center_um[1]) - half_x, 0.0)
            inside = body.inward(*(np.array([c]) for c in view.center_um))[0] > 0.0
            if inside or np.hypot(dy, dx).min() < REACH_UM:
                near.append(index)
        return near


def exclusive(masks: Mapping[str, Bool]) -> UInt8:
    """Return one label a voxel: place in the catalog plus 1, by `PRIORITY` where masks overlap.

    Parameters
    ----------
    masks : mapping of str to ndarray, (z, y, x), bool
        As `Sample.truth` gives them.

    Returns
    -------
    ndarray, (z, y, x), uint8
        0 where no mask is.
    """
    shape = next(iter(masks.values())).shape
    labels = np.zeros(shape, np.uint8)
    for name in reversed(PRIORITY):
        if name in masks:
            labels[masks[name]] = NAMES.index(name) + 1
    return labels


def _truth_of(layers: Sequence[Layer], columns: Sequence[Column]) -> render.Light:
    """Return structures as the nominal yellow point-spread function shows their truth."""
    masses = [layer.masses[TRUTH] for layer in layers]
    weights = [1.0] * len(columns)
    return render.Light(layers, masses, columns, weights, SIGMA_Z, SIGMA_XY, _UNMOVED)


def _coarse(light: render.Light, view: View, optics: Optics) -> Float32:
    """Return the points' light in coarse bins; an empty bin where there is no pedestal."""
    layers = light.layers if optics.pedestal > 0.0 else ()
    return render.coarse(layers, light.masses[: len(layers)], view)


def _run(tasks: Sequence[Callable[[], None]]) -> None:
    """Run tasks on the processor's cores; each writes to a place of its own."""
    if len(tasks) < 2 or _THREADS < 2:
        for task in tasks:
            task()
        return
    with ThreadPoolExecutor(min(_THREADS, len(tasks))) as pool:
        for done in [pool.submit(task) for task in tasks]:
            done.result()


def _refined(view: View, sigma_um: float) -> tuple[View, int]:
    """Return a view with pixels fine enough for a blur, and how many of them make a pixel."""
    finest = min(FINEST_UM, FINEST_SIGMA * sigma_um)
    parts = 1
    while view.pixel_um / parts > finest:
        parts += 2
    shape = (view.shape[0] * parts, view.shape[1] * parts)
    return View(view.center_um, view.pixel_um / parts, shape), parts


def _binned(image: Float32, parts: int) -> Float32:
    """Return the sum over ``parts`` by ``parts`` pixels."""
    *front, rows, columns = image.shape
    cut = image.reshape(*front, rows // parts, parts, columns // parts, parts)
    return np.asarray(cut.sum(axis=(-3, -1)), np.float32)


def _sorted(z_um: Sequence[float]) -> tuple[Float64, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return the planes ascending and the order that undoes the sorting."""
    z = np.asarray(z_um, np.float64).ravel()
    order = np.argsort(z, kind="stable")
    return z[order], np.argsort(order, kind="stable")
