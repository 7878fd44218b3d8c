"""The calibration bench measures what it says."""

from __future__ import annotations

import pytest

from livesr.bench import calibration as bench
from livesr.bench.calibration_warp import _errors
from livesr.simulator.imaging.optics import Optics


def test_a_case_has_errors_and_claims() -> None:
    case = bench.Case("few", 60, (2000.0, 6000.0), (10.0, 20.0))
    scored = bench._score(case, 60_000)
    assert 0 < scored.true[0] < 5
    assert scored.tre[0] == pytest.approx(scored.heldout[0], rel=0.4)
    rows = {row.name: row for row in bench._of_case(case, [scored, scored])}
    held = rows["held-out error, few: xy"]
    assert held.value == scored.heldout[0]
    assert held.attained == 1.0
    claim = rows["claimed error over the true one, leave-one-out, few: z"]
    assert claim.value == pytest.approx(scored.tre[1] / scored.heldout[1])


def test_one_interpolation_is_closer_to_the_truth() -> None:
    ours, theirs = _errors(Optics.from_seed(60_000).chromatic)
    assert 0.01 < ours < theirs
