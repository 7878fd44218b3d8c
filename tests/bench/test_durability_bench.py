"""The durability bench measures what it says, and a disk that really fills loses nothing."""

from __future__ import annotations

import time

import numpy as np
import pytest

from livesr.bench import TOPICS, durability
from livesr.bench.full_disk import fill_again_and_again
from livesr.bench.paced import PacedSource, noise
from livesr.stop import StopToken


@pytest.mark.faults
def test_a_disk_that_fills_again_and_again_loses_nothing() -> None:
    filled = fill_again_and_again(5, seed=1)
    if filled is None:
        pytest.skip("this system lets no user mount a disk")
    assert filled.wrong == []
    assert filled.rounds == 5
    assert sum(filled.met.values()) == 5
    assert filled.error_s
    assert filled.stacks > 5


def test_rates_are_of_what_was_stored() -> None:
    paced, fast = durability.sustained(side=64, planes=4, fps=200.0, seconds=1.0)
    assert paced.value > 0
    assert 0 < paced.attained <= 1
    assert "200 frames" in paced.detail
    assert fast.peer_value > 0
    assert fast.ratio == pytest.approx(fast.value / fast.peer_value)


def test_syncing_is_timed_beside_not_syncing() -> None:
    stack, line = durability.syncing(side=32, planes=2, repeats=2)
    assert stack.ratio == pytest.approx(stack.peer_value / stack.value)
    assert line.value > 0


def test_a_system_without_such_disks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durability, "fill_again_and_again", lambda _rounds: None)
    (row,) = durability.full_disk()
    assert "no user" in row.detail


def test_the_topic_runs_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "durability" in TOPICS
    monkeypatch.setattr(durability, "PARTS", (lambda: iter("ab"), lambda: iter("c")))
    assert list(durability.rows()) == ["a", "b", "c"]  # type: ignore[comparison-overlap] # stand-ins


def test_images_that_come_too_late_are_lost() -> None:
    source = PacedSource(noise(3, 4), planes=2, timepoints=2, fps=1000.0, buffer=5)
    frames = []

    def slow(frame: object) -> None:
        if not frames:
            time.sleep(0.05)
        frames.append(frame)

    source.run(slow, StopToken())
    assert source.lost == 3
    assert source.latest > 5
    assert np.array_equal(frames[3].image, source.image(1, 1))
