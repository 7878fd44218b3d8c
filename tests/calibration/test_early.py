"""Planes that were warped early are the planes that would be warped at the end."""

from __future__ import annotations

import numpy as np
import pytest
from uneven import uneven_camera

from livesr.calibration.early import STACKS, EarlyPlanes
from livesr.calibration.warp import ChromaticModel, Warp
from livesr.features import make_features
from livesr.types import AS_CALIBRATED, ChannelOffset, Grid, Normalisation, Stack, StackIndex

GRID = Grid((5, 40, 50), (0.3, 0.0668, 0.0668))
MODELS = {
    "calibrated": {1: ChromaticModel().shifted(0.1, 0.2, -0.1)},
    "in the plane alone": {1: ChromaticModel().shifted(0.0, 0.2, -0.1)},
    "not calibrated": {},
}
NORM = Normalisation(150.0, 0.5)
THERE = {1: (30, -20, 41)}


def stack(t: int) -> Stack:
    rng = np.random.default_rng(60_900 + t)
    return Stack(rng.poisson(250, (3, *GRID.shape)).astype(np.uint16), StackIndex(0, t), float(t))


@pytest.fixture(params=[*MODELS, "a corrected camera"])
def warp(request: pytest.FixtureRequest) -> Warp:
    correction = None if request.param in MODELS else uneven_camera((3, *GRID.shape))
    models = MODELS.get(request.param, MODELS["calibrated"])
    return Warp(GRID, (0.3, 0.1, 0.1), models, correction)


@pytest.fixture
def early(warp: Warp) -> EarlyPlanes:
    return EarlyPlanes(warp, 2)


def put(early: EarlyPlanes, t: int, planes: int = GRID.shape[0]) -> None:
    data = stack(t).data
    for z in range(planes):
        for c in range(3):
            early.arrived(StackIndex(0, t), c, z, data[c, z])


def check(early: EarlyPlanes, warp: Warp, t: int, offset: ChannelOffset = AS_CALIBRATED) -> None:
    """The features are those of a stack of which nothing arrived early, bit for bit."""
    moved = early.take(stack(t), offset)
    assert moved is not None
    moved_warp = warp.shifted(offset)
    found = make_features(stack(t).data, moved_warp, 100.0, NORM, moved)
    expected = make_features(stack(t).data, moved_warp, 100.0, NORM)
    np.testing.assert_array_equal(found.data, expected.data)


def test_features_are_the_same_bit_for_bit(early: EarlyPlanes, warp: Warp) -> None:
    put(early, 0)
    check(early, warp, 0)


def test_what_is_missing_is_warped_at_the_end(early: EarlyPlanes, warp: Warp) -> None:
    put(early, 0, planes=2)
    check(early, warp, 0)
    assert early.take(stack(1), AS_CALIBRATED) is None


def test_planes_that_were_shifted_otherwise_are_warped_again(
    early: EarlyPlanes, warp: Warp
) -> None:
    put(early, 0)
    check(early, warp, 0, THERE)
    put(early, 1)  # as the stack before
    check(early, warp, 1, THERE)
    put(early, 2)
    check(early, warp, 2, {1: (30, -19, 41)})


def test_only_what_changed_is_warped_again(
    early: EarlyPlanes, warp: Warp, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[int] = []
    move = Warp.move
    monkeypatch.setattr(
        Warp, "move", lambda of, c, *planes: (moves.append(c), move(of, c, *planes))
    )
    put(early, 0)
    early.take(stack(0), AS_CALIBRATED)
    assert sorted(moves) == [0] * 5 + [1] * 5
    put(early, 1)
    moves.clear()
    early.take(stack(1), {1: (30, 0, 0)})  # along z alone
    assert moves == []
    put(early, 2)
    moves.clear()
    early.take(stack(2), THERE)
    assert moves == [1] * 5


def test_stacks_do_not_mix_and_few_are_held(early: EarlyPlanes, warp: Warp) -> None:
    for t in range(5):
        put(early, t, planes=3)
    held = [t for t in range(5) if early.take(stack(t), AS_CALIBRATED) is not None]
    assert held == list(range(5 - STACKS, 5))
    put(early, 5)
    put(early, 6, planes=4)
    check(early, warp, 5)
    put(early, 7, planes=1)
    check(early, warp, 6)
    check(early, warp, 7)


def test_memory_is_used_again(early: EarlyPlanes) -> None:
    buffers = set()
    for t in range(6):
        put(early, t, planes=1)
        buffers.add(id(early.take(stack(t), AS_CALIBRATED)))
    assert len(buffers) == 1


def test_what_is_forgotten_is_gone(early: EarlyPlanes, warp: Warp) -> None:
    for z in range(5):
        early.arrived(StackIndex(0, 0), 0, z, np.zeros(GRID.shape[1:], np.uint16))
    early.forget(StackIndex(0, 0))
    early.forget(StackIndex(0, 3))
    assert early.take(stack(0), AS_CALIBRATED) is None
