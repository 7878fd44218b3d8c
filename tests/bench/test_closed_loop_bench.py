"""The closed loop on one night: what it counts, and that a recording that came too late counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livesr.bench import closed_loop
from livesr.bench.closed_loop import Stay, Taken, recorded_fast, whole
from livesr.bench.mitosis_lives import measured


@pytest.fixture(scope="module")
def stay() -> Stay:
    life = measured(60_800, "divides")
    return Stay(life, 3600.0 - life.life.prophase)


def test_a_night_follows_its_division(stay: Stay) -> None:
    night = closed_loop.played([stay], 1)
    taken = night.taken[0]
    assert recorded_fast(stay, taken)
    fast = [one for one in taken if one.mode == 1]
    assert stay.at("breakdown") < fast[0].time_s < stay.at("anaphase")
    assert fast[-1].time_s > stay.at("telophase")
    assert night.light_ms[0] == sum(50.0 * (54 if one.mode else 24) for one in taken)
    assert sum(whole(stay, one) for one in fast) >= 0.9 * len(fast)
    low = [replace(one, shift_um=(0.0, 0.0, 3.0)) for one in fast]
    assert not any(whole(stay, one) for one in low)
    late = [one for one in taken if one.mode == 0 or one.time_s > stay.at("anaphase") + 30]
    assert not recorded_fast(stay, late)
    slow = [Taken(180.0 * k, 0, (0.0, 0.0, 0.0)) for k in range(200)]
    assert not recorded_fast(stay, slow)


def test_rows_say_what_they_are_of(monkeypatch: pytest.MonkeyPatch, stay: Stay) -> None:
    monkeypatch.setattr(closed_loop, "_stay", lambda _seed, _kind: stay)
    rows = {row.name: row for row in closed_loop.rows(range(2), range(0))}
    assert rows.keys() == {"anaphase_at_fast_rate", "dose_fraction", "rounded_cell_in_z"}
    assert rows["anaphase_at_fast_rate"].value == 1.0
    assert rows["dose_fraction"].value < 0.2
    assert "watched with 24 planes every 180 s" in rows["dose_fraction"].detail
