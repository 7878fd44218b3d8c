"""Drift is told from what cells do, and followed: smoothly, within bounds, whatever is missing."""

from __future__ import annotations

import threading
import time
from functools import cache

import numpy as np
import pytest

from livesr.config import session_from
from livesr.errors import ConfigError
from livesr.focus.consensus import consensus
from livesr.focus.follower import FocusFollower
from livesr.focus.of_session import check_focus, focus_follower
from livesr.focus.tiles import shifts_um, tiles_of
from livesr.simulator.stack import simulate_stack
from livesr.types import Grid, RecordingInfo, StackIndex, UInt16

SHAPE = (24, 96, 96)
GRID = Grid(SHAPE, (0.3, 0.2672, 0.2672))


@cache
def cells() -> np.ndarray:
    """Mean counts above 100 (c, z, y, x) of simulated cells."""
    data, _ = simulate_stack(60_000, shape=(24, 384, 384))
    parts = np.asarray(data, np.float32).reshape(2, 24, 96, 4, 96, 4)
    return np.maximum(parts.mean(axis=(3, 5)) - 100, 0)


def taken(shift_um: float, seed: int, rising: slice | None = None, by_um: float = 0.0) -> UInt16:
    """Return a stack whose sample lies higher, part of the field (columns) more than the rest."""
    moved = higher(cells(), shift_um)
    if rising is not None:
        moved[..., rising] = higher(cells()[..., rising], shift_um + by_um)
    return np.random.default_rng(seed).poisson(moved + 100).astype(np.uint16)


def higher(counts: np.ndarray, um: float) -> np.ndarray:
    at = np.clip(np.arange(24) - um / 0.3, 0, 23)
    low = np.minimum(at.astype(int), 22)
    part = (at - low)[:, None, None]
    return (1 - part) * counts[:, low] + part * counts[:, low + 1]


@pytest.mark.parametrize("shift_um", [-0.7, -0.12, 0.0, 0.3, 1.05])
def test_the_shift_of_tiles(shift_um: float) -> None:
    before, now = (tiles_of(taken(s, 60_001 + k), GRID, 100) for k, s in enumerate((0, shift_um)))
    shift, alike = shifts_um(before, now, 0.3)
    found = consensus(shift, np.isfinite(shift) & (alike > 0.6))
    assert found.agreed
    assert found.shift_um == pytest.approx(shift_um, abs=0.04)


def test_noise_shows_nothing() -> None:
    rng = np.random.default_rng(60_003)
    before, now = (
        tiles_of(rng.poisson(110, (2, *SHAPE)).astype(np.uint16), GRID, 100) for _ in range(2)
    )
    shift, _ = shifts_um(before, now, 0.3)
    assert not np.isfinite(shift).any()


def test_less_than_half_of_the_tiles_may_show_anything_else() -> None:
    rng = np.random.default_rng(60_004)
    shift = np.concatenate([rng.normal(0.2, 0.01, 12), rng.uniform(0.3, 1.5, 9)])
    found = consensus(shift, np.ones(21, bool))
    assert found.agreed
    assert found.shift_um == pytest.approx(0.2, abs=0.02)
    assert not consensus(rng.uniform(0, 1, 21), np.ones(21, bool)).agreed
    assert not consensus(np.full(4, 0.1), np.ones(4, bool)).agreed
    assert not consensus(np.array([]), np.ones(0, bool)).agreed


def test_a_part_of_the_field_that_rises_is_no_drift() -> None:
    follower = FocusFollower(GRID, 100)
    for t in range(6):
        data = taken(0.0, 60_010 + t, slice(0, 32), 0.25 * t)
        step = follower.update(StackIndex(0, t), data, time_s=60.0 * t, applied_um=0.0)
        assert abs(step.drift_um) < 0.06


def test_drift_is_followed_with_its_speed() -> None:
    follower = FocusFollower(GRID, 100)
    left = []
    for t in range(8):
        drift = -0.2 * t
        offset = follower.offset_um(StackIndex(0, t), 60.0 * t)
        left.append(drift - offset)
        data = taken(drift - offset, 60_020 + t)
        follower.update(StackIndex(0, t), data, time_s=60.0 * t, applied_um=offset)
    assert abs(left[1]) == pytest.approx(0.2)
    assert max(map(abs, left[2:])) < 0.1


