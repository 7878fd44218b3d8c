"""Which objects were found: large ones by the volume that they share, vesicles by where they lie.

A vesicle is a few camera pixels wide, so that a rim of half a pixel decides whether two masks of it
share half their union. What counts is whether there is one, and where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects, label
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import KDTree
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from livesr.analysis.scores import Counts

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Bool, Float64, UInt8

    Int32 = npt.NDArray[np.int32]

VESICLES = ("lipid_droplet", "peroxisome", "early_endosome", "late_endosome", "lysosome")
"""Structures that are many small round objects."""
GATE_UM = 0.2
"""Vesicles whose centroids are at most so far apart are the same …"""
AXIAL = 3.0
"""… where distances along z count a third: the PSF is three times as long as it is wide (0.45 and
0.15 µm), and so is what a centroid is uncertain by."""
NECK_UM = 0.05
"""A component is split where its neck is narrower than the smaller part by this on each side."""
SINGLE_UM = 0.4
"""Components no wider than this are one vesicle: two would be no further apart than the gate."""


def count_objects(mask: Bool | UInt8, truth: Bool | UInt8, iou: float = 0.5) -> Counts:
    """Count objects found: 3-D components of mask and truth that share more than ``iou``.

    Parameters
    ----------
    mask, truth : ndarray, (z, y, x)
        Anything but 0 is inside; components touch by faces.
    iou : float
        At least 0.5, so that an object has one partner at most.

    Returns
    -------
    Counts
        ``tn`` is 0: there is no number of objects rightly not found.
    """
    if iou < 0.5:
        raise ValueError(f"iou {iou} is below 0.5: partners would not be unique")
    (found, marked), (wanted, real) = label(mask), label(truth)
    either = (found > 0) | (wanted > 0)
    pairs = (found[either], wanted[either])
    # voxels that a component of the mask (row) and one of the truth (column) have in common
    shared = csr_array((np.ones(len(pairs[0]), np.int32), pairs), shape=(marked + 1, real + 1))
    sizes, others = (np.asarray(shared.sum(axis=axis)) for axis in (1, 0))
    rows, columns = shared.nonzero()
    common = np.asarray(shared[rows, columns]).ravel()
    unions = sizes[rows] + others[columns] - common
    tp = int(np.count_nonzero((common > iou * unions) & (rows > 0) & (columns > 0)))
    return Counts(tp, marked - tp, real - tp, 0)


def count_vesicles(
    mask: Bool | UInt8, truth: Bool | UInt8, voxel_um: tuple[float, float, float]
) -> Counts:
    """Count vesicles found: centroids of mask and truth within `GATE_UM`, each with one partner.

    Parameters
    ----------
    mask, truth : ndarray, (z, y, x)
        Anything but 0 is inside.
    voxel_um : tuple of float
        (z, y, x), µm.

    Returns
    -------
    Counts
        ``tn`` is 0.
    """
    found, real = centroids(mask, voxel_um), centroids(truth, voxel_um)
    tp = matches(found, real)
    return Counts(tp, len(found) - tp, len(real) - tp, 0)


def centroids(volume: Bool | UInt8, voxel_um: tuple[float, float, float]) -> Float64:
    """Return the centroids of components, touching vesicles split, (n, 3) in (z, y, x), µm."""
    labels, count = label(volume)
    for number, box in enumerate(find_objects(labels), start=1):
        parts = _parts(labels[box] == number, voxel_um)
        if parts is not None:
            # the first part keeps the number, the others go on from the last
            more = int(parts.max()) - 1
            labels[box][parts > 1] = count + parts[parts > 1] - 1
            count += more
    at = np.flatnonzero(labels)
    numbers = labels.ravel()[at]
    sizes = np.bincount(numbers, minlength=count + 1)[1:]
    sums = [
        np.bincount(numbers, places, minlength=count + 1)[1:]
        for places in np.unravel_index(at, labels.shape)
    ]
    middles: Float64 = np.stack(sums, axis=1) / sizes[:, None] * voxel_um
    return middles


def _parts(piece: Bool, voxel_um: tuple[float, float, float]) -> Int32 | None:
    """Return the parts of one component, numbered from 1, or None if it has one alone.

    Watersheds of the distance to its rim.
    """
    z, y, x = voxel_um
    if max(piece.shape[1] * y, piece.shape[2] * x) <= SINGLE_UM:
        return None
    padded = np.pad(piece, 1)
    depth = distance_transform_edt(padded, sampling=(z / AXIAL, y, x))
    if depth.max() <= 2 * NECK_UM:
        return None
    seeds, count = label(h_maxima(depth, NECK_UM), np.ones((3, 3, 3)))
    if count < 2:
        return None
    parts: Int32 = watershed(-depth, seeds, mask=padded)[1:-1, 1:-1, 1:-1]
    return parts


def matches(found: Float64, real: Float64) -> int:
    """Return how many points of two sets, (n, 3) in µm, can be paired within the gate.

    The greatest number of pairs with each point in one at most; `AXIAL` says how z counts.
    """
    if not (len(found) and len(real)):
        return 0
    scale = (1 / AXIAL, 1.0, 1.0)
    near = KDTree(found * scale).query_ball_tree(KDTree(real * scale), GATE_UM)
    rows = np.repeat(np.arange(len(near)), [len(others) for others in near])
    columns = np.array([other for others in near for other in others], int)
    pairs = csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(found), len(real)))
    return int(np.count_nonzero(maximum_bipartite_matching(pairs) >= 0))
