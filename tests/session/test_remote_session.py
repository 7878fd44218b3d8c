"""Sessions on a server: identity before the first stack, and what happens when it fails."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from memory_source import MemorySource
from test_session_run import events

from livesr.errors import ModelError
from livesr.segmentation.engines import FAILED
from livesr.segmentation.package import load_package
from livesr.session import run_session
from livesr.storage.reader import open_session

pytest.importorskip("tritonclient")

from livesr.bench.engines.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from livesr.session.plan import Plan

FEW = ["mitochondria", "cytosol"]


class FailsLater(Loopback):
    """A server that loses its card with some request."""

    last = 10_000

    def infer(self, request: Any, raw: list[memoryview]) -> tuple[Any, list[Any]]:
        if len(self.requests) > self.last:
            raise ValueError("CUDA error: the card fell off the bus")
        return super().infer(request, raw)


@pytest.fixture
def server() -> Iterator[FailsLater]:
    with closing(FailsLater(load_package("ALL"), engine="openvino", threads=1)) as server:
        yield server


def segmentation(engine: str, **more: object) -> dict[str, object]:
    asked = {"structures": FEW, "policy": "every", "precision": "f32", "threads": 1}
    return {**asked, "engine": engine, **more}


def masks(folder: Path) -> list[np.ndarray]:
    image = open_session(folder).images[0]
    return [np.asarray(image.mask(name, t)) for name in FEW for t in range(2)]


def test_a_server_gives_the_same_masks(
    plan_of: Callable[..., Plan], tmp_path: Path, server: FailsLater
) -> None:
    for folder, engine in (("here", "openvino"), ("there", f"remote:{server.url}")):
        plan = plan_of(MemorySource(timepoints=2), segmentation=segmentation(engine))
        assert plan.engine == engine.split(":")[0]
        result = run_session(plan, tmp_path / folder)
        assert result.outcome.failed == []
    for here, there in zip(masks(tmp_path / "here"), masks(tmp_path / "there"), strict=True):
        np.testing.assert_array_equal(here, there)
    (started,) = events(tmp_path / "there", "segmenter_started")
    assert started["engine"] == "remote"
    assert server.url in started["device"]


def test_this_machine_takes_over_from_a_server_that_fails(
    plan_of: Callable[..., Plan], tmp_path: Path, server: FailsLater
) -> None:
    asked = segmentation(f"remote:{server.url}")
    plan = plan_of(MemorySource(timepoints=2), segmentation=asked)
    server.last = len(server.requests) + 3  # test output, dark stack, first stack
    folder = tmp_path / "s"
    result = run_session(plan, folder)
    assert result.outcome.failed == []
    (fault,) = events(folder, "fault")
    assert fault["what"] == "engine remote failed, the next best one takes over"
    assert "fell off the bus" in fault["reason"]
    took = [line["engine"] for line in events(folder, "stack_segmented")]
    assert took[0] == "remote" != took[1]
    again = events(folder, "segmenter_started")[1]
    assert again["passed_over"]["remote"] == FAILED


def test_a_server_that_is_not_there_is_said_before_the_first_stack(
    plan_of: Callable[..., Plan], server: FailsLater
) -> None:
    server.close()
    plan = plan_of(MemorySource(timepoints=1), segmentation=segmentation(f"remote:{server.url}"))
    assert plan.engine != "remote"
    assert "cannot be reached" in plan.passed_over["remote"]
    assert any("takes over" in warning for warning in plan.warnings)
    alone = {"url": server.url, "fallback": False}
    with pytest.raises(ModelError, match="cannot be reached"):
        plan_of(MemorySource(timepoints=1), segmentation=segmentation("remote", remote=alone))
