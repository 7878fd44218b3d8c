"""Whole sessions with a lamp that shines on: killed, hung and paused, in a short form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.bench.family import ACQUISITION, SUPERVISOR
from livesr.bench.lamp.box import Lamp
from livesr.bench.safety.kills import kill_again_and_again

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.faults
def test_the_light_goes_off_after_each_kill() -> None:
    toll = kill_again_and_again(2, orders=((SUPERVISOR, ACQUISITION),), life_s=0.3)
    assert len(toll.dark_s) == 2
    assert (toll.stayed_on, toll.unsaid) == (0, 0)
    assert toll.kinds == {SUPERVISOR: 1, ACQUISITION: 1}


def test_a_lamp_knows_how_long_it_shone(tmp_path: Path) -> None:
    log = tmp_path / "lamp.log"
    log.write_text("1.0 on\n2.0 on\n3.5 off\n5.0 on\n", encoding="utf-8")
    lamp = Lamp(0, log)
    assert [on for _, on in lamp.changes()] == [True, False, True]
    assert lamp.dark_after(0.5, 9) == lamp.dark_after(4.0, 9) == 0.0
    assert lamp.dark_after(3.0, 9) == pytest.approx(0.5)
    assert lamp.dark_after(6.0, 9) == 3.0
    assert lamp.shines()


def test_light_beside_frames_is_found(tmp_path: Path) -> None:
    log = tmp_path / "lamp.log"
    log.write_text("1.0 on\n4.0 off\n6.0 on\n6.5 off\n", encoding="utf-8")
    lamp, frames = Lamp(0, log), [(1.1, 2.0), (2.3, 3.8)]
    assert lamp.beside(frames, 0, 9) == pytest.approx(0.5)  # the second time
    assert lamp.beside(frames, 0, 5) == pytest.approx(0.3)
    assert lamp.beside(frames, 2.5, 5) == pytest.approx(0.2)
    assert lamp.beside(frames, 4.5, 5) == 0.0
