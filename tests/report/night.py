"""A small session in which rules followed a cell, written as a live session writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from cellrecording import STEP_UM, Recording
from scripted_cells import cell_at

from livesr.analysis.mitosis.record import as_record
from livesr.analysis.objects.columns import CELL_COLUMNS, COLUMNS
from livesr.storage.folder import CELLS_FILE, OBJECTS_FILE
from livesr.storage.parts import PartsWriter, merge
from livesr.types import CellState, StackIndex

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from livesr.types import CellMeasures

STACKS, PIXELS = 4, 72
COURSE = ((0.0, "interphase"), (2.0, "metaphase"), (6.0, "anaphase"))
BOX_UM = ((1.0, 1.2), (5.0, 4.8))
HOSTILE = "<script>drug</script>"
OBJECTS = {0: 3, 1: 5, 2: 7, 3: 2}
"""Peroxisomes of each stack, 0.5 µm³ each; in the first stack the cell is cut."""


class Decoder:
    """One cell, in the stage that its course has at a time."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def update(
        self, _index: StackIndex, time_s: float, cells: Sequence[CellMeasures]
    ) -> list[CellState]:
        since, stage = max(one for one in COURSE if one[0] <= time_s)
        return [CellState(1, 0, stage, 0.97, since, cell) for cell in cells]


def record(folder: Path, *, finish: bool = True, cells: bool = True, stacks: int = STACKS) -> Path:
    recording = Recording(folder, pixels=PIXELS, planned=STACKS)
    tell = recording.journal.append
    for t in range(stacks):
        recording.store()
        recording.segment(t, flags=[_flag()] if t == 1 else [])
        if cells:
            _hear(recording, t)
    if cells:
        _decide(recording)
    tell("note", text=HOSTILE, by="ann", written="2026-01-01T00:00:00+00:00", time_s=3.0)
    tell("paused", by="user", reason="lunch", free_bytes=1)
    tell("continued", paused_s=90.0, free_bytes=1)
    tell("fault", StackIndex(0, 0), what="the shutter stuck", outcome="retried")
    if cells:
        _tables(folder, merged=finish)
    if finish:
        recording.finish()
    else:
        recording.close()
    return folder


def _flag() -> dict[str, Any]:
    return {"quantity": "together", "value": 3.0, "low": 0.0, "high": 1.0}


def _hear(recording: Recording, t: int) -> None:
    cell = cell_at(0.6, 3.0, 3.0)
    cut = {**as_record(cell), "cut": t == 0}
    recording.journal.append(
        "cells", StackIndex(0, t), position=0, time_s=2.0 * t, light_ms=100.0 * t, brightness=50.0,
        obstacle="", cells=[cut],
    )  # fmt: skip


def _decide(recording: Recording) -> None:
    def decide(t: int, cause: str, **action: Any) -> None:
        recording.journal.append(
            "decision", StackIndex(0, t), rule="follow", cell=1, cause=cause, acted=True,
            action=action, position=0, time_s=2.0 * t,
        )  # fmt: skip

    way = {"interval_s": 2.0, "z_range_um": 1.2}
    decide(1, "cell 1 is in metaphase", **way, shift_um=[0, 0, 0])
    decide(2, "cell 1 moved", **way, shift_um=[0, 0, 1])
    decide(3, "cell 1 is in anaphase", release=True)


def _tables(folder: Path, *, merged: bool) -> None:
    objects, cells = (
        PartsWriter(folder / OBJECTS_FILE, COLUMNS), PartsWriter(folder / CELLS_FILE, CELL_COLUMNS)
    )  # fmt: skip
    for t, many in OBJECTS.items():
        index = StackIndex(0, t)
        names = [*["peroxisome"] * many, "er", "peroxisome"]
        own = {
            "structure": np.array(names),
            "label": np.arange(1, many + 3),
            "cell": np.array([1] * (many + 1) + [0]),
            "volume_um3": np.array([0.5] * many + [10.0, 0.5]),
            "ratio_mean": np.array([0.25] * many + [0.4, 0.25]),
        }
        objects.write(index, _rows(COLUMNS, index, many + 2) | own)
        low, high = BOX_UM
        own = {"label": np.array([1]), "volume_um3": np.array([900.0]),
               "height_um": np.array([6.0 + t]), "centroid_z_um": np.array([STEP_UM])}  # fmt: skip
        for k, axis in enumerate("yx"):
            own |= {f"bbox_min_{axis}_um": np.array([low[k]]),
                    f"bbox_max_{axis}_um": np.array([high[k]])}  # fmt: skip
        cells.write(index, _rows(CELL_COLUMNS, index, 1) | own)
    if merged:
        keep = {StackIndex(0, t) for t in OBJECTS}
        merge(folder / OBJECTS_FILE, COLUMNS, keep)
        merge(folder / CELLS_FILE, CELL_COLUMNS, keep)


def _rows(columns: Any, index: StackIndex, many: int) -> dict[str, Any]:
    kinds = {"float": float, "int": np.int64, "bool": bool, "text": str}
    rows = {column.name: np.zeros(many, kinds[column.kind]) for column in columns}
    return rows | {"t": np.full(many, index.t), "time_s": np.full(many, 2.0 * index.t)}
