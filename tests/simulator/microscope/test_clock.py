from __future__ import annotations

import pytest

from livesr.acquisition import clock as session_clock
from livesr.acquisition import engine
from livesr.simulator import devices
from livesr.simulator.microscope import clock
from livesr.simulator.microscope.clock import VirtualClock


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Real time that only sleeping lets pass."""
    naps = [0.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: sum(naps))
    monkeypatch.setattr(clock.time, "sleep", naps.append)
    return naps


def test_time_passes_by_exposures_and_waits_alone(slept: list[float]) -> None:
    time = VirtualClock(speedup=10)
    time.advance(5.0)
    assert time.now() == 5.0
    assert sum(slept) == pytest.approx(0.5)
    time.wait_until(20.0)
    assert (time.now(), sum(slept)) == (20.0, pytest.approx(2.0))
    time.wait_until(3.0)
    assert time.now() == 20.0


def test_computing_counts_towards_the_next_wait(slept: list[float]) -> None:
    time = VirtualClock()
    slept.append(0.03)  # computing
    time.advance(0.05)
    assert sum(slept) == pytest.approx(0.05)


def test_a_long_lag_is_not_made_up_for(slept: list[float]) -> None:
    time = VirtualClock()
    slept.append(60.0)
    for _ in range(40):
        time.advance(0.05)
    assert sum(slept) == pytest.approx(60.0 + 40 * 0.05 - clock.MAX_LAG_S)


def test_a_session_begins_at_its_own_time(slept: list[float]) -> None:
    time = VirtualClock()
    time.start(120.0)
    time.advance(1.0)
    assert time.now() == 121.0


def test_the_loop_and_the_device_agree_on_their_words() -> None:
    assert session_clock.TIME_PROPERTY == devices.TIME_PROPERTY
    assert session_clock.START_PROPERTY == devices.START_PROPERTY
    assert session_clock.SPEED_PROPERTY == devices.SPEED_PROPERTY
    assert engine.FRAME_TAG == devices.FRAME_TAG
    assert engine.DOSE_TAG == devices.DOSE_TAG
