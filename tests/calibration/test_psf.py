"""Point-spread functions measured on simulated beads: widths, shape, focus, warnings, errors."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from psf_recordings import BACKGROUND, SIDE, recorded, rescaled

from livesr.calibration.psf.checks import warnings_of
from livesr.calibration.psf.field import fit_field
from livesr.calibration.psf.measure import Psf, measure_psf
from livesr.calibration.psf.tables import bead_table, numbers
from livesr.calibration.psf.theory import expected_widths
from livesr.calibration.report import write_psf_report
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.calibration.found import BeadStack
    from livesr.simulator.imaging.optics import Optics

RNG = np.random.default_rng(60_420)


@pytest.fixture(scope="module")
def beads() -> tuple[BeadStack, Optics]:
    return recorded(60_421)


@pytest.fixture(scope="module")
def measured(beads: tuple[BeadStack, Optics]) -> Psf:
    return measure_psf([beads[0]])


def close(psf: Psf, optics: Optics, share: float) -> None:
    for number, channel in enumerate(psf.channels.values()):
        assert channel.lateral.value == pytest.approx(optics.lateral_fwhm_um[number], rel=share)
        assert channel.axial.value == pytest.approx(optics.axial_fwhm_um[number], rel=share)


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (60_422, {}),
        (60_423, {"photons": (400.0, 1000.0)}),
        (60_424, {"diameter_um": 0.2}),
        (60_425, {"depth_um": 3.0, "channels": ("yellow", "red", "green")}),
    ],
)
def test_widths_are_within_three_per_cent(seed: int, options: dict[str, object]) -> None:
    stack, optics = recorded(seed, **options)  # type: ignore[arg-type]
    diameter = options.get("diameter_um", 0.1)
    assert isinstance(diameter, float)
    close(measure_psf([stack], diameter), optics, 0.03)


def test_errors_tell_how_far_the_median_is_off(
    beads: tuple[BeadStack, Optics], measured: Psf
) -> None:
    _, optics = beads
    for number, channel in enumerate(measured.channels.values()):
        for one, truth in (
            (channel.lateral, optics.lateral_fwhm_um[number]),
            (channel.axial, optics.axial_fwhm_um[number]),
        ):
            # the pedestal under each image adds to the noise
            assert abs(one.value - truth) < 4 * one.error + 0.005 * truth
            assert 0 < one.error < 0.01 * truth


def test_a_bead_that_is_not_taken_off_widens(beads: tuple[BeadStack, Optics]) -> None:
    stack, _ = beads
    with_it, without = measure_psf([stack], 0.0), measure_psf([stack], 0.1)
    for name in stack.channels:
        wider = (
            with_it.channels[name].lateral.value ** 2 - without.channels[name].lateral.value ** 2
        )
        assert wider == pytest.approx(8 * np.log(2) * 0.1**2 / 20, rel=0.02)


def test_round_images_are_round(measured: Psf) -> None:
    for channel in measured.channels.values():
        assert channel.asymmetry < 1.02
        assert channel.flat


def test_a_stretched_image_is_asymmetric_along_its_axis() -> None:
    stack, _ = recorded(60_426, photons=(6000.0, 9000.0))
    # light smeared by two pixels along x, as by vibration
    x = stack.data.astype(np.float32)
    smeared = (np.roll(x, 1, 3) + x + np.roll(x, -1, 3)) / 3.0
    psf = measure_psf([replace(stack, data=np.rint(smeared).astype(np.uint16))])
    for channel in psf.channels.values():
        assert channel.asymmetry > 1.2
        assert abs(channel.angle) < 5.0
    assert any("astigmatism" in text for text in warnings_of(psf, {}))


def test_best_focus_follows_the_optics_bowl() -> None:
    stack, optics = recorded(60_427, photons=(6000.0, 9000.0))
    psf = measure_psf([stack])
    corner = psf.channels["yellow"].fields["focus"].radius_um
    expected = optics.chromatic.polynomial[0][3] * (corner / optics.chromatic.radius_um) ** 2
    assert psf.channels["red"].fields["focus"].bowl == pytest.approx(expected, abs=2e-3)
    assert psf.channels["yellow"].fields["focus"].bowl == pytest.approx(0.0, abs=2e-3)


def test_recordings_are_pooled(beads: tuple[BeadStack, Optics]) -> None:
    stack, optics = beads
    second, _ = recorded(60_428, optics=optics)
    psf = measure_psf([stack, second])
    channel = psf.channels["yellow"]
    assert len(channel) > 1.5 * len(measure_psf([stack]).channels["yellow"])
    assert set(channel.recording) == {0, 1}
    close(psf, optics, 0.03)


def test_a_surface_with_outliers_is_found() -> None:
    places = RNG.uniform(-20, 20, (200, 2))
    y, x = places.T
    values = 0.3 + 1e-3 * y - 2e-3 * x + 2e-5 * (y**2 + x**2) + RNG.normal(0, 1e-3, 200)
    values[:10] += 5.0
    found = fit_field(places, values, (40.0, 40.0))
    assert found.tilt == pytest.approx((1e-3, -2e-3), abs=1e-4)
    assert found.bowl == pytest.approx(2e-5 * 800, rel=0.1)
    assert found.scatter == pytest.approx(1e-3, rel=0.3)
    assert found.at(0.0, 0.0) == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize(("count", "degree"), [(3, 0), (14, 0), (15, 1), (29, 1), (30, 2)])
def test_a_surface_is_as_high_as_the_beads_support(count: int, degree: int) -> None:
    places = RNG.uniform(-20, 20, (count, 2))
    assert fit_field(places, np.ones(count), (40.0, 40.0)).degree == degree


@pytest.mark.parametrize(
    ("pixel", "step", "said"),
    [(2.0, 1.0, "times as long as wide"), (1.0, 0.4, "times as long as wide"),
     (1.0, 3.0, "times as long as wide"), (5.0, 5.0, "theory expects")],
)  # fmt: skip
def test_wrong_scales_are_warned_of(
    beads: tuple[BeadStack, Optics], pixel: float, step: float, said: str
) -> None:
    psf = measure_psf([rescaled(beads[0], pixel=pixel, step=step)])
    expected = {
        name: expected_widths(um, 1.49, 1.515, psf.grid.voxel_um[1])
        for name, um in (("yellow", 0.617), ("red", 0.685))
    }
    found = warnings_of(psf, expected)
    assert any(said in text and "--pixel" in text for text in found), found


def test_good_beads_raise_no_warning(measured: Psf) -> None:
    assert warnings_of(measured, {}) == []


def test_beads_in_depth_say_nothing_of_the_field() -> None:
    psf = measure_psf([recorded(60_429, depth_um=3.0)[0]])
    assert not psf.channels["yellow"].flat
    assert any("best focus" in text for text in warnings_of(psf, {}))


def test_saturated_beads_are_named() -> None:
    stack, _ = recorded(60_430, photons=(200_000.0, 900_000.0))
    try:
        said = " ".join(warnings_of(measure_psf([stack]), {}))
    except CalibrationError as error:
        said = error.what
    assert "saturated" in said


def test_no_beads_no_measurement() -> None:
    noise = RNG.poisson(BACKGROUND[0], (2, 13, SIDE, SIDE)).astype(np.uint16) + np.uint16(100)
    stack, _ = recorded(60_431, count=4)
    with pytest.raises(CalibrationError, match="usable beads") as caught:
        measure_psf([replace(stack, data=noise)])
    assert caught.value.fix


def test_one_plane_is_no_stack(beads: tuple[BeadStack, Optics]) -> None:
    stack, _ = beads
    with pytest.raises(CalibrationError, match="1 planes"):
        measure_psf([replace(stack, data=stack.data[:, :1])])


def test_beads_larger_than_their_image(beads: tuple[BeadStack, Optics]) -> None:
    with pytest.raises(CalibrationError, match="make most of the width") as caught:
        measure_psf([beads[0]], 1.0)
    assert caught.value.where == "--diameter"


def test_recordings_of_two_light_paths_are_refused(beads: tuple[BeadStack, Optics]) -> None:
    with pytest.raises(CalibrationError, match="other channels, pixels or planes"):
        measure_psf([beads[0], rescaled(beads[0], pixel=1.1)])


def test_numbers_and_table_are_whole(measured: Psf) -> None:
    told = json.loads(json.dumps(numbers(measured, {}, ["one"])))
    assert told["warnings"] == ["one"]
    for name, channel in measured.channels.items():
        assert told["channels"][name]["beads"] == len(channel)
        median = told["channels"][name]["lateral_fwhm_um"]["median"]
        assert median == pytest.approx(channel.lateral.value, abs=1e-5)
    rows = list(csv.DictReader(StringIO(bead_table(measured))))
    assert len(rows) == sum(map(len, measured.channels.values()))
    widths = [float(row["lateral_fwhm_um"]) for row in rows if row["channel"] == "red"]
    assert np.median(widths) == pytest.approx(measured.channels["red"].lateral.value, rel=1e-5)


def test_the_report_holds_its_figures(measured: Psf, tmp_path: Path) -> None:
    expected = {"yellow": expected_widths(0.617, 1.49, 1.515, 0.0668)}
    page = write_psf_report(measured, tmp_path / "psf", expected)
    text = page.read_text(encoding="utf-8")
    assert page.name == "index.html"
    assert text.count("data:image/png;base64,") == 6
    assert "http://" not in text
    assert "https://" not in text
    names = {file.name for file in page.parent.iterdir()}
    assert {"beads.csv", "psf.json", "yellow-field.png", "red-profiles.png"} <= names
    assert not [name for name in names if name.endswith(".draft")]
    assert "yellow, Live-SR" in text


def test_a_report_of_few_beads_is_written(tmp_path: Path) -> None:
    psf = measure_psf([recorded(60_432, count=8)[0]])
    page = write_psf_report(psf, tmp_path)
    assert "30 or more make maps" in page.read_text(encoding="utf-8")
