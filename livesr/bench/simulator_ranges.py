"""Whether cells and divisions lie within the ranges of the literature (the docs' science page)."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.rows import Row
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.simulator.rows import CellStage, ObjectRow

    Values = dict[str, float]

FIRST_SEED = 70_000
COUNTS = {
    "mitochondria": (100, 300),
    "golgi": (5, 10),
    "early_endosome": (100, 300),
    "late_endosome": (50, 150),
    "lysosome": (100, 300),
    "peroxisome": (150, 400),
    "lipid_droplet": (20, 120),
    "filopodia": (10, 60),
    "nuclear_reticulum": (2, 8),
}
"""Objects of an interphase cell."""
SHARES = {
    "nucleus": (18.0, 25.0),
    "mitochondria": (8.0, 12.0),
    "golgi": (1.0, 2.0),
    "early_endosome": (0.2, 0.4),
    "late_endosome": (0.3, 0.5),
    "lysosome": (0.5, 1.0),
    "peroxisome": (0.3, 0.5),
    "lipid_droplet": (0.2, 0.5),
}
"""Per cent of the cell's volume. (Late endosomes: "0.4".)"""
DIAMETERS_UM = {
    "early_endosome": (0.15, 0.4),
    "late_endosome": (0.3, 0.6),
    "lysosome": (0.2, 0.8),
    "peroxisome": (0.15, 0.35),
    "lipid_droplet": (0.2, 1.0),
}
"""Of the median object, as a ball of its volume."""
INTERPHASE = {
    "cell volume, µm³": (2000.0, 6000.0),
    "height, µm": (6.0, 8.0),
    "nucleus volume, µm³": (700.0, 1000.0),
    "ER in the image, % of volume": (10.0, 12.0),
    **{f"{name}, count": range_ for name, range_ in COUNTS.items()},
    **{f"{name}, % of volume": range_ for name, range_ in SHARES.items()},
    **{f"{name}, diameter, µm": range_ for name, range_ in DIAMETERS_UM.items()},
}
DIVISION = {
    "prophase, min": (10.0, 15.0),
    "prometaphase, min": (10.0, 20.0),
    "metaphase, min": (8.0, 20.0),
    "anaphase A, min": (2.0, 3.0),
    "anaphase B, min": (3.0, 5.0),
    "telophase, min": (10.0, 20.0),
    "spreading, min": (20.0, 60.0),
    "envelope to nothing, min": (2.0, 6.0),
    "envelope closed after anaphase onset, min": (4.0, 10.0),
    "footprint lost in prophase, %": (15.0, 25.0),
    "height in metaphase, µm": (12.0, 16.0),
    "swelling in metaphase, %": (10.0, 30.0),
    "plates apart after anaphase A, µm": (7.5, 8.5),
    "plates apart after anaphase B, µm": (14.0, 18.0),
}
"""Of a dividing cell. (Footprint: "20 %"; plates after A: "8".)"""
DIVIDING = '{"sample.dividing": 1.0, "sample.window_min": [10, 20]}'
SLACK = 1e-3
"""Relative, of the ranges: what the measurement itself may be off."""
ER_VOXEL_UM = (0.3, 0.1, 0.1)


def rows(*, seeds: int = 8) -> Iterator[Row]:
    """Measure the cells of some seeds in interphase, and the divisions of some others."""
    interphase, division = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        interphase += interphase_cells(Sample(seed))
        division += divisions(Sample(seed, parameters=parameters("standard", DIVIDING)))
    yield _row("interphase_in_range", interphase, INTERPHASE, "cells", seeds)
    yield _row("division_in_range", division, DIVISION, "divisions", seeds)


def _row(
    name: str, found: list[Values], ranges: dict[str, tuple[float, float]], what: str, seeds: int
) -> Row:
    """Return the share of cells × quantities inside; the detail names those outside."""
    outside: Counter[str] = Counter()
    off = defaultdict(list)
    total = 0
    for values in found:
        for key, value in values.items():
            low, high = ranges[key]
            total += 1
            if not low * (1 - SLACK) <= value <= high * (1 + SLACK):
                outside[key] += 1
                off[key].append(value)
    share = 1.0 - sum(outside.values()) / total if total else 0.0
    said = "; ".join(
        f"{key} {_span(off[key])} in {n}, not {ranges[key][0]:g}–{ranges[key][1]:g}"
        for key, n in outside.most_common()
    )
    return Row(
        name,
        share,
        "share",
        bound="1",
        attained=share,
        detail=f"{len(found)} {what} of {seeds} seeds from {FIRST_SEED}, "
        f"{len(ranges)} quantities; outside: {said or 'none'}",
    )


def _span(values: list[float]) -> str:
    low, high = (f"{end(values):.3g}" for end in (min, max))
    return low if low == high else f"{low}–{high}"


