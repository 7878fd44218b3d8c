"""Fault scripts as data, and what the driver makes of its images."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.errors import ConfigError
from livesr.simulator.microscope.faults import (
    KINDS,
    Delivery,
    Fault,
    FaultScript,
    Shot,
    read_faults,
)

SCRIPT = """at frame 120: stall 3 s; At frame 300: drop; at frame 310: noise burst 5 frames x20
at 12.5 min: disconnect; at frame 7: noise burst; at 90 s: stall 0.5 min real"""


def test_a_script_is_read() -> None:
    assert read_faults(SCRIPT) == (
        Fault("stall", 120, seconds=3.0),
        Fault("drop", 300),
        Fault("noise burst", 310, frames=5, factor=20.0),
        Fault("disconnect", time_s=750.0),
        Fault("noise burst", 7),
        Fault("stall", time_s=90.0, seconds=30.0, real=True),
    )
    assert read_faults("") == read_faults(" ; \n") == ()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "stall"])
def test_every_kind_is_known(kind: str) -> None:
    assert read_faults(f"at frame 0: {kind.upper()}") == (Fault(kind, 0),)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("drop", "begin it with"),
        ("at frame: drop", "begin it with"),
        ("at frame -3: drop", "begin it with"),
        ("at frame 3: dorp", "did you mean drop"),
        ("at frame 3: dropped", "drop"),
        ("at frame 3: stall", "how long"),
        ("at frame 3: stall 3", "how long"),
        ("at frame 3: noise burst loud", "noise burst 5 frames x20"),
        ("at frame 3: drop 2", "remove '2'"),
        ("at 3 parsec: drop", "begin it with"),
    ],
)
def test_a_wrong_entry_is_named_with_a_way_out(text: str, fix: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_faults(f"at frame 1: drop; {text}")
    assert repr(text) in error.value.what
    assert "Faults" in error.value.where
    assert fix in error.value.fix


def test_each_fault_acts_once_at_the_first_exposure_after_its_place() -> None:
    script = FaultScript(read_faults("at frame 3: drop; at 1 s: repeat; at frame 3: stall 1 s"))
    acted = [sorted(script.take(n, n * 0.4)) for n in (0, 1, 4, 5)]
    assert acted == [[], [], ["drop", "repeat", "stall"], []]
    assert script.quiet


def test_one_kind_acts_once_an_exposure() -> None:
    script = FaultScript(read_faults("at frame 2: drop; at frame 2: drop"))
    assert [list(script.take(n, 0.0)) for n in (2, 3, 4)] == [["drop"], ["drop"], []]


def test_the_last_of_a_sequence_cannot_change_places() -> None:
    script = FaultScript(read_faults("at frame 4: out of order"))
    assert not script.take(4, 0.0, last=True)
    assert "out of order" in script.take(5, 0.0)


def test_a_burst_lasts_its_frames() -> None:
    script = FaultScript(
        read_faults("at frame 2: noise burst 3 frames x8; at frame 4: noise burst x2")
    )
    factors = []
    for number in range(7):
        script.take(number, 0.0)
        factors.append(script.noise(number))
    assert factors == [1, 1, 8, 8, 8, 1, 1]
    assert script.quiet


DELIVERED = {
    "drop": "abd",
    "repeat": "abbd",
    "duplicate": "abccd",
    "out of order": "abdc",
    "": "abcd",
}


def shot(name: str) -> Shot:
    return Shot(np.full((4, 3), ord(name), np.uint16), {"name": name})


@pytest.mark.parametrize("kind", DELIVERED)
def test_what_is_handed_over(kind: str) -> None:
    delivery = Delivery()
    out = [
        one
        for name in "abcd"
        for one in delivery.pass_on(shot(name), {kind} if name == "c" else ())
    ]
    assert "".join(one.tags["name"] for one in out) == DELIVERED[kind]
    assert all((one.image == ord(one.tags["name"])).all() for one in out)


def test_the_first_image_has_none_to_repeat() -> None:
    assert Delivery().pass_on(shot("a"), {"repeat"}) == []


def test_a_wrong_shape_has_another_height() -> None:
    (one,) = Delivery().pass_on(shot("a"), {"wrong shape"})
    assert one.image.shape == (2, 3)
