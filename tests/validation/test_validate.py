"""A session's masks beside its probes: what agrees, what does not, and what cannot be said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from probed_session import STRUCTURES, Drawn, masks, session

from livesr.errors import ConfigError
from livesr.validation.report import Pictures, write_report
from livesr.validation.validate import validate

if TYPE_CHECKING:
    from pathlib import Path

PROBED = Drawn(share=0.1, probe=300.0, positions=3)


def test_masks_that_are_the_probe_agree_with_it(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", PROBED)
    pictures = Pictures()
    done = validate(folder, ["green=mitochondria"], share=0.1, foreground="0.5", look=pictures.look)
    (name,) = done.record.structures
    one = done.record.structures[name]
    assert (name, one.by, one.channel, one.share) == ("mitochondria", "probe", "green", 0.1)
    assert one.scores.f1 > 0.97
    assert one.scores.m1 > 0.97
    assert one.scores.m2 > 0.97
    assert one.passed
    assert one.drawn == "positions"
    low, high = one.ci95["f1"]
    assert low <= one.scores.f1 <= high
    assert (done.record.stacks, done.record.cells) == (3, 0)
    assert (one.package, one.package_sha256) == ("DRAWN", "ab" * 32)
    assert done.record.microscope.microscope == "stand"
    assert done.record.microscope.objective == "100x"
    assert not done.record.simulated
    page = write_report(tmp_path / "report", done, pictures)
    text = page.read_text("utf-8")
    assert "The probe is no truth" in text
    assert (tmp_path / "report" / "mitochondria-picture.png").stat().st_size > 10_000


def test_masks_beside_the_probe_do_not_pass(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", replace(PROBED, shifted=3, positions=1, timepoints=2))
    done = validate(folder, ["green=mitochondria"], share=0.1, foreground="0.5")
    one = done.record.structures["mitochondria"]
    # of five rows two are shared: 2·2 / (5 + 5)
    assert one.scores.f1 == pytest.approx(0.4, abs=0.02)
    assert one.scores.precision == pytest.approx(one.scores.recall, abs=0.02)
    assert not one.passed
    assert one.drawn == "stacks"


def test_a_single_stack_has_no_interval_and_validates_nothing(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", replace(PROBED, positions=1))
    one = validate(folder, ["green=mitochondria"], foreground="0.5").record.structures[
        "mitochondria"
    ]
    assert one.scores.f1 > 0.9
    assert (one.ci95, one.drawn, one.passed) == ({}, "none", False)
    assert one.verdict == "no: a single stack"


def test_without_a_probe_green_tells_lipid_droplets(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", Drawn(timepoints=2))
    done = validate(folder, foreground="0.5")
    one = done.record.structures["lipid_droplet"]
    assert (one.by, one.share) == ("leak", 0.0)
    assert one.scores.f1 > 0.95


def test_the_share_comes_from_a_control(tmp_path: Path) -> None:
    control = session(tmp_path / "control", Drawn(share=0.3))
    folder = session(tmp_path / "s", replace(PROBED, share=0.3))
    done = validate(folder, ["green=mitochondria"], control=control, foreground="otsu")
    assert done.record.unmixing.source == "control"
    assert done.record.structures["mitochondria"].share == pytest.approx(0.3, abs=0.01)
    assert done.record.structures["mitochondria"].scores.f1 > 0.9


def test_a_dye_in_a_channel_of_its_own_leaves_green_to_the_droplets(tmp_path: Path) -> None:
    drawn = Drawn(channels=("yellow", "red", "green", "far_red"), timepoints=2)
    done = validate(session(tmp_path / "s", drawn), ["far_red=nucleus"], foreground="0.5")
    assert done.record.structures["nucleus"].scores.f1 > 0.99
    assert done.record.structures["nucleus"].share == 0
    assert done.record.structures["lipid_droplet"].by == "leak"


@pytest.mark.parametrize(
    ("drawn", "probes", "message"),
    [
        (PROBED, ["green"], "CHANNEL=STRUCTURE"),
        (PROBED, ["gren=mitochondria"], "no channel 'gren'"),
        (PROBED, ["yellow=mitochondria"], "what the networks see"),
        (PROBED, ["green=mitochondrion"], "unknown structure"),
        (PROBED, ["green=golgi"], "no masks of golgi"),
        (PROBED, ["green=mitochondria", "green=nucleus"], "named twice"),
        (replace(PROBED, segmented=False), ["green=mitochondria"], "has no masks"),
        (replace(PROBED, channels=("yellow", "red")), [], "no channel 'green'"),
        (replace(PROBED, saturated=True), ["green=mitochondria"], "saturated"),
        (replace(PROBED, structures=STRUCTURES[1:]), [], "no masks of lipid_droplet"),
    ],
)
def test_what_cannot_be_validated_is_told(
    tmp_path: Path, drawn: Drawn, probes: list[str], message: str
) -> None:
    folder = session(tmp_path / "s", replace(drawn, positions=1))
    with pytest.raises(ConfigError, match=message) as error:
        validate(folder, probes, foreground="0.5")
    assert error.value.fix


def test_a_channel_without_its_probe_is_told(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", Drawn(share=0.1, droplets=50.0))
    with pytest.raises(ConfigError, match="shows nothing of mitochondria"):
        validate(folder, ["green=mitochondria"], share=0.9, foreground="30")


def test_the_drawn_masks_are_apart() -> None:
    found = masks()
    assert not (found["mitochondria"] & found["lipid_droplet"]).any()
