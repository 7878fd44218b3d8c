"""A session's tables: made beside the masks, the same after a stop, a resume, or offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from memory_source import MemorySource

from livesr.session import run_session
from livesr.session.remeasure import remeasure
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.flow import StopToken
    from livesr.session import Plan
    from livesr.types import StackIndex

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
    plan_of: Callable[..., Plan], tmp_path: Path
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
    remeasure(tmp_path / "whole")
    assert tables(tmp_path / "whole") == whole


class ResumedSource(MemorySource):
    def resume(self, done: set[StackIndex], *_times: float) -> None:
        self.done = done

    def run(self, deliver: Callable, stop: StopToken) -> None:
        def pass_on(frame: object) -> None:
            if frame.stack not in self.done:
                deliver(frame)

        super().run(pass_on, stop)


def test_an_error_in_the_analysis_costs_no_masks(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    folder = tmp_path / "s"

    def spoil(index: StackIndex, stop: StopToken) -> None:
        folder.joinpath("objects.parts").write_text("a file where a folder should be")

    source = MemorySource(timepoints=1, before=spoil)
    result = run_session(plan_of(source, **asked()), folder)
    assert [index.t for index in [*result.outcome.live, *result.outcome.later]] == [0]
    faults = [line for line in open_session(folder).journal() if line["event"] == "fault"]
    assert ["objects could not be measured" in fault["what"] for fault in faults] == [True]
