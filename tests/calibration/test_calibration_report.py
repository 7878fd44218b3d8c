"""The report of a calibration: whole, honest, readable without a network."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html import unescape
from typing import TYPE_CHECKING

import numpy as np
import pytest
from psf_recordings import PIXEL_UM, recorded

from livesr.calibration.found import BeadStack, Calibration
from livesr.calibration.measure import calibrate
from livesr.calibration.product import profile_of
from livesr.calibration.profile import Profile, ValidFor
from livesr.calibration.report import write_report
from livesr.calibration.report.residuals import running_median
from livesr.calibration.report.verdict import limits_nm, verdict
from livesr.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = ("overlay", "displacement", "error", "residuals", "histogram", "ladder")


def profile(found: Calibration, name: str = "rig-a") -> Profile:
    return profile_of(
        found,
        name=name,
        valid_for=ValidFor(
            microscope="Ti-E <1>", pixel_um=PIXEL_UM, field_um=found.field_um, layout="splitter"
        ),
        made=date(2026, 11, 20),
        command="livesr calibrate beads.tif",
        simulated=False,
        diameter_um=0.1,
    )


@pytest.fixture(scope="module")
def stacks() -> list[BeadStack]:
    first, optics = recorded(60_441, count=70)
    return [first, recorded(60_442, optics=optics, count=70)[0]]


@pytest.fixture(scope="module")
def found(stacks: list[BeadStack]) -> Calibration:
    return calibrate(stacks[:1], held_out=stacks[1:])


def text_of(page: Path) -> str:
    """Return the words of a page."""
    plain = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page.read_text("utf-8"), flags=re.S)
    return " ".join(unescape(plain).split())


def test_the_report_is_whole(found: Calibration, tmp_path: Path) -> None:
    page = write_report(found, profile(found), tmp_path / "new" / "report")
    raw = page.read_text("utf-8")
    assert page == tmp_path / "new" / "report" / "index.html"
    assert {file.name for file in page.parent.iterdir()} == {
        "index.html", *(f"red-{picture}.png" for picture in PICTURES)
    }  # fmt: skip
    assert raw.count("data:image/png;base64,") == len(PICTURES)
    assert not re.search(r'(src|href)="(?!data:)', raw)
    assert "Ti-E <1>" not in raw
    said = text_of(page)
    for part in ("Ti-E <1>", "splitter", "livesr calibrate beads.tif", "beads-60441", "2026-11-20"):
        assert part in said


def test_the_numbers_are_the_measurement_s(found: Calibration, tmp_path: Path) -> None:
    channel = found.channels["red"]
    said = text_of(write_report(found, profile(found), tmp_path))
    for pair in (channel.fit.fre_nm, channel.fit.tre_nm, channel.heldout_rms_nm):
        assert pair is not None
        for value in pair:
            assert f" {value:.1f} " in said
    assert channel.heldout_nm is not None
    most = np.hypot(channel.heldout_nm[:, 1], channel.heldout_nm[:, 2]).max()
    assert f" {most:.1f} " in said
    for step in channel.fit.ladder["lateral"]:
        assert step.name in said
    assert "too few beads" in said


def test_a_good_calibration_is_called_good(found: Calibration) -> None:
    one = verdict(found, profile(found), "red")
    assert one.grade == "good"
    assert "another recording" in one.text
    assert one.error_nm == found.channels["red"].heldout_rms_nm


def spoilt(found: Calibration, factor: float) -> Calibration:
    """Return the calibration with errors of beads left out that are so many times larger."""
    channel = found.channels["red"]
    fit = replace(channel.fit, left_out_nm=factor * channel.fit.left_out_nm)
    return replace(found, channels={"red": replace(channel, fit=fit, heldout_nm=None)})


@pytest.mark.parametrize(("pixels", "grade"), [(0.1, "good"), (0.25, "fair"), (0.5, "honest")])
def test_the_grade_follows_a_third_of_a_pixel(
    found: Calibration, pixels: float, grade: str
) -> None:
    factor = pixels * 1e3 * PIXEL_UM / found.channels["red"].fit.tre_nm[0]
    one = verdict(spoilt(found, factor), profile(found), "red")
    assert one.grade == grade
    assert ("not good enough" in one.text) == (grade == "honest")


def test_along_z_the_same_share_of_the_image_is_allowed(found: Calibration) -> None:
    spread = profile(found).psf["red"]
    lateral, axial = limits_nm(66.0, spread)
    assert lateral == pytest.approx(22.0)
    assert axial / spread.axial_um == pytest.approx(lateral / spread.lateral_um)
    assert limits_nm(66.0, None)[1] > lateral


def test_warnings_stand_on_top(found: Calibration, tmp_path: Path) -> None:
    warned = replace(found, warnings=("red: <half> of the field",))
    raw = write_report(warned, profile(found), tmp_path).read_text("utf-8")
    place = raw.index("Warning: red: &lt;half&gt; of the field")
    assert place < raw.index("<table")


def test_a_simulated_one_says_so(found: Calibration, tmp_path: Path) -> None:
    simulated = profile(found).model_copy(update={"simulated": True})
    assert "simulated microscope" in text_of(write_report(found, simulated, tmp_path))
    assert "simulated microscope" not in text_of(write_report(found, profile(found), tmp_path))


def test_what_moved_is_told(found: Calibration, tmp_path: Path) -> None:
    old = profile(found, "last-week")
    z, y, x = old.channels["red"].affine
    drifted = old.channels["red"].model_copy(
        update={"affine": ((*z[:3], z[3] - 0.05), (*y[:3], y[3] + 0.03), x)}
    )
    old = old.model_copy(update={"channels": {"red": drifted}})
    said = text_of(write_report(found, profile(found), tmp_path, compared=old))
    assert "What moved since last-week (2026-11-20)" in said
    assert "red +50.0 -30.0 +0.0" in said.replace("-0.0 ", "+0.0 ")


def test_three_channels_few_beads_in_depth(tmp_path: Path) -> None:
    stack, _ = recorded(60_443, count=14, depth_um=2.0, channels=("yellow", "red", "green"))
    found = calibrate([stack])
    page = write_report(found, profile(found), tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert {"red-error.png", "green-error.png"} <= names
    assert "Warning: green:" in text_of(page)


def test_names_of_channels_do_not_leave_the_folder(found: Calibration, tmp_path: Path) -> None:
    odd = "../far red"
    renamed = Calibration(
        "yellow",
        {odd: found.channels["red"]},
        {"yellow": found.beads["yellow"], odd: found.beads["red"]},
        tuple(replace(stack, channels=("yellow", odd)) for stack in found.stacks),
    )
    write_report(renamed, profile(renamed), tmp_path / "report")
    assert [one.name for one in tmp_path.iterdir()] == ["report"]


def test_a_folder_that_is_a_file_is_an_error_to_mend(found: Calibration, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        write_report(found, profile(found), tmp_path / "report")


def test_running_medians_leave_thin_bins_out() -> None:
    place = np.concatenate([np.linspace(0, 4, 50), [9.0]])
    middles, medians = running_median(place, 2.0 * place)
    assert middles.max() < 5.0
    assert medians == pytest.approx(2.0 * middles, abs=0.1)
