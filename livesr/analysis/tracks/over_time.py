"""Tables over time from tables of single stacks: tracks, and the events of contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.analysis.tracks.columns import EVENT_COLUMNS, TRACK_COLUMNS
from livesr.analysis.tracks.link import Reach, link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from livesr.storage.columns import Column

    Rows = Mapping[str, npt.NDArray[Any]]

SITE_GAP = 0
"""A contact that is lost in one stack has ended."""
_PLACES = ("centroid_z_um", "centroid_y_um", "centroid_x_um")


def track_rows(objects: Rows, structure: str) -> dict[str, npt.NDArray[Any]]:
    """Return the rows of `TRACK_COLUMNS` of one structure, or of cells.

    Parameters
    ----------
    objects : mapping of str to ndarray
        Columns of that structure's rows in ``objects.parquet``, or of ``cells.parquet``.
    structure : str
        Its name, or ``cell``.
    """
    many = len(objects["t"])
    track, parent = np.zeros(many, np.int64), np.zeros(many, np.int64)
    for image in np.unique(objects["image"]):
        mine = np.flatnonzero(objects["image"] == image)
        part = {name: values[mine] for name, values in objects.items()}
        reach = Reach.of_cells() if structure == "cell" else Reach.of_vesicles(interval(part))
        links = link(part["t"].astype(np.int64), _places(part), reach)
        track[mine] = links.track
        parent[mine] = [links.parent.get(int(one), 0) for one in links.track]
    named = {**objects, "structure": np.full(many, structure), "track": track, "parent": parent}
    return {column.name: named[column.name] for column in TRACK_COLUMNS}


def interval(rows: Rows) -> float:
    """Return the median time between stacks that follow each other, s; 1 if there is one alone."""
    t, first = np.unique(rows["t"], return_index=True)
    if len(t) < 2:
        return 1.0
    return float(np.median(np.diff(rows["time_s"][first]) / np.diff(t))) or 1.0


def event_rows(sites: Rows, times: Mapping[int, Sequence[float]]) -> dict[str, npt.NDArray[Any]]:
    """Return how often contacts begin and how long they last: rows of `EVENT_COLUMNS`.

    Parameters
    ----------
    sites : mapping of str to ndarray
        Columns of ``contact_sites.parquet``.
    times : mapping of int to sequence of float
        Times of each image's stacks, s: those without any contact count.
    """
    rows = [
        _events(part, image, pair, np.asarray(times[image])) for image, pair, part in _pairs(sites)
    ]
    return {
        column.name: np.array([row[column.name] for row in rows], _dtype(column))
        for column in EVENT_COLUMNS
    }


def _pairs(sites: Rows) -> Iterator[tuple[int, tuple[str, str], Rows]]:
    keys = sorted(
        set(zip(sites["image"].tolist(), sites["structure_a"], sites["structure_b"], strict=True))
    )
    for image, a, b in keys:
        mine = (sites["image"] == image) & (sites["structure_a"] == a)
        mine &= sites["structure_b"] == b
        yield image, (a, b), {name: values[mine] for name, values in sites.items()}


def _events(
    sites: Rows, image: int, pair: tuple[str, str], times: npt.NDArray[np.float64]
) -> dict[str, Any]:
    times = np.unique(times)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    reach = Reach(Reach.of_vesicles(step or 1.0).distance_um, gap=SITE_GAP)
    frame = np.searchsorted(times, sites["time_s"]).astype(np.int64)
    track = link(frame, _places(sites), reach).track - 1
    count = int(track.max(initial=-1)) + 1
    first, last = np.full(count, len(times)), np.zeros(count, np.int64)
    np.minimum.at(first, track, frame)
    np.maximum.at(last, track, frame)
    complete = (first > 0) & (last < len(times) - 1)
    lasted = (last - first + 1)[complete] * step
    minutes = (times[-1] - times[0]) / 60 if len(times) > 1 else 0.0
    begun = int((first > 0).sum())
    return {
        "image": image,
        "structure_a": pair[0],
        "structure_b": pair[1],
        "sites": count,
        "begun": begun,
        "events_per_min": begun / minutes if minutes else np.nan,
        "complete": int(complete.sum()),
        "duration_mean_s": float(lasted.mean()) if len(lasted) else np.nan,
        "duration_median_s": float(np.median(lasted)) if len(lasted) else np.nan,
        "per_stack": len(frame) / max(len(times), 1),
    }


def _places(rows: Rows) -> npt.NDArray[np.float64]:
    return np.stack([np.asarray(rows[name], float) for name in _PLACES], axis=1)


def _dtype(column: Column) -> Any:
    return {"float": float, "int": np.int64, "bool": bool, "text": object}[column.kind]
