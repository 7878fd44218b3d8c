from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livesr.simulator.microscope.focus import FocusDrift, Hold

DRIFT = FocusDrift(rate_nm_min=10.0, thermal_um=0.5, thermal_min=20.0, wander_nm=40.0, seed=60_003)


def test_drift_is_steady_warming_and_wander() -> None:
    steady = FocusDrift(rate_nm_min=30.0)
    assert steady.at(600.0) == pytest.approx(0.3)
    warming = FocusDrift(thermal_um=1.0, thermal_min=10.0)
    assert warming.at(0.0) == 0.0
    assert warming.at(600.0) == pytest.approx(1.0 - np.exp(-1.0))
    assert warming.at(1e6) == pytest.approx(1.0)
    times = np.linspace(0.0, 1e5, 4000)
    wander = np.array([FocusDrift(wander_nm=40.0, seed=60_003).at(t) for t in times])
    assert wander[0] == 0.0
    assert wander.std() == pytest.approx(0.040, rel=0.1)
    other = np.array([FocusDrift(wander_nm=40.0, seed=60_004).at(t) for t in times])
    assert abs(np.corrcoef(wander, other)[0, 1]) < 0.3


def test_a_lock_holds_the_focus_where_it_stands_and_shifts_it() -> None:
    locked = FocusDrift(
        rate_nm_min=60.0,
        holds=(Hold(100.0, True, 0.0), Hold(200.0, True, 0.7), Hold(300.0, False, 0.0)),
    )
    assert locked.at(100.0) == pytest.approx(0.1)
    assert locked.at(199.0) == pytest.approx(0.1)
    assert locked.at(250.0) == pytest.approx(0.8)
    assert locked.at(400.0) == pytest.approx(0.2)


@given(time_s=st.floats(0, 1e5), hold=st.floats(0, 1e5), on=st.booleans())
def test_drift_comes_back_from_its_text(time_s: float, hold: float, on: bool) -> None:
    drift = FocusDrift(10.0, 0.5, 15.0, 40.0, 60_003, (Hold(hold, on, 0.25),))
    again = FocusDrift.from_text(drift.text())
    assert again == drift
    assert again.at(time_s) == drift.at(time_s)


def test_no_drift_is_no_text() -> None:
    assert FocusDrift().text() == ""
    assert FocusDrift.from_text("") == FocusDrift()
    assert FocusDrift(seed=7).text() == ""
    assert DRIFT.text()
