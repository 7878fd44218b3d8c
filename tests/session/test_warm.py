from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.camera.correction import Correction
from livesr.config import plain_session, session_from
from livesr.session import make_plan, warm
from livesr.session.demo import demo_session
from livesr.session.job import Job

if TYPE_CHECKING:
    import pytest


class Loaded:
    """A segmenter's process that is there at once."""

    def __init__(self, *_given: object) -> None:
        pass

    def receive(self, _timeout_s: float) -> None:
        pass

    def close(self, **_options: object) -> None:
        pass


def correction(offset: float) -> Correction:
    """Return that of a camera of 2 × 8 × 8 pixels, one of them hot."""
    ones = np.ones((2, 8, 8), np.float32)
    hot = np.zeros((2, 8, 8), bool)
    hot[0, 2, 2] = True
    return Correction.of(offset * ones, ones, hot, ones)


def test_a_loaded_segmenter_serves_sessions_with_the_same_camera_correction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = plain_session(demo_session(timepoints=1, field=96, planes=8, seed=60_303))
    plan = make_plan(session_from(data, where="test"))
    plan.source.close()
    job = replace(Job.of(plan, Path()), camera="mine", correction=correction(100.0))
    monkeypatch.setattr(warm, "Guest", Loaded)
    served = warm.Warm(job)
    try:
        assert served.fits(replace(job, folder=Path("other"), correction=correction(100.0)))
        assert not served.fits(replace(job, correction=correction(101.0)))
        assert not served.fits(replace(job, correction=None))
        assert not served.fits(replace(job, structures=job.structures[1:]))
    finally:
        served.close()
