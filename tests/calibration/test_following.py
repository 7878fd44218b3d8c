"""The offset is adopted, then followed slowly, and what no longer fits is said once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livesr.calibration.following.follower import AXIAL, FEW, LATERAL, OffsetFollower
from livesr.calibration.following.offset import Residual

VOXEL_UM = (0.3, 0.0668, 0.0668)
FINE = (0.012, 0.002, 0.002)
NAMES = {1: "red"}


def residual(
    *shift_nm: float,
    sigma: tuple[float, float, float] = FINE,
    scatter: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> dict[int, Residual]:
    z, y, x = (s / 1000 for s in shift_nm)
    return {1: Residual((z, y, x), sigma, scatter, 16)}


def follower() -> OffsetFollower:
    return OffsetFollower(VOXEL_UM, NAMES)


def test_the_first_is_adopted_whole_in_whole_nanometres() -> None:
    assert follower().value == {1: (0, 0, 0)}
    assert follower().update(residual(120.4, -49.6, 60.2)) == {1: (120, -50, 60)}


def test_nothing_seen_changes_nothing() -> None:
    of = follower()
    assert of.update({}) == {1: (0, 0, 0)}
    of.update(residual(100, 50, -50))
    assert of.update({}) == {1: (100, 50, -50)}
    assert of.measured == 1


def test_a_wrong_first_stack_is_corrected_by_the_next_few() -> None:
    of = follower()
    of.update(residual(200, 90, -90))
    for _ in range(60):
        used = of.update(residual(100, 50, -50))
    assert all(abs(a - b) <= 4 for a, b in zip(used[1], (100, 50, -50), strict=True))


def test_one_stack_that_is_wrong_later_moves_nothing() -> None:
    of = follower()
    for _ in range(FEW):
        of.update(residual(100, 50, -50))
    used = of.update(residual(300, 150, 150))
    assert all(abs(a - b) <= 8 for a, b in zip(used[1], (100, 50, -50), strict=True))
    for _ in range(20):
        used = of.update(residual(100, 50, -50))
    assert all(abs(a - b) <= 4 for a, b in zip(used[1], (100, 50, -50), strict=True))


def test_a_drift_is_followed() -> None:
    of = follower()
    for k in range(200):
        used = of.update(residual(0, 0.3 * k, 0))
    assert abs(used[1][1] - 0.3 * 199) < 8


def test_a_steady_offset_stays_the_same_number() -> None:
    of = follower()
    values = [of.update(residual(100 + 6 * (-1) ** k, 50 + (-1) ** k, -50))[1] for k in range(100)]
    assert len(set(values[50:])) == 1


def test_what_is_not_precise_does_not_count() -> None:
    vague = (0.2, 0.05, 0.05)
    assert follower().update(residual(100, 50, 50, sigma=vague)) == {1: (0, 0, 0)}
    flat = (float("inf"), 0.003, 0.003)
    assert follower().update(residual(0, 50, 50, sigma=flat)) == {1: (0, 50, 50)}


shifts_nm = st.tuples(*[st.floats(-2000, 2000)] * 3)


@given(st.lists(shifts_nm, min_size=2, max_size=30))
def test_it_never_jumps_and_resumes_where_it_was(steps: list[tuple[float, float, float]]) -> None:
    of = follower()
    before = of.update(residual(*steps[0]))[1]
    for step in steps[1:]:
        after = of.update(residual(*step))[1]
        for a, b, pace in zip(after, before, (AXIAL, LATERAL, LATERAL), strict=True):
            assert abs(a - b) <= pace.step
        before = after
    assert OffsetFollower(VOXEL_UM, NAMES, of.value).update({}) == of.value


def test_too_large_an_offset_is_said_once_with_its_number() -> None:
    of = follower()
    of.update(residual(100, 60, 60))
    assert of.news() == []
    of = follower()
    of.update(residual(-620, 120, 0))
    lateral, axial = of.news()
    assert "red lies 1.8 pixels (120 nm)" in lateral
    assert "620 nm" in axial
    of.update(residual(-620, 120, 0))
    assert of.news() == []


def test_another_shape_of_the_field_is_said_once() -> None:
    of = follower()
    of.update(residual(0, 0, 0, scatter=(0.01, 0.003, 0.004)))
    assert of.news() == []
    for _ in range(FEW):
        of.update(residual(0, 0, 0, scatter=(0.01, 0.03, 0.04)))
    (said,) = of.news()
    assert "50 nm" in said
    assert "shape" in said
    assert of.news() == []
