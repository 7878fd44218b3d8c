"""A session is told where its calibration is a guess."""

from __future__ import annotations

import pytest

from livesr.calibration.applicability import applicability, remarks
from livesr.calibration.profile import Profile, load_profile
from livesr.types import RecordingInfo


def info(pixels: int = 1200, planes: int = 24) -> RecordingInfo:
    return RecordingInfo(
        channels=("yellow", "red"), shape=(2, planes, pixels, pixels), timepoints=1, positions=1,
        pixel_um=0.0668, z_step_um=0.3, interval_s=0, camera_offset=100, microscope="", camera="",
        objective="", simulated=True,
    )  # fmt: skip


@pytest.fixture
def profile() -> Profile:
    return load_profile("simulated")


def test_a_covered_field(profile: Profile) -> None:
    found = applicability(profile, info())
    assert list(found) == ["red"]
    assert found["red"].outside_hull < 0.05
    assert found["red"].deeper  # beads lay on the cover slip
    assert found["red"].as_dict()["stack_depth_um"] == pytest.approx(6.9)
    assert list(remarks(found)) == []


def test_outside_the_hull(profile: Profile) -> None:
    square = ((-15.0, -15.0), (-15.0, 15.0), (15.0, 15.0), (15.0, -15.0))
    part = profile.measured["red"].model_copy(update={"hull_um": square})
    narrow = profile.model_copy(update={"measured": {"red": part}})
    found = applicability(narrow, info())
    assert found["red"].outside_hull == pytest.approx(1 - (30 / 80.16) ** 2, abs=0.02)
    assert "outside the beads" in next(remarks(found))
    assert applicability(narrow, info(400))["red"].outside_hull == 0


def test_one_that_is_known_instead_of_measured(profile: Profile) -> None:
    known = profile.model_copy(update={"measured": {}})
    assert applicability(known, info()) == {}
