from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from memory_source import MemorySource

from livesr.errors import EngineError, ModelError
from livesr.segmentation import engines
from livesr.segmentation.engines import ENGINES, EngineEntry, entry_of
from livesr.segmentation.engines.openvino_cpu import OpenVinoEngine
from livesr.segmentation.segment import engine_errors
from livesr.session import run_session
from livesr.session import segmenter as guests
from livesr.session.job import Job
from livesr.session.summary import summary_of
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session import Plan
    from livesr.types import Float32, UInt8

FEW = ("mitochondria", "lipid_droplet")


class LosesItsCard(OpenVinoEngine):
    """Loads, and fails when it runs."""

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        raise ModelError(f"no memory on the card for {features.shape}, {out is None}")


def job_of(plan: Plan, folder: Path) -> Job:
    return Job(
        info=plan.info,
        packages=tuple(str(package.folder) for package in plan.networks.packages),
        engine="auto",
        precision="f32",
        threads=1,
        calibration="none",
        models={},
        structures=plan.structures,
        unreliable=(),
        on_camera_grid=False,
        folder=folder,
    )


def test_the_journal_says_which_engine_and_why_no_better_one(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    asked = {"structures": list(FEW), "policy": "every", "engine": "openvino", "precision": "f32"}
    plan = plan_of(MemorySource(timepoints=1), segmentation=asked)
    summary = summary_of(plan)
    assert (summary["engine"], summary["engines_passed_over"]) == ("openvino", {})
    run_session(plan, tmp_path / "s")
    reader = open_session(tmp_path / "s")
    (line,) = [line for line in reader.journal() if line["event"] == "segmenter_started"]
    assert (line["engine"], line["precision"], line["passed_over"]) == ("openvino", "f32", {})
    assert line["device"] == entry_of("openvino").describe()
    assert line["pid"] > 0
    image = reader.images[0]
    assert set(image.structures) == set(FEW)
    assert image.mask("mitochondria", 0).dtype == np.uint8


def test_an_engine_that_fails_on_a_dark_stack_is_passed_over(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        engines, "ENGINES", (EngineEntry("card", __name__, "LosesItsCard"), *ENGINES)
    )
    plan = plan_of(MemorySource(timepoints=1), segmentation={"structures": list(FEW)})
    assert plan.engine == "card"
    tools, (choice,) = guests.load_tools(job_of(plan, tmp_path))
    assert choice.engine.name == "openvino"
    assert choice.passed_over["card"].startswith("no memory on the card for (1, 2, ")
    assert tools.engines == (choice.engine,)
    assert choice.engine.structures == FEW
    choice.engine.close()


def test_an_engine_that_failed_in_the_session_is_not_taken_again(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        engines, "ENGINES", (EngineEntry("card", __name__, "OpenVinoEngine"), *ENGINES)
    )
    plan = plan_of(MemorySource(timepoints=1), segmentation={"structures": list(FEW)})
    job = replace(job_of(plan, tmp_path), without=("card",))
    _, (choice,) = guests.load_tools(job)
    assert choice.engine.name == "openvino"
    assert choice.passed_over["card"] == engines.FAILED
    assert engines.another(("card",))
    assert not engines.another([entry.name for entry in engines.ENGINES])
    choice.engine.close()


def test_what_an_engine_says_when_it_runs_names_the_engine() -> None:
    with pytest.raises(EngineError, match="no memory on the card") as caught, engine_errors("card"):
        raise ModelError("no memory on the card", where="CUDA", fix="close other programs")
    assert (caught.value.engine, caught.value.where) == ("card", "CUDA")
