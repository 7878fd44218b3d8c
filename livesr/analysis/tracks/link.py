"""Objects of one stack are linked with those of the next by laptrack's linear assignment.

Fukai and Kawaguchi, "LapTrack: linear assignment particle tracking with tunable metrics" (2023),
after Jaqaman et al. (2008): all links of two stacks are chosen together, then gaps are closed and
divisions found among the ends of tracks.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Float64

    Int64 = npt.NDArray[np.int64]

AXIAL = 3.0
"""Distances along z count a third: the PSF is three times as long as it is wide."""
DIFFUSION_UM2_S = 0.005
"""Of most vesicles: with it 99 % of the simulated lysosomes' steps lie within the reach."""
NEAREST_UM, FARTHEST_UM = 0.3, 2.0
"""Bounds of the reach: half a vesicle's width; neighbours further than this
are as likely as the object itself."""
CELL_REACH_UM = 12.0
"""A cell moves by micrometres in minutes; its neighbours are 30 µm away."""
DIVISION_UM = 15.0
"""Daughters are no further from where their mother was."""
GAP = 2
"""Stacks that an object may be missing in between."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far objects may move from stack to stack.

    Attributes
    ----------
    distance_um : float
    axial : float
        Distances along z are divided by it.
    division_um : float
        How far daughters may be; 0 if nothing divides.
    gap : int
        Stacks that may be missing.
    """

    distance_um: float
    axial: float = AXIAL
    division_um: float = 0.0
    gap: int = GAP

    @classmethod
    def of_vesicles(cls, interval_s: float) -> Reach:
        """Return three standard deviations of the fastest diffusion, within bounds."""
        steps = 3 * sqrt(4 * DIFFUSION_UM2_S * interval_s)
        return cls(min(max(steps, NEAREST_UM), FARTHEST_UM))

    @classmethod
    def of_cells(cls) -> Reach:
        """Return that of cells, which divide."""
        return cls(CELL_REACH_UM, axial=1.0, division_um=DIVISION_UM)


@dataclass(frozen=True, slots=True)
class Links:
    """Which track each point belongs to.

    Attributes
    ----------
    track : ndarray, (n,), int64
        From 1, in the order in which tracks begin.
    parent : dict of int to int
        Track to the one that divided into it.
    """

    track: Int64
    parent: dict[int, int]


def link(frame: Int64, points: Float64, reach: Reach) -> Links:
    """Return the tracks of points.

    Parameters
    ----------
    frame : ndarray, (n,), int
        Time point of each; those without any are gaps.
    points : ndarray, (n, 3)
        (z, y, x), µm.
    reach : Reach
    """
    if not len(frame):
        return Links(np.zeros(0, np.int64), {})
    import pandas as pd
    from laptrack import LapTrack

    table = pd.DataFrame(points / [reach.axial, 1.0, 1.0], columns=["z", "y", "x"])
    table["frame"], table["point"] = frame, np.arange(len(frame))
    tracker = LapTrack(
        metric="sqeuclidean",
        cutoff=reach.distance_um**2,
        gap_closing_cutoff=2 * reach.distance_um**2 if reach.gap else False,
        gap_closing_max_frame_count=reach.gap + 1,  # it counts frames from end to start
        splitting_metric="sqeuclidean",
        splitting_cutoff=reach.division_um**2 if reach.division_um else False,
    )
    linked, splits, _ = tracker.predict_dataframe(
        table, ["z", "y", "x"], frame_col="frame", only_coordinate_cols=False
    )
    track = np.zeros(len(frame), np.int64)
    track[linked["point"].to_numpy()] = linked["track_id"].to_numpy()
    return _numbered(frame, track, dict(_pairs(splits)))


def _pairs(splits: object) -> list[tuple[int, int]]:
    columns = ("child_track_id", "parent_track_id")
    if not len(splits):  # type: ignore[arg-type]
        return []
    child, parent = (splits[name].to_numpy() for name in columns)  # type: ignore[index]
    return [(int(a), int(b)) for a, b in zip(child, parent, strict=True)]


def _numbered(frame: Int64, track: Int64, parent: dict[int, int]) -> Links:
    """Return the tracks numbered from 1 in the order in which they begin."""
    order = np.lexsort((np.arange(len(frame)), frame))
    number: dict[int, int] = {}
    for k in order:
        number.setdefault(int(track[k]), len(number) + 1)
    numbered = np.array([number[int(one)] for one in track], np.int64)
    return Links(numbered, {number[a]: number[b] for a, b in parent.items()})


def nearest_neighbour(frame: Int64, points: Float64, reach: Reach) -> Links:
    """Return the plain baseline: each point goes on with the nearest one of the next frame.

    Pairs are taken from the nearest to the farthest, each point once; no gaps, no divisions.
    """
    from scipy.spatial import KDTree

    scaled = points / np.array([reach.axial, 1.0, 1.0])
    track = np.arange(1, len(frame) + 1)
    for t in np.unique(frame):
        here, there = np.flatnonzero(frame == t), np.flatnonzero(frame == t + 1)
        if not len(there):
            continue
        near = KDTree(scaled[here]).sparse_distance_matrix(
            KDTree(scaled[there]), reach.distance_um, output_type="coo_matrix"
        )
        used: tuple[set[int], set[int]] = set(), set()
        for k in np.argsort(near.data, kind="stable"):
            a, b = int(near.row[k]), int(near.col[k])
            if a not in used[0] and b not in used[1]:
                used[0].add(a)
                used[1].add(b)
                track[there[b]] = track[here[a]]
    return _numbered(frame, track, {})
