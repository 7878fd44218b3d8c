"""A session's tables: made beside the masks, the same after a stop, a resume, or offline."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
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

    import pytest

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


def test_tables_are_the_same_live_resumed_and_offline(
    plan_of: Callable[..., Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_session(plan_of(MemorySource(timepoints=3), **asked()), tmp_path / "whole")
    whole = tables(tmp_path / "whole")
    assert whole["objects"].num_rows > 0
    assert set(whole["objects"]["t"].to_pylist()) == {0, 1, 2}
    assert not list((tmp_path / "whole").glob("*.parts"))

    def stop_at_1(index: StackIndex, stop: StopToken) -> None:
        if index.t == 1:
            stop.stop("enough")

    source = MemorySource(timepoints=3, before=stop_at_1)
    run_session(plan_of(source, **asked()), tmp_path / "cut")
    assert set(tables(tmp_path / "cut")["objects"]["t"].to_pylist()) == {0}
    run_session(plan_of(ResumedSource(timepoints=3), **asked()), tmp_path / "cut", resume=True)
    assert tables(tmp_path / "cut") == whole

    for name in TABLES:
        (tmp_path / "whole" / f"{name}.parquet").unlink()
    register(["measure"])
    assert run(["measure", str(tmp_path / "whole"), "--csv", "--json"]) == 0
    assert tables(tmp_path / "whole") == whole
    said = json.loads(capsys.readouterr().out)
    assert said["tables"]["objects"] == whole["objects"].num_rows
    assert (tmp_path / "whole" / "objects.csv").is_file()
    assert run(["measure", str(tmp_path / "whole"), "--tracks", "lysozome"]) == 2
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
        info=SimpleNamespace(grid=grid, camera_offset=100.0), analysis=Analysis(), models={},
        threads=1, structures=("er",), folder=tmp_path,
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
