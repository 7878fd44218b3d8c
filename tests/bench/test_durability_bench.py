"""The durability bench measures what it says, and a disk that really fills loses nothing."""

from __future__ import annotations

import time

import numpy as np
import pytest

from livesr.bench import TOPICS, durability
from livesr.bench.full_disk import fill_again_and_again
from livesr.bench.long_run import Watched, long_rows
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


def test_spoilt_files_are_counted() -> None:
    (row,) = durability.bad_files(23)
    assert row.attained == 1.0
    assert row.value >= 23


@pytest.mark.faults
def test_a_long_session_is_watched_process_by_process() -> None:
    rows = {row.name: row for row in long_rows(12)}
    (whole,) = (row for name, row in rows.items() if name.startswith("stacks stored"))
    assert whole.value == 12
    assert "exit code 0" in whole.detail
    assert "0 bytes left" in whole.detail
    for process in ("acquisition", "supervisor", "segmenter"):
        for what in ("own memory", "handles", "threads"):
            assert f"{what} of the {process}: growth" in rows


def test_growth_is_told_from_noise() -> None:
    rng = np.random.default_rng(60_704)
    watched = Watched(stacks=list(range(1, 2001)))
    flat = list(500 + rng.normal(0, 3, 2000))
    growing = [value + 0.02 * n for n, value in enumerate(flat)]
    slope, interval = watched.growth(flat)
    assert abs(slope) <= 2 * interval
    slope, interval = watched.growth(growing)
    assert slope == pytest.approx(20, abs=2 * interval)
    assert slope > 5 * interval
