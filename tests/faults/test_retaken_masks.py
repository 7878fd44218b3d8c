"""A stack that is taken again: nothing of its first try is in its raw, its books or its masks."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from memory_source import PLANES, MemorySource, memory_session, splitter_frame

from livesr.pipeline import segment
from livesr.session import planning
from livesr.session import segmenter as guests
from livesr.session.job import Job
from livesr.session.run import run_session
from livesr.storage.journal import read_journal
from livesr.storage.reader import open_session
from livesr.types import Normalisation, Stack, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.flow import StopToken
    from livesr.types import Frame

pytestmark = pytest.mark.faults
AGAIN = StackIndex(0, 1)
STRAY = StackIndex(0, 99)


@dataclass
class Twice(MemorySource):
    """The second stack is taken twice; of the first try all but one plane came."""

    folder: Path | None = None

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        for t in range(3):
            if stop.now:
                return
            index = StackIndex(0, t)
            if index == AGAIN:
                self._wait_for_the_segmenter()
                for z in range(PLANES - 1):
                    frame = self._frame(index, z)
                    deliver(replace(frame, image=splitter_frame(STRAY, z)))
                time.sleep(1.0)  # its planes are warped meanwhile
            for z in range(PLANES):
                deliver(replace(self._frame(index, z), attempt=int(index == AGAIN)))

    def _wait_for_the_segmenter(self) -> None:
        assert self.folder
        until = time.monotonic() + 90
        while time.monotonic() < until:
            if any(e["event"] == "stack_segmented" for e in read_journal(self.folder)):
                return
            time.sleep(0.1)


def test_masks_of_a_stack_taken_again_are_those_of_its_raw(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "s"
    source = Twice(folder=folder / "journal.jsonl")
    monkeypatch.setattr(planning, "open_source", lambda _session, **_: source)
    plan = planning.make_plan(memory_session())
    result = run_session(plan, folder)
    assert len(result.outcome.stored) == 3
    assert not result.outcome.failed
    (stored,) = (
        e
        for e in read_journal(folder / "journal.jsonl")
        if e["event"] == "stack_stored" and e["index"]["t"] == 1
    )
    assert (stored["attempt"], stored["frames"]) == (1, PLANES)
    image = open_session(folder).images[0]
    data = np.stack([image.raw(1, c) for c in range(2)])
    for z in range(PLANES):
        frame = splitter_frame(AGAIN, z)
        np.testing.assert_array_equal(np.concatenate(data[:, z], axis=-1), frame)

    tools, _ = guests.load_tools(
        Job(
            info=plan.info,
            packages=(str(plan.networks.first.folder),),
            engine="auto",
            precision="auto",
            threads=None,
            calibration="none",
            models={},
            structures=plan.structures,
            unreliable=(),
            on_camera_grid=True,
            folder=folder,
        )
    )
    norm = Normalisation(**stored["normalisation"])
    masks = segment(Stack(data, AGAIN, 0.0), norm, tools).masks
    for engine in tools.engines:
        engine.close()
    for name in plan.structures:
        np.testing.assert_array_equal(masks.volumes[name], image.mask(name, 1))
