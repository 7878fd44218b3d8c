"""What changes in mitosis, measured in one cell on a coarse grid: numbers by name.

``footprint_um2``, ``circularity`` (1 a disc), ``elongation`` (length over width), ``waist`` (width
in the middle over the widest), ``height_um``, ``volume_um3``, ``steepness`` (volume over footprint
and height: 1 a box); ``nuclei``, ``nucleus_um3``, ``nucleus_tall`` (height over width of the
largest), ``nuclei_um`` (distance between two); ``membrane_um3`` (of the nuclear membrane) and
``envelope`` (share of the nucleus' shell that it covers, or of what it would cover around a nucleus
that is gone: 0); ``golgi_parts``, ``golgi_largest`` (share of the largest part), ``golgi_spread``
and ``mitochondria_spread`` (distance from the middle over the cell's own), ``mitochondria_parts``;
``void_um3`` and ``void_length`` of the largest space without organelles, ``voids``,
``plates_um`` (distance between two such spaces).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.analysis.cells import covered
from livesr.analysis.coarse import FULL

if TYPE_CHECKING:
    from livesr.analysis.cells import Cells
    from livesr.analysis.coarse import Coarse
    from livesr.types import Bool, Float64, UInt8

ORGANELLES = (
    "mitochondria",
    "golgi",
    "lysosome",
    "late_endosome",
    "lipid_droplet",
)
"""What leaves the spindle free, and its largest pieces that the networks give most surely."""
LOOKED_AT = ("nuclear_membrane", *ORGANELLES)
PRESENT = FULL // 4
"""Share of a coarse voxel from which a thin structure counts as there."""
CLEAR_UM = 1.2
"""A space without organelles reaches this far in every direction."""
LEAST_PART_UM3, LEAST_VOID_UM3 = 0.4, 5.0
_SECOND = 0.25
"""A second void is a plate's if it has this share of the first's volume."""
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class View:
    """One cell's part of the coarse grid.

    Attributes
    ----------
    body : ndarray, (z, y, x), bool
    nuclei : ndarray, (z, y, x), int32
        Numbers of this cell's nuclei, 0 elsewhere.
    shares : mapping of str to ndarray, (z, y, x), uint8
        Of structures, 0 outside the cell.
    voxel : ndarray, (3,)
        µm.
    """

    body: Bool
    nuclei: np.ndarray[tuple[int, ...], np.dtype[np.int32]]
    shares: dict[str, UInt8]
    voxel: Float64

    @property
    def voxel_um3(self) -> float:
        """Volume of a voxel."""
        return float(np.prod(self.voxel))


def features(
    shares: Coarse, cells: Cells, label: int, window: tuple[slice, slice]
) -> dict[str, float]:
    """Return the features of one cell by name; NaN where the masks do not allow one.

    Parameters
    ----------
    shares : Coarse
    cells : Cells
        Of the same stack.
    label : int
    window : tuple of slice
        Rows and columns that hold the cell.
    """
    y, x = window
    column = cells.columns[y, x] == label
    view = View(
        cells.labels[:, y, x] == label,
        np.where(column[None], cells.nuclei[:, y, x], 0),
        {
            name: share[:, y, x] * column
            for name, share in shares.shares.items()
            if name in LOOKED_AT
        },
        np.array(cells.grid.voxel_um),
    )
    found = _shape(view)
    found |= _nucleus(view)
    found |= _parts(view, "golgi", largest=True)
    found |= _parts(view, "mitochondria", largest=False)
    found |= _voids(view)
    return {name: round(value, 4) for name, value in found.items()}


def _shape(view: View) -> dict[str, float]:
    from skimage.measure import perimeter_crofton

    column = np.asarray(view.body.any(axis=0))
    pixel = float(view.voxel[1] * view.voxel[2])
    area = float(column.sum()) * pixel
    around = float(perimeter_crofton(np.pad(column, 1), 4)) * float(view.voxel[1])
    thickness = view.body.sum(axis=0) * float(view.voxel[0])
    height = float(np.percentile(thickness[column], 99))
    volume = float(view.body.sum()) * view.voxel_um3
    length, width, waist = _axes(column, thickness, view.voxel)
    return {
        "footprint_um2": area,
        "circularity": min(4.0 * np.pi * area / around**2, 1.2) if around else _NAN,
        "elongation": length / width if width else _NAN,
        "waist": waist,
        "height_um": height,
        "volume_um3": volume,
        "steepness": volume / (area * height) if height else _NAN,
    }


def _axes(column: Bool, thickness: Float64, voxel: Float64) -> tuple[float, float, float]:
    """Return length and width of the footprint, and its cross-section in the middle."""
    at = np.argwhere(column) * voxel[1:]
    at -= at.mean(axis=0)
    values, vectors = np.linalg.eigh(at.T @ at / max(len(at), 1))
    width, length = 4.0 * np.sqrt(np.maximum(values, 0.0))
    along = at @ vectors[:, 1]
    half = float(np.abs(along).max())
    if half <= 0.0:
        return float(length), float(width), _NAN
    bins = np.clip(((along / half + 1.0) * 5.0).astype(int), 0, 9)
    cross = np.bincount(bins, thickness[column], minlength=10)
    side = min(cross[1:4].max(), cross[6:9].max())
    waist = float(cross[4:6].min() / side) if side > 0 else _NAN
    return float(length), float(width), waist


def _nucleus(view: View) -> dict[str, float]:
    labels, sizes = np.unique(view.nuclei[view.nuclei > 0], return_counts=True)
    membrane = view.shares.get("nuclear_membrane")
    found = {
        "nuclei": float(len(labels)),
        "nucleus_um3": float(sizes.sum()) * view.voxel_um3,
        "nucleus_tall": _NAN,
        "nuclei_um": 0.0,
        "membrane_um3": _NAN,
        "envelope": _NAN,
    }
    if membrane is not None:
        found["membrane_um3"] = float(membrane.sum(dtype=np.float64)) / FULL * view.voxel_um3
        inside = view.nuclei > 0
        found["envelope"] = covered(inside, membrane) if inside.any() else 0.0
    if not len(labels):
        return found
    order = np.argsort(-sizes, kind="stable")
    places = np.argwhere(view.nuclei == labels[order[0]]) * view.voxel
    spread = places.std(axis=0) + 0.1
    found["nucleus_tall"] = float(spread[0] / np.sqrt(spread[1] * spread[2]))
    if len(labels) > 1:
        other = np.argwhere(view.nuclei == labels[order[1]]) * view.voxel
        found["nuclei_um"] = float(np.linalg.norm(places.mean(axis=0) - other.mean(axis=0)))
    return found


def _parts(view: View, name: str, *, largest: bool) -> dict[str, float]:
    """Return number of connected parts of a structure, share of the largest, and its spread."""
    from scipy import ndimage

    share = view.shares.get(name)
    names = [f"{name}_parts", f"{name}_spread", *([f"{name}_largest"] if largest else [])]
    if share is None:
        return dict.fromkeys(names, _NAN)
    there = (share >= PRESENT) & view.body
    labels, count = ndimage.label(there, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * view.voxel_um3
    sizes = sizes[sizes >= LEAST_PART_UM3]
    found = {f"{name}_parts": float(len(sizes)), f"{name}_spread": _spread(view, there)}
    if largest:
        found[f"{name}_largest"] = float(sizes.max() / sizes.sum()) if len(sizes) else _NAN
    return found


def _spread(view: View, there: Bool) -> float:
    """Return the structure's mean distance from the cell's middle over that of the whole cell."""
    if not there.any():
        return _NAN
    places, own = np.argwhere(view.body) * view.voxel, np.argwhere(there) * view.voxel
    middle = places.mean(axis=0)
    return float(
        np.linalg.norm(own - middle, axis=1).mean() / np.linalg.norm(places - middle, axis=1).mean()
    )


def _voids(view: View) -> dict[str, float]:
    """Return the spaces without organelles: nucleus, spindle, the room of separating plates."""
    from scipy import ndimage

    names = ("void_um3", "void_length", "voids", "plates_um")
    if "mitochondria" not in view.shares:
        return dict.fromkeys(names, _NAN)
    taken = (~view.body).astype(np.uint8)
    for name in ORGANELLES:
        if name in view.shares:
            taken |= view.shares[name] >= PRESENT
    labels, count = ndimage.label(_grown(taken, view.voxel) == 0)
    if not count:
        return dict.fromkeys(names, 0.0)
    sizes = np.bincount(labels.ravel())[1:] * view.voxel_um3
    order = np.argsort(-sizes, kind="stable")[:2] + 1
    places = [np.argwhere(labels == k) * view.voxel for k in order]
    both = np.concatenate(places)
    apart = 0.0
    if len(places) == 2 and sizes[order[1] - 1] > _SECOND * sizes[order[0] - 1]:
        apart = float(np.linalg.norm(places[0].mean(axis=0) - places[1].mean(axis=0)))
    spread = np.linalg.eigvalsh(np.cov(both.T)).max() if len(both) > 3 else 0.0
    return {
        "void_um3": float(sizes.sum()),
        "void_length": float(np.sqrt(max(spread, 0.0))),
        "voids": float((sizes > LEAST_VOID_UM3).sum()),
        "plates_um": apart,
    }


def _grown(taken: UInt8, voxel: Float64) -> UInt8:
    """Return what is within `CLEAR_UM` of what is taken; above and below the stack is nothing."""
    radius = np.maximum(np.rint(CLEAR_UM / voxel).astype(int), 1)
    padded = np.pad(taken, ((0, 0), (1, 1), (1, 1)), constant_values=1)
    out = np.zeros_like(padded)
    for dz in range(-radius[0], radius[0] + 1):
        reach = np.sqrt(max(1.0 - (dz / (radius[0] + 0.5)) ** 2, 0.0))
        ry, rx = (max(round(float(r) * reach), 0) for r in radius[1:])
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rx + 1, 2 * ry + 1))
        for z in range(max(0, dz), min(len(out), len(out) + dz)):
            np.maximum(out[z], cv2.dilate(padded[z - dz], kernel), out=out[z])
    return out[:, 1:-1, 1:-1]