def test_bounds_of_a_step_and_in_all() -> None:
    follower = FocusFollower(GRID, 100, max_step_um=0.05, max_total_um=0.12, start_um=0.02)
    index, offsets = StackIndex(0, 0), []
    for t in range(6):
        offsets.append(follower.offset_um(index, 60.0 * t))
        seen = taken(0.4 - offsets[-1], 60_030 + t)
        follower.update(index, seen, time_s=60.0 * t, applied_um=offsets[-1])
    steps = np.abs(np.diff([0.02, *offsets]))
    assert steps.max() <= 0.05 + 1e-9
    assert max(map(abs, offsets)) <= 0.12 + 1e-9


def test_what_cannot_be_held_is_told_once() -> None:
    follower = FocusFollower(GRID, 100, max_total_um=0.2)
    for t, drift in enumerate((0.0, 0.5, 0.5)):
        follower.update(StackIndex(0, t), taken(drift, 60_040 + t), time_s=60 * t, applied_um=0)
    (said,) = follower.news()
    assert "0.2 µm" in said
    assert follower.news() == []


def test_positions_share_one_drift() -> None:
    follower = FocusFollower(GRID, 100)
    for t in range(4):
        for image in (0, 1):
            at = 60.0 * t + 30.0 * image
            data = taken(0.002 * at, 60_050 + 2 * t + image)
            step = follower.update(StackIndex(image, t), data, time_s=at, applied_um=0.0)
    assert step.drift_um == pytest.approx(0.002 * 210, abs=0.06)


def test_a_field_that_became_another_is_remembered_anew_and_moves_nothing() -> None:
    follower = FocusFollower(GRID, 100)
    other = np.ascontiguousarray(taken(0, 60_060)[:, ::-1, ::-1])
    steps = [
        follower.update(StackIndex(0, t), data, time_s=60.0 * t, applied_um=0.0)
        for t, data in enumerate([taken(0, 60_061), *[other] * 5])
    ]
    assert [step.renewed for step in steps] == [False, False, False, True, False, False]
    assert steps[-1].shown_um == pytest.approx(0.0, abs=0.02)
    assert abs(steps[-1].drift_um) < 0.02


def test_it_waits_for_stacks_that_are_still_looked_at_only_where_time_stands_still() -> None:
    follower = FocusFollower(GRID, 100, waits=True)
    follower.offset_um(StackIndex(0, 0), 0.0)
    later = threading.Timer(0.2, follower.passed_over)
    later.start()
    began = time.monotonic()
    follower.offset_um(StackIndex(0, 1), 60.0)
    assert time.monotonic() - began > 0.1
    later.join()
    follower = FocusFollower(GRID, 100)
    for t in range(3):
        follower.offset_um(StackIndex(0, t), 0.0)


def info(planes: int) -> RecordingInfo:
    return RecordingInfo(("y",), (1, planes, 64, 64), 1, 1, 0.1, 0.3, 0, 100, "", "", "", True)


def test_what_a_session_may_ask_for() -> None:
    def session(**focus: object) -> object:
        return session_from({"calibration": "none", "focus": focus})

    check_focus(session(mode="image"), info(7))
    check_focus(session(mode="device"), info(1))
    assert focus_follower(session(mode="none"), info(7)) is None
    assert focus_follower(session(mode="image", planes=[1, 8]), info(9)) is not None
    for planes, focus in ((1, {}), (6, {}), (24, {"planes": [0, 3]}), (24, {"planes": [10, 24]})):
        with pytest.raises(ConfigError, match="focus is followed on planes"):
            check_focus(session(mode="image", **focus), info(planes))
    with pytest.raises(ConfigError, match="lowest first"):
        session(mode="image", planes=[5, 2])
    played = session_from(
        {"calibration": "none", "recording": {"paths": "a.tif"}, "focus": {"mode": "image"}}
    )
    with pytest.raises(ConfigError, match="played as it is"):
        check_focus(played, info(9))
