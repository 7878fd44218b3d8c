"""When to look at a dividing cell: its stages, and times that show them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.simulator.rows import CellStage
    from livesr.simulator.sample import Sample

MARGIN_S = 240.0
"""How long before and after a division the default time points begin and end, at most."""


def division(sample: Sample) -> list[CellStage]:
    """Return the stages of the division nearest to the origin, from prophase to telophase.

    Raises
    ------
    ConfigError
        If no cell divides.
    """
    families: dict[int, list[CellStage]] = {}
    time_s = 0.0
    while np.isfinite(time_s):
        rows = sample.stages(time_s)
        for row in rows:
            known = families.setdefault(row.cell // 10, [])
            if row.stage != "interphase" and (not known or known[-1].until_s <= time_s):
                known.append(row)
        time_s = min((row.until_s for row in rows), default=np.inf)
    dividing = [rows for rows in families.values() if rows]
    if not dividing:
        raise ConfigError(
            "no cell of this sample divides",
            where=f"seed {sample.seed}",
            fix="another --seed, or --set sample.dividing=1.0",
        )
    return min(dividing, key=lambda rows: np.hypot(rows[0].y_um, rows[0].x_um))


def stage_times(history: Sequence[CellStage], count: int) -> list[float]:
    """Return times that show every stage, and the cell before and after.

    One time before and one after the division, one in each stage, and what is left in the stages
    that then have the longest stretch a time point; evenly within a stage.

    Parameters
    ----------
    history : sequence of CellStage
        Of a division, in order.
    count : int

    Raises
    ------
    ConfigError
        If there are fewer time points than stages and the two beside them.
    """
    least = len(history) + 2
    if count < least:
        raise ConfigError(
            f"{count} time points cannot show all stages",
            where="--timepoints",
            fix=f"{least} or more, or --interval",
        )
    spans = [row.until_s - row.since_s for row in history]
    points = [1] * len(spans)
    for _ in range(count - least):
        points[int(np.argmax([s / p for s, p in zip(spans, points, strict=True)]))] += 1
    times = [max(history[0].since_s - MARGIN_S, 0.5 * history[0].since_s)]
    for row, span, number in zip(history, spans, points, strict=True):
        times += [row.since_s + span * (k + 0.5) / number for k in range(number)]
    return [*times, history[-1].until_s + MARGIN_S]


def family_row(rows: Sequence[CellStage], cell: int) -> CellStage:
    """Return the row of a cell, or of its first daughter."""
    return next(row for row in rows if row.cell // 10 == cell // 10)


def stage_title(row: CellStage) -> str:
    """Return a stage as text."""
    if row.stage == "interphase":
        return "interphase" if row.detail in ("", "spread") else row.detail
    return f"{row.stage} {row.detail}".rstrip()
