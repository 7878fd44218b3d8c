"""What touches what: the mean matrix, the same against chance, and the busiest pairs in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.catalog import NAMES
from livesr.report.curves import LINES, from_zero, parted, shade
from livesr.report.words import title
from livesr.storage.folder import CONTACTS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.report.happened import Otherwise
    from livesr.report.timeline import TimeScale
    from livesr.report.told import Told
    from livesr.types import Float64

DISTANCE_UM = 0.1
"""Of the contacts that are shown, where it was measured."""
PAIRS = 6
_COLUMNS = (
    "image", "t", "time_s", "structure_a", "structure_b", "distance_um", "sites",
    "contact_fraction", "enrichment",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts of a session at one distance.

    Attributes
    ----------
    distance_um : float
    structures : tuple of str
    fraction : ndarray, (A, B)
        Mean share of A's volume within the distance of B; NaN on the diagonal.
    enrichment : ndarray, (A, B)
        Median over stacks, of chance; NaN where it was not asked for or cannot be said.
    over_time : mapping of (str, str) to mapping of int to (times, sites)
        Of the pairs with the most sites, by image; times in s.
    """

    distance_um: float
    structures: tuple[str, ...]
    fraction: Float64
    enrichment: Float64
    over_time: Mapping[tuple[str, str], Mapping[int, tuple[Float64, Float64]]]


def contacts_of(told: Told) -> Contacts | None:
    """Return the contacts; None if none were measured.

    Raises
    ------
    StorageError
        If the table is damaged.
    """
    rows = told.rows(CONTACTS_FILE, _COLUMNS)
    if not rows or not len(rows["t"]):
        return None
    distances = np.unique(rows["distance_um"][rows["distance_um"] > 0])
    distance = distances[np.argmin(np.abs(distances - DISTANCE_UM))] if distances.size else 0.0
    own = rows["distance_um"] == distance
    rows = {name: values[own] for name, values in rows.items()}
    names = tuple(name for name in NAMES if name in set(rows["structure_a"]))
    sizes = len(names), len(names)
    fraction, enrichment, sites = (np.full(sizes, np.nan) for _ in range(3))
    over_time = {}
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            at = (rows["structure_a"] == a) & (rows["structure_b"] == b)
            if i == j or not at.any():
                continue
            fraction[i, j] = _middle(rows["contact_fraction"][at], np.mean)
            enrichment[i, j] = _middle(rows["enrichment"][at], np.median)
            sites[i, j] = _middle(rows["sites"][at], np.mean) if i < j else np.nan
            over_time[a, b] = _by_image(rows, at)
    busiest = [(names[i], names[j]) for i, j in _highest(_among_organelles(names, sites))]
    return Contacts(
        float(distance), names, fraction, enrichment, {pair: over_time[pair] for pair in busiest}
    )


def _by_image(rows: dict[str, Any], at: Any) -> dict[int, tuple[Float64, Float64]]:
    image, times, sites = (rows[name][at] for name in ("image", "time_s", "sites"))
    found = {}
    for one in np.unique(image):
        order = np.argsort(times[image == one])
        found[int(one)] = times[image == one][order], sites[image == one][order].astype(float)
    return found


_FILLS = ("nucleus", "cytosol", "extracellular")


def _among_organelles(names: Sequence[str], sites: Float64) -> Float64:
    """Return the matrix without what fills the cell: everything touches that."""
    kept = sites.copy()
    for k, name in enumerate(names):
        if name in _FILLS:
            kept[k, :] = kept[:, k] = np.nan
    return kept


def _middle(values: Any, how: Any) -> float:
    known = values.astype(float)
    known = known[np.isfinite(known)]
    return float(how(known)) if known.size else float("nan")


def _highest(matrix: Float64) -> list[tuple[int, int]]:
    order = np.argsort(-np.nan_to_num(matrix, nan=-1.0), axis=None)[:PAIRS]
    places = [divmod(int(flat), matrix.shape[1]) for flat in order]
    return [(i, j) for i, j in places if matrix[i, j] > 0]


def draw_matrices(contacts: Contacts) -> Any:
    """Return the share of A within reach of B and, where it is known, enrichment over chance."""
    from matplotlib.figure import Figure

    known = bool(np.isfinite(contacts.enrichment).any())
    side = 1.5 + 0.3 * len(contacts.structures)
    figure = Figure((side * (2 if known else 1) + 0.8, side), layout="constrained")
    axes = figure.subplots(1, 2 if known else 1, squeeze=False)[0]
    _matrix(axes[0], contacts, 100 * contacts.fraction, "% of A's volume near B", "viridis", None)
    if known:
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.log2(contacts.enrichment)
        log[~np.isfinite(log)] = np.nan
        most = float(np.nanmax(np.abs(log))) if np.isfinite(log).any() else 1.0
        words = "times as often as by chance (colour: log2)"
        _matrix(axes[1], contacts, contacts.enrichment, words, "RdBu_r", (log, max(most, 1.0)))
    return figure


def _matrix(
    axis: Any, contacts: Contacts, values: Float64, words: str, colours: str,
    log: tuple[Float64, float] | None,
) -> None:  # fmt: skip
    titles = [title(name) for name in contacts.structures]
    drawn, limits = values, (0.0, float(np.nanmax(values)) if np.isfinite(values).any() else 1.0)
    if log is not None:
        drawn, limits = log[0], (-log[1], log[1])
    axis.imshow(drawn, cmap=colours, vmin=limits[0], vmax=limits[1])
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value) and np.isfinite(drawn[i, j]):
            share = (drawn[i, j] - limits[0]) / max(limits[1] - limits[0], 1e-9)
            light = share < 0.55 if log is None else not 0.2 < share < 0.8
            text = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
            axis.text(
                j, i, text, ha="center", va="center", fontsize=6,
                color="white" if light else "black",
            )  # fmt: skip
    ticks = range(len(titles))
    axis.set_xticks(ticks, titles, rotation=60, ha="right", rotation_mode="anchor", fontsize=7.5)
    axis.set_yticks(ticks, titles, fontsize=7.5)
    axis.set_title(words, fontsize=9.5)
    axis.set_ylabel("A", fontsize=8)
    axis.set_xlabel("B", fontsize=8)
    axis.tick_params(length=0)


def draw_pairs(contacts: Contacts, scale: TimeScale, ruled: Sequence[Otherwise]) -> Any:
    """Return the number of contact sites of the busiest pairs over time."""
    from matplotlib.figure import Figure

    figure = Figure((11.0, 2.8), layout="constrained")
    axis = figure.subplots()
    shade(axis, ruled, scale)
    for k, ((a, b), images) in enumerate(contacts.over_time.items()):
        label = f"{title(a)} – {title(b)}"
        for curve in images.values():
            times, sites = parted(*curve)
            axis.plot(times / scale.seconds, sites, color=LINES[k % len(LINES)], linewidth=1.5,
                      marker=".", markersize=4, label=label)  # fmt: skip
            label = "_"
    axis.set(xlabel=f"session time, {scale.unit}", ylabel="contact sites")
    from_zero(axis)
    axis.grid(color="0.92")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