def interphase_cells(sample: Sample) -> list[Values]:
    """Return the quantities of `INTERPHASE` of every spread cell at time 0.

    The ER's share is measured in the first cell alone.
    """
    objects: dict[int, dict[str, list[ObjectRow]]] = defaultdict(lambda: defaultdict(list))
    for one in sample.objects(0.0):
        objects[one.cell][one.structure].append(one)
    found = []
    for number, cell in enumerate(sample.stages(0.0)):
        if (cell.stage, cell.detail) == ("interphase", "spread"):
            values = _cell_values(cell, objects[cell.cell])
            if number == 0:
                (network,) = objects[cell.cell]["er"]
                values["ER in the image, % of volume"] = (
                    100.0 * _imaged_um3(sample, cell, network) / cell.volume_um3
                )
            found.append(values)
    return found


def _cell_values(cell: CellStage, objects: dict[str, list[ObjectRow]]) -> Values:
    volume = {name: sum(one.volume_um3 for one in objects[name]) for name in SHARES}
    values = {
        "cell volume, µm³": cell.volume_um3,
        "height, µm": cell.height_um,
        "nucleus volume, µm³": volume["nucleus"],
    }
    values |= {f"{name}, count": float(len(objects[name])) for name in COUNTS}
    values |= {f"{name}, % of volume": 100.0 * volume[name] / cell.volume_um3 for name in SHARES}
    values |= {
        f"{name}, diameter, µm": median(one.diameter_um for one in objects[name])
        for name in DIAMETERS_UM
    }
    return values


def _imaged_um3(sample: Sample, cell: CellStage, one: ObjectRow) -> float:
    """Return the volume of an object's truth, which is that of its image."""
    step, _, pixel = ER_VOXEL_UM
    side = 2 * round((cell.radius_um + 2.0) / pixel)
    view = View((cell.y_um, cell.x_um), pixel, (side, side))
    z_um = np.arange(-0.6, cell.height_um + 1.0, step).tolist()
    labels = sample.identities(0.0, z_um, view, one.structure)
    return float(np.count_nonzero(labels == one.identity) * np.prod(ER_VOXEL_UM))


def divisions(sample: Sample) -> list[Values]:
    """Return the quantities of `DIVISION` of every cell that divides."""
    found = []
    for first in sample.stages(0.0):
        course = _course(sample, first)
        if any(row.stage == "anaphase" for row in course):
            found.append(_division_values(sample, first, course))
    return found


def _at(sample: Sample, cell: int, time_s: float) -> CellStage:
    """Return the row of a cell, or of one of its daughters."""
    return next(row for row in sample.stages(time_s) if row.cell // 10 == cell // 10)


def _course(sample: Sample, first: CellStage) -> list[CellStage]:
    """Return a cell's stages in their order, each at its begin."""
    course = [first]
    while np.isfinite(course[-1].until_s):
        course.append(_at(sample, first.cell, course[-1].until_s))
    return course


def _division_values(sample: Sample, first: CellStage, course: list[CellStage]) -> Values:
    rows = {f"{row.stage} {row.detail}".strip(): row for row in course[1:]}
    rows["spreading"] = rows["interphase spreading"]
    last = {
        name: _at(sample, first.cell, rows[name].until_s - 0.01)
        for name in ("prophase", "metaphase", "anaphase A", "anaphase B")
    }
    values = {
        f"{name}, min": (rows[name].until_s - rows[name].since_s) / 60.0
        for name in (key.removesuffix(", min") for key in list(DIVISION)[:7])
    }
    opened, parted = rows["prometaphase"].since_s, rows["anaphase A"].since_s
    gone = _first(sample, first.cell, (opened, rows["metaphase"].since_s), 0.0, below=True)
    closed = _first(sample, first.cell, (parted, rows["spreading"].until_s), 1.0, below=False)
    return values | {
        "envelope to nothing, min": (gone - opened) / 60.0,
        "envelope closed after anaphase onset, min": (closed - parted) / 60.0,
        "footprint lost in prophase, %": 100.0
        * (1.0 - last["prophase"].footprint_um2 / rows["prophase"].footprint_um2),
        "height in metaphase, µm": last["metaphase"].height_um,
        "swelling in metaphase, %": 100.0 * (last["metaphase"].volume_um3 / first.volume_um3 - 1),
        "plates apart after anaphase A, µm": last["anaphase A"].plate_distance_um,
        "plates apart after anaphase B, µm": last["anaphase B"].plate_distance_um,
    }


def _first(
    sample: Sample, cell: int, between: tuple[float, float], level: float, *, below: bool
) -> float:
    """Return when a cell's envelope first is down or up to a level, to 0.1 s."""
    low, high = between
    while high - low > 0.1:
        middle = (low + high) / 2
        envelope = _at(sample, cell, middle).envelope
        if (envelope <= level) if below else (envelope >= level):
            high = middle
        else:
            low = middle
    return high
