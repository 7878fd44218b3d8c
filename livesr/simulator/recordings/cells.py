"""Simulated recordings of cells in a folder: interphase, mitosis, colocalisation."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.simulator.coloc import make_probe
from livesr.simulator.recordings import preview
from livesr.simulator.recordings.division import division, family_row, stage_times, stage_title
from livesr.simulator.recordings.preview import MitosisStrip
from livesr.simulator.recordings.take import OBJECTS, Plan, Take
from livesr.simulator.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from livesr.simulator.recordings.instrument import Setup
    from livesr.simulator.rows import CellStage
    from livesr.types import Bool, UInt8, UInt16

    Say = Callable[[str], None]


def simulate_cell(
    setup: Setup,
    folder: Path,
    *,
    timepoints: int = 1,
    interval_s: float = 10.0,
    identities: bool = False,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Record cells in their everyday life; the field is centred on the first.

    Parameters
    ----------
    setup : Setup
    folder : Path
        New.
    timepoints : int
    interval_s : float
        Between time points, s.
    identities : bool
        Also write a label image of single objects for each of `OBJECTS`.
    say : callable
        Takes a line of progress.

    Returns
    -------
    dict
        What was written, with plain values.

    Raises
    ------
    ConfigError
        Parameters that are unknown or of another form.
    StorageError
        If the folder exists, or the disk is full.
    """
    sample = Sample(setup.seed, parameters=setup.numbers, field_um=setup.field_um)
    plan = Plan(
        what="cell",
        times_s=tuple(interval_s * t for t in range(timepoints)),
        interval_s=interval_s if timepoints > 1 else 0.0,
        identities=OBJECTS if identities else (),
        options={"timepoints": timepoints, "interval_s": interval_s, "identities": identities},
    )
    take = Take(setup, sample, _center(sample.stages(0.0)), plan)
    pictures: dict[str, UInt8] = {}

    def see(t: int, counts: UInt16, masks: dict[str, Bool]) -> None:
        if t == 0:
            shown = take.shown(counts)
            note = take.note()
            pictures["preview"] = preview.cell_card(shown, masks, "Simulated U2-OS cell", note)
            pictures["masks"] = preview.masks_card(shown, masks, "Truth", note)

    return take.record(folder, see, pictures, say)


def simulate_mitosis(
    setup: Setup,
    folder: Path,
    *,
    timepoints: int = 10,
    interval_s: float | None = None,
    identities: bool = False,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Record a cell that divides; the field is centred on it.

    Parameters
    ----------
    setup, folder, identities, say
        As for `simulate_cell`; the parameters ought to let cells divide
        (``{"sample.dividing": 1.0}``).
    timepoints : int
        Chosen so that every stage is shown; without use if there is an interval.
    interval_s : float, optional
        Between time points, s, from before the division to after it.

    Raises
    ------
    ConfigError
        Also if none of the sample's cells divides.
    """
    sample = Sample(setup.seed, parameters=setup.numbers, field_um=setup.field_um)
    history = division(sample)
    if interval_s is None:
        times = stage_times(history, timepoints)
    else:
        first, last = history[0].since_s - interval_s, history[-1].until_s + interval_s
        times = np.arange(first, last + 1e-6, interval_s).tolist()
    metaphase = next((row for row in history if row.stage == "metaphase"), history[0])
    options = {"timepoints": len(times), "interval_s": interval_s, "identities": identities}
    plan = Plan(
        what="mitosis",
        times_s=tuple(times),
        interval_s=interval_s or 0.0,
        identities=OBJECTS if identities else (),
        options=options,
    )
    take = Take(setup, sample, (metaphase.y_um, metaphase.x_um), plan)
    strip = MitosisStrip()
    pictures: dict[str, UInt8] = {}

    def see(t: int, counts: UInt16, masks: dict[str, Bool]) -> None:
        row = family_row(sample.stages(times[t]), history[0].cell)
        minutes = (times[t] - history[0].since_s) / 60.0
        shown = take.shown(counts)
        strip.add(shown, masks, row.height_um, stage_title(row), f"{minutes:+.1f} min")
        if t == len(times) - 1:
            pictures["preview"] = strip.picture("Simulated mitosis", take.note())

    return take.record(folder, see, pictures, say)


def simulate_coloc(
    setup: Setup,
    folder: Path,
    *,
    structure: str = "mitochondria",
    expression: float = 1.0,
    spread: float = 0.5,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Record cells with a green probe in one structure: yellow, red and green.

    Parameters
    ----------
    setup, folder, say
        As for `simulate_cell`.
    structure, expression, spread
        As for `livesr.simulator.coloc.make_probe`.

    Raises
    ------
    ConfigError
        Also if there is no such probe.
    """
    numbers = setup.numbers
    probe = make_probe(structure, numbers, expression=expression, spread=spread)
    sample = Sample(setup.seed, parameters=numbers, field_um=setup.field_um)
    rows = sample.stages(0.0)
    plan = Plan(
        what="coloc",
        times_s=(0.0,),
        interval_s=0.0,
        names=(structure, "lipid_droplet"),
        exclusive=False,
        probe=probe,
        options={
            "structure": structure,
            "expression": expression,
            "spread": spread,
            "probe": asdict(probe),
            "levels": {row.cell: probe.level(setup.seed, row.cell // 10 - 1) for row in rows},
        },
    )
    take = Take(setup, sample, _center(rows), plan, channels=(0, 1, 2))
    pictures: dict[str, UInt8] = {}

    def see(_: int, counts: UInt16, masks: dict[str, Bool]) -> None:
        shown = take.shown(counts)
        title = f"Green probe in {structure.replace('_', ' ')}"
        pictures["preview"] = preview.coloc_card(shown, masks, structure, title, take.note())

    return take.record(folder, see, pictures, say)


def _center(rows: Sequence[CellStage]) -> tuple[float, float]:
    """Return the centre (y, x) of the cell nearest to the origin."""
    return min(((row.y_um, row.x_um) for row in rows), key=lambda at: np.hypot(*at))
