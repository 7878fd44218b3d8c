"""Cells and nuclei as instances, from the masks of volumes and plasma membrane.

Cells on a cover slip stand side by side, so that what divides them is looked for in the plane: a
watershed on the map of the cell's thickness, that starts from nuclei, and from thick places where
there is no nucleus, as in mitosis. Two parts that a wide bridge without plasma membrane joins are
one cell; so a dividing cell is one until its furrow is nearly closed. Cells that lie over each
other are not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.analysis.bridges import joined
from livesr.analysis.coarse import FULL, Coarse, coarsened
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from livesr.types import Bool, Float32, Grid, Masks, UInt8

    Int32 = npt.NDArray[np.int32]

BODY = ("nucleus", "cytosol")
"""Structures that make up a cell."""
NEEDED = (*BODY, "nuclear_membrane")
"""Without these no cell can be followed through mitosis."""
USED = (*NEEDED, "plasma_membrane")

HALF = FULL // 2 + 1
MEMBRANE = FULL // 4
"""Share of a coarse voxel from which a membrane is there."""
MOST_HOLE_UM2 = 200.0
"""Larger gaps between cells are not filled."""
BARE = 0.2
"""A nucleus of whose shell less is membrane is none."""
LEAST_NUCLEUS_UM3 = 40.0
"""Smaller pieces are no nuclei."""
LEAST_FOOTPRINT_UM2 = 80.0
"""Smaller pieces are no cells."""
LEAST_VOLUME_UM3 = 250.0
LEAST_THICKNESS_UM = 0.5
ROUND_UM = 4.5
"""Thickness from which a place without nucleus can be a cell's middle, µm."""
RISE_UM = 1.5
"""How far it must stand out."""
SMOOTH_UM = 1.2
NEAR_NUCLEUS_UM = 2.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Instances of one stack on a coarse grid.

    Attributes
    ----------
    labels : ndarray, (z, y, x), int32
        Number of the cell, from 1; 0 outside. Volumes of cytosol, organelles and nucleus.
    nuclei : ndarray, (z, y, x), int32
        Number of the nucleus, from 1.
    columns : ndarray, (y, x), int32
        Number of the cell that stands on each pixel.
    grid : Grid
    count : int
        Of cells.
    """

    labels: Int32
    nuclei: Int32
    columns: Int32
    grid: Grid
    count: int


def check_structures(structures: Iterable[str], where: str = "segmentation.structures") -> None:
    """Refuse a choice of structures with which cells cannot be followed.

    Parameters
    ----------
    structures : iterable of str
        That a session's networks give.
    where : str
        For the message.

    Raises
    ------
    ConfigError
        It names what is missing.
    """
    given = set(structures)
    missing = [name for name in NEEDED if name not in given]
    if missing:
        raise ConfigError(
            f"cells cannot be followed through mitosis without masks of {', '.join(missing)}",
            where=where,
            fix="add them, or take a package that gives them (livesr models list); "
            "golgi, mitochondria and plasma_membrane make the stages surer",
        )


def find_cells(masks: Masks) -> Cells:
    """Return the cells and nuclei of one stack.

    Parameters
    ----------
    masks : Masks
        At least nucleus and cytosol; plasma membrane tells touching cells apart.

    Raises
    ------
    ConfigError
        If they are missing.
    """
    missing = [name for name in BODY if name not in masks.volumes]
    if missing:
        raise ConfigError(
            f"cells cannot be found without masks of {', '.join(missing)}",
            where=f"masks of {masks.index}",
            fix="add them to segmentation.structures",
        )
    return cells_of(coarsened(masks.volumes, masks.grid, USED))


def cells_of(shares: Coarse) -> Cells:
    """Return the cells and nuclei of structures on a coarse grid (`find_cells`)."""
    from scipy import ndimage

    grid = shares.grid
    body = filled(shares)
    nuclei = _wrapped(_nuclei(shares.shares["nucleus"] >= HALF, grid), shares)
    thickness = body.sum(axis=0, dtype=np.float32) * np.float32(grid.voxel_um[0])
    footprint = thickness >= min(LEAST_THICKNESS_UM, float(thickness.max()))
    footprint &= thickness > 0
    pixels = SMOOTH_UM / np.array(grid.voxel_um[1:])
    smooth = ndimage.gaussian_filter(thickness, pixels, mode="nearest")
    markers = _markers(nuclei, smooth, footprint, grid)
    columns = _watershed(smooth, markers, footprint)
    columns = joined(columns, nuclei, body, shares, grid)
    columns = _kept(columns, thickness, nuclei, grid)
    labels = np.where(body, columns[None], 0).astype(np.int32)
    return Cells(labels, nuclei, columns, grid, int(columns.max(initial=0)))


def filled(shares: Coarse) -> Bool:
    """Return the cells' bodies, (z, y, x): nucleus, cytosol, and what these and membrane enclose.

    Networks that know interphase call the clear zone of a spindle outside.
    """
    # a voxel half nucleus and half cytosol is inside, whichever is more
    total = np.zeros(shares.grid.shape, np.uint16)
    for name in BODY:
        total += shares.shares[name]
    body = total >= HALF
    wall = body | (shares.union(("plasma_membrane",)) >= MEMBRANE)
    most = MOST_HOLE_UM2 / (shares.grid.voxel_um[1] * shares.grid.voxel_um[2])
    for plane, around in zip(body, wall, strict=True):
        if plane.any():
            plane |= _holes(around, most)
    return body


def _holes(wall: Bool, most: float) -> Bool:
    """Return the pixels of a plane that walls enclose, in holes of at most so many pixels."""
    outside = np.pad((~wall).astype(np.uint8), 1, constant_values=1)
    cv2.floodFill(outside, None, (0, 0), 0)
    if not outside.any():
        return np.zeros(wall.shape, bool)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= most
    small[0] = False
    return np.asarray(small[labels[1:-1, 1:-1]])


def _wrapped(nuclei: Int32, shares: Coarse) -> Int32:
    """Return the nuclei that have an envelope; without its mask, all of them.

    What networks that know interphase call nucleus in a spindle has none.
    """
    if "nuclear_membrane" not in shares.shares:
        return nuclei
    numbers = np.unique(nuclei[nuclei > 0])
    bare = [k for k in numbers if covered(nuclei == k, shares.shares["nuclear_membrane"]) < BARE]
    return np.where(np.isin(nuclei, bare), 0, nuclei) if bare else nuclei


def covered(nucleus: Bool, membrane: UInt8) -> float:
    """Return the share of a nucleus' shell near which there is nuclear membrane.

    Parameters
    ----------
    nucleus : ndarray, (z, y, x), bool
        Not empty.
    membrane : ndarray, (z, y, x), uint8
        Share of each voxel, times 255.
    """
    from scipy import ndimage

    places = [np.flatnonzero(nucleus.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    window = tuple(slice(max(int(v[0]) - 1, 0), int(v[-1]) + 2) for v in places)
    inside = nucleus[window]
    shell = inside & ~ndimage.binary_erosion(inside)
    near = ndimage.maximum_filter(membrane[window], 3) >= MEMBRANE
    return float(near[shell].mean())


def _nuclei(mask: Bool, grid: Grid) -> Int32:
    """Return the connected nuclei that are large enough."""
    from scipy import ndimage

    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    planes, rows, columns = (
        np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)
    )
    window = tuple(slice(int(v[0]), int(v[-1]) + 1) for v in (planes, rows, columns))
    found, count = ndimage.label(mask[window])
    least = LEAST_NUCLEUS_UM3 / np.prod(grid.voxel_um)
    sizes = np.bincount(found.ravel(), minlength=count + 1)
    large = sizes >= min(least, max(sizes.max(initial=0) if grid.shape[0] == 1 else least, 1))
    large[0] = False
    renumbered = np.where(large, np.cumsum(large), 0).astype(np.int32)
    out = np.zeros(mask.shape, np.int32)
    out[window] = renumbered[found]
    return out


def _markers(nuclei: Int32, smooth: Float32, footprint: Bool, grid: Grid) -> Int32:
    """Return where cells begin, (y, x): under nuclei, and where it is thick without one."""
    from scipy import ndimage
    from skimage.morphology import h_maxima

    markers = np.where(footprint, nuclei.max(axis=0), 0).astype(np.int32)
    reach = max(1, round(NEAR_NUCLEUS_UM / grid.voxel_um[1]))
    near = ndimage.maximum_filter(markers, 2 * reach + 1) > 0
    high = np.where(footprint, smooth, 0.0)
    if float(high.max(initial=0.0)) >= RISE_UM:
        tops, count = ndimage.label(h_maxima(high, RISE_UM), np.ones((3, 3)))
        for top in range(1, count + 1):
            here = tops == top
            if high[here].max() >= ROUND_UM and not near[here].any():
                markers[here & footprint] = markers.max() + 1
    return _one_each(markers, footprint, high)


def _one_each(markers: Int32, footprint: Bool, high: Float32) -> Int32:
    """Return the markers, and one at the thickest place of each part that has none."""
    from scipy import ndimage

    parts, count = ndimage.label(footprint)
    marked = np.zeros(count + 1, bool)
    marked[np.unique(parts[markers > 0])] = True
    for part in np.flatnonzero(~marked[1:]) + 1:
        inside = parts == part
        markers[inside & (high == high[inside].max())] = markers.max() + 1
    return markers


def _watershed(smooth: Float32, markers: Int32, footprint: Bool) -> Int32:
    from skimage.segmentation import watershed

    if not markers.any():
        return np.zeros(markers.shape, np.int32)
    return np.asarray(watershed(-smooth, markers, mask=footprint), np.int32)


def _kept(columns: Int32, thickness: Float32, nuclei: Int32, grid: Grid) -> Int32:
    """Return the cells that are large enough, numbered from 1 in the order of rows and columns."""
    count = int(columns.max(initial=0))
    pixel = grid.voxel_um[1] * grid.voxel_um[2]
    area = np.bincount(columns.ravel(), minlength=count + 1) * pixel
    volume = np.bincount(columns.ravel(), thickness.ravel(), minlength=count + 1) * pixel
    nuclear = np.zeros(count + 1, bool)
    nuclear[np.unique(columns[nuclei.max(axis=0) > 0])] = True
    large = (area >= LEAST_FOOTPRINT_UM2) & ((volume >= LEAST_VOLUME_UM3) | nuclear)
    large[0] = False
    first = np.full(count + 1, columns.size, np.int64)
    np.minimum.at(first, columns.ravel(), np.arange(columns.size))
    order = sorted(np.flatnonzero(large), key=lambda label: int(first[label]))
    renumbered = np.zeros(count + 1, np.int32)
    renumbered[order] = np.arange(1, len(order) + 1)
    return renumbered[columns]
