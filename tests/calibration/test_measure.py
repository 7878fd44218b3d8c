"""From recordings of beads to a stored calibration; and what is no calibration."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bead_recordings import optics_of, record

from livesr.calibration.compare import compare
from livesr.calibration.error_map import load_error_maps
from livesr.calibration.measure import calibrate
from livesr.calibration.product import profile_of, store
from livesr.calibration.profile import Profile, ValidFor, load_profile
from livesr.calibration.warp import ChromaticModel
from livesr.errors import CalibrationError
from livesr.types import Grid

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.calibration.found import BeadStack, Calibration

OPTICS = optics_of(60_000)


@pytest.fixture(scope="module")
def stack() -> BeadStack:
    return record(OPTICS, 60_000, gap_um=0.8, count=120)[0]


@pytest.fixture(scope="module")
def other() -> BeadStack:
    return record(OPTICS, 60_001, gap_um=0.8, count=120)[0]


@pytest.fixture(scope="module")
def found(stack: BeadStack, other: BeadStack) -> Calibration:
    return calibrate([stack], held_out=[other])


def profile(found: Calibration, name: str = "mine") -> Profile:
    return profile_of(
        found,
        name=name,
        valid_for=ValidFor(microscope="one", pixel_um=0.0668, field_um=found.field_um),
        made=date(2026, 11, 23),
        command="livesr calibrate beads",
        simulated=False,
        diameter_um=0.1,
    )


def truth_error(model: ChromaticModel, true: ChromaticModel) -> tuple[float, float]:
    y, x = np.random.default_rng(0).uniform(-9, 9, (2, 1000))
    off = np.stack(model.displacement(y, x, 1.4)) - np.stack(true.displacement(y, x, 1.4))
    return 1e3 * np.sqrt((off[1:] ** 2).sum(0).mean()), 1e3 * np.sqrt((off[0] ** 2).mean())


def test_beads_to_model(found: Calibration) -> None:
    channel = found.channels["red"]
    xy, z = truth_error(channel.fit.model, OPTICS.chromatic)
    assert xy < 2.0
    assert z < 4.0
    held = channel.heldout_rms_nm
    assert held is not None
    assert channel.fit.tre_nm == pytest.approx(held, rel=0.25)
    assert found.warnings == ()


def test_recordings_are_pooled(stack: BeadStack, other: BeadStack) -> None:
    both = calibrate([stack, other]).channels["red"]
    assert len(both.pairs) > 1.6 * len(both.matched[0].pairs)
    assert truth_error(both.fit.model, OPTICS.chromatic)[0] < 1.5


def test_stored_and_read_back(found: Calibration, tmp_path: Path) -> None:
    made = profile(found)
    fits = {name: channel.fit for name, channel in found.channels.items()}
    made = store(made, fits, tmp_path / "mine.yaml")
    assert load_profile(tmp_path / "mine.yaml") == made
    assert made.models()["red"] == found.channels["red"].fit.model
    assert made.error.tre_nm is not None
    assert made.measured["red"].heldout_nm is not None
    assert made.psf["yellow"].lateral_um == pytest.approx(OPTICS.lateral_fwhm_um[0], rel=0.03)
    maps = load_error_maps(tmp_path / made.error_map)
    middle = maps["red"].xy_nm[20, 20]
    assert 0 < middle < maps["red"].xy_nm[0, 0] < 50
    assert maps["red"].inside[20, 20]
    assert not maps["red"].inside[0, 0]


def test_damaged_error_map(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK not a zip")
    with pytest.raises(CalibrationError, match="cannot be read"):
        load_error_maps(tmp_path / "a.npz")


def test_what_moved(found: Calibration) -> None:
    old = profile(found, "old")
    model = found.channels["red"].fit.model
    turned = ChromaticModel(((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, -1e-4, 0.0), (0.0, 1e-4, 1.0, 0.0)))
    both = model.shifted(0.05, -0.02, 0.03)
    affine = np.array(both.affine)
    affine[:, 1:3] += np.array(turned.affine)[:, 1:3] - np.eye(3, 4)[:, 1:3]
    rows = tuple(tuple(map(float, row)) for row in affine)
    new = old.model_copy(
        update={"channels": {"red": type(old.channels["red"]).of(replace(both, affine=rows))}}
    )
    moved = compare(old, new)["red"]
    assert moved.shift_nm == pytest.approx((50, -20, 30), abs=0.1)
    assert moved.turn_mdeg == pytest.approx(np.degrees(1e-4) * 1e3, rel=0.01)
    assert moved.scale_ppm == pytest.approx(0, abs=0.1)
    assert "moved by -20 nm in y" in moved.words
    elsewhere = old.model_copy(
        update={"valid_for": old.valid_for.model_copy(update={"microscope": "another"})}
    )
    with pytest.raises(CalibrationError, match="not of one light path: microscope: one and anothe"):
        compare(old, elsewhere)


def channels(stack: BeadStack, yellow: np.ndarray, red: np.ndarray) -> BeadStack:
    return replace(stack, data=np.stack([yellow, red]))


def test_a_channel_turned_by_some_degrees() -> None:
    c, s = np.cos(np.deg2rad(3)), np.sin(np.deg2rad(3))
    true = ChromaticModel(((1.0, 0.0, 0.0, 0.1), (0.0, c, -s, 0.2), (0.0, s, c, -0.1)))
    turned = record(optics_of(60_000, true), 60_002, gap_um=0.8)[0]
    model = calibrate([turned]).channels["red"].fit.model
    assert truth_error(model, true)[0] < 2.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda red: red[:, :, ::-1], "mirrored"),
        (lambda red: np.rot90(red, axes=(1, 2)), "turned by 90"),
    ],
)
def test_a_mirrored_or_turned_channel_is_named(stack: BeadStack, change, words: str) -> None:  # noqa: ANN001
    red = np.ascontiguousarray(change(stack.data[1]))
    with pytest.raises(CalibrationError, match=words):
        calibrate([channels(stack, stack.data[0], red)])


def test_other_beads_in_the_other_channel(stack: BeadStack, other: BeadStack) -> None:
    with pytest.raises(CalibrationError, match="does not show the same beads"):
        calibrate([channels(stack, stack.data[0], other.data[1])])


def test_no_beads(stack: BeadStack) -> None:
    dark = np.full_like(stack.data[1], 100)
    with pytest.raises(CalibrationError, match="channel red shows 0 usable beads"):
        calibrate([channels(stack, stack.data[0], dark)])


def test_few_beads_and_an_uncovered_field_are_warned_of() -> None:
    few = record(OPTICS, 60_003, count=30, gap_um=1.0)[0]
    dark = few.data.copy()
    dark[:, :, :, 160:] = 100
    warnings = calibrate([replace(few, data=dark)]).warnings
    assert any("60 or more" in text for text in warnings)
    assert any("of the field; outside" in text for text in warnings)


def test_wrong_scales_are_doubted(stack: BeadStack) -> None:
    grid = Grid(stack.grid.shape, (0.6, 0.02, 0.02))
    warnings = calibrate([replace(stack, grid=grid)]).warnings
    assert any("are the pixel and the step of the planes right" in text for text in warnings)


def test_held_out_beads_of_other_optics_are_warned_of(stack: BeadStack) -> None:
    elsewhere = record(optics_of(60_009), 60_005, gap_um=0.8, count=120)[0]
    warnings = calibrate([stack], held_out=[elsewhere]).warnings
    assert any("held-out" in text for text in warnings)


def test_beads_that_moved_between_the_channels(stack: BeadStack) -> None:
    moved = record(OPTICS, 60_004, count=100, gap_um=1.2)
    rng = np.random.default_rng(5)
    yellow, red = moved[0].data
    patches = red.copy()
    for y in range(0, 320, 40):
        for x in range(0, 320, 40):
            shift = rng.integers(-1, 2, 2)
            patches[:, y : y + 40, x : x + 40] = np.roll(red, shift, (1, 2))[
                :, y : y + 40, x : x + 40
            ]
    warnings = calibrate([channels(moved[0], yellow, patches)]).warnings
    assert any("scatter by" in text or "do not fit" in text for text in warnings)


def test_recordings_of_unlike_light_paths(stack: BeadStack) -> None:
    other = replace(stack, grid=Grid(stack.grid.shape, (0.2, 0.1, 0.1)), source="second")
    with pytest.raises(CalibrationError, match=r"second has voxels .* 0\.1, 0\.1"):
        calibrate([stack, other])
    with pytest.raises(CalibrationError, match="one channel"):
        calibrate([replace(stack, data=stack.data[:1], channels=("yellow",))])
    with pytest.raises(CalibrationError, match="no channel 'green'"):
        calibrate([stack], reference="green")
