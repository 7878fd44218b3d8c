"""A session's tables: made beside the masks, the same after a stop, a resume, or offline."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
from memory_source import MemorySource

from livesr.cli.app import register, run
from livesr.config.analysis import Analysis
from livesr.ordered import Followed
from livesr.session import run_session
from livesr.session.analyser import Analyser
from livesr.stacks import Task
from livesr.types import Grid, Masks, Normalisation, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.flow import StopToken
    from livesr.session import Plan

STRUCTURES = ["er", "mitochondria", "lysosome", "nucleus", "cytosol"]
ANALYSIS = {"contacts": True, "shuffles": 3}
TABLES = ("objects", "contacts", "contact_sites", "cells")


def asked() -> dict[str, object]:
    return {
        "segmentation": {"structures": STRUCTURES, "policy": "every"},
        "analysis": ANALYSIS,
    }


def tables(folder: Path) -> dict[str, object]:
    return {name: pq.read_table(folder / f"{name}.parquet") for name in TABLES}


@pytest.mark.timeout(600)  # two segmenters start and compile
def test_tables_are_the_same_live_resumed_and_offline(
    plan_of: Callable[..., Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop_at_2(index: StackIndex, stop: StopToken) -> None:
        if index.t == 2:
            stop.stop("enough")

    folder = tmp_path / "s"
    run_session(plan_of(MemorySource(timepoints=3, before=stop_at_2), **asked()), folder)
    first = tables(folder)
    assert first["objects"].num_rows > 0
    assert set(first["objects"]["t"].to_pylist()) == {0, 1}
    assert not list(folder.glob("*.parts"))

    run_session(plan_of(ResumedSource(timepoints=3), **asked()), folder, resume=True)
    live = tables(folder)
    assert set(live["objects"]["t"].to_pylist()) == {0, 1, 2}
    for name, table in first.items():
        assert live[name].slice(0, table.num_rows) == table

    for name in TABLES:
        (folder / f"{name}.parquet").unlink()
    register(["measure"])
    assert run(["measure", str(folder), "--csv", "--json"]) == 0
    assert tables(folder) == live
    said = json.loads(capsys.readouterr().out)
    assert said["tables"]["objects"] == live["objects"].num_rows
    assert (folder / "objects.csv").is_file()
    assert run(["measure", str(folder), "--tracks", "lysozome"]) == 2
    assert "lysosome" in capsys.readouterr().err


class ResumedSource(MemorySource):
    def resume(self, done: set[StackIndex], *_times: float) -> None:
        self.done = done

    def run(self, deliver: Callable, stop: StopToken) -> None:
        def pass_on(frame: object) -> None:
            if frame.stack not in self.done:
                deliver(frame)

        super().run(pass_on, stop)


def test_an_error_in_the_analysis_costs_no_masks(tmp_path: Path) -> None:
    grid = Grid((4, 24, 24), (0.3, 0.1, 0.1))
    job = SimpleNamespace(
        info=SimpleNamespace(grid=grid), offset=100.0, correction=None, analysis=Analysis(),
        models={}, threads=1, structures=("er",), folder=tmp_path, cells=False,
    )  # fmt: skip
    analyser = Analyser(job)
    masks = Masks({"er": np.ones(grid.shape, np.uint8)}, grid, StackIndex(0, 0))
    task = Task(masks.index, 0.0, Followed(Normalisation(100.0, 1.0)), None, None)
    data = np.full((2, *grid.shape), 200, np.uint16)
    assert analyser.analyse(task, masks, data) == ([], "")
    assert (tmp_path / "objects.parts" / "0-0.parquet").is_file()

    assert "could not be" in Analyser(job).analyse(*spoilt(tmp_path, task, masks, data))[1]


def spoilt(folder: Path, *call: object) -> tuple[object, ...]:
    shutil.rmtree(folder / "objects.parts")
    (folder / "objects.parts").write_text("a file where a folder should be", encoding="utf-8")
    return call
