from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from livesr.calibration.profile import (
    ChannelTransform,
    Nanometres,
    Profile,
    Provenance,
    RegistrationError,
    ValidFor,
    list_profiles,
    load_profile,
    save_profile,
)
from livesr.calibration.warp import ChromaticModel
from livesr.errors import CalibrationError
from livesr.types import RecordingInfo

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(60_400)
MODEL = ChromaticModel(
    affine=((1.0, 0.0, 0.0, 0.12), (0.0, 1.001, 0.002, 0.3), (0.0, -0.002, 1.001, -0.1)),
    polynomial=tuple(tuple(RNG.normal(0, 0.1, 21).tolist()) for _ in range(3)),
    degree=5,
    radius_um=40.0,
)
PROFILE = Profile(
    name="rig-a",
    reference="yellow",
    channels={"red": ChannelTransform.of(MODEL)},
    valid_for=ValidFor(
        microscope="Ti-E",
        camera="Prime 95B",
        objective="100x/1.49",
        pixel_um=0.0668,
        field_um=(80.2, 80.2),
        layout="splitter",
    ),
    simulated=False,
    provenance=Provenance(
        made="2026-11-20", by="n. n.", source="beads.tif", beads=250, software="livesr"
    ),
    error=RegistrationError(
        fre_nm=Nanometres(xy=4.0, z=8.0), tre_nm=None, reason="no held-out beads"
    ),
)
INFO = RecordingInfo(
    channels=("yellow", "red"),
    shape=(2, 24, 1200, 1200),
    timepoints=1,
    positions=1,
    pixel_um=0.0668,
    z_step_um=0.3,
    interval_s=0.0,
    camera_offset=100.0,
    microscope="Ti-E",
    camera="prime 95b",
    objective="100x/1.49",
    simulated=False,
)


def test_a_profile_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "rig-a.yaml"
    save_profile(PROFILE, path)
    assert load_profile(path) == PROFILE
    assert load_profile(path).models() == {"red": MODEL}


def test_a_model_without_polynomial_survives() -> None:
    model = replace(MODEL, polynomial=(), degree=0, radius_um=1.0)
    assert ChannelTransform.of(model).model() == model


def test_names_are_found_and_the_nearest_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livesr.calibration.profile.data_folder", lambda _: tmp_path)
    save_profile(PROFILE, tmp_path / "rig-a.yaml")
    assert list_profiles() == ["rig-a"]
    assert load_profile("rig-a") == PROFILE
    with pytest.raises(CalibrationError) as caught:
        load_profile("rig-b")
    assert "rig-a" in caught.value.fix


def test_what_fits_passes() -> None:
    PROFILE.check(INFO, layout="splitter")
    PROFILE.check(replace(INFO, pixel_um=0.0672, shape=(2, 1, 1190, 800)))
    PROFILE.check(replace(INFO, channels=("yellow",), shape=(1, 24, 1200, 1200)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"microscope": "Ti-2"}, "microscope 'Ti-E', the session has 'Ti-2'"),
        ({"objective": ""}, "does not say which"),
        ({"camera": "Orca"}, "Orca"),
        ({"pixel_um": 0.11, "shape": (2, 24, 600, 600)}, "pixels of 0.0668 µm"),
        ({"shape": (2, 24, 1200, 2304)}, "along x, the field is 153.9 µm"),
        ({"channels": ("green", "red")}, "reference channel 'yellow' is not recorded"),
    ],
)
def test_each_misfit_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(CalibrationError, match=said) as caught:
        PROFILE.check(replace(INFO, **changes))  # type: ignore[arg-type]
    assert "calibration: none" in caught.value.fix
    assert caught.value.exit_code == 2


def test_only_the_bands_of_nile_red_must_be_known() -> None:
    three = replace(INFO, channels=("yellow", "red", "far-red"))
    PROFILE.check(three)
    PROFILE.check(replace(INFO, channels=("yellow", "far-red")))
    without = PROFILE.model_copy(update={"channels": {}})
    with pytest.raises(CalibrationError, match="no channel 'red'"):
        without.check(three)


def test_all_misfits_are_named_at_once() -> None:
    with pytest.raises(CalibrationError) as caught:
        PROFILE.check(replace(INFO, microscope="X", camera="Y", pixel_um=0.2), layout="cameras")
    for said in ("'X'", "'Y'", "0.2 µm", "along y", "along x", "'cameras'"):
        assert said in caught.value.what


def test_a_simulated_profile_is_for_the_simulated_microscope_only() -> None:
    simulated = PROFILE.model_copy(update={"simulated": True})
    with pytest.raises(CalibrationError, match="simulated"):
        simulated.check(INFO)
    simulated.check(replace(INFO, simulated=True, microscope="", camera="", objective=""))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("surprise", 1),
        ("format", 2),
        ("simulated", "perhaps"),
        ("reference", "red"),
        ("channels", {"red": {"affine": [[1, 0, 0, 0], [0, 1, 0, 0]]}}),
        ("channels", {"red": {"affine": [[1, 0, 0, float("nan")], [0, 1, 0, 0], [0, 0, 1, 0]]}}),
        (
            "channels",
            {"red": {"polynomial": {"degree": 2, "radius_um": 1, "coefficients": [[0], [0], [0]]}}},
        ),
        ("error", {"fre_nm": None, "tre_nm": None}),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "rig.yaml"
    save_profile(PROFILE, path)
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | {key: value}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CalibrationError, match=key) as caught:
        load_profile(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    "content", [b"name: [", b"\xff\xfe\x00", b"", b"!!python/object:os.system {}"]
)
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rig.yaml"
    path.write_bytes(content)
    with pytest.raises(CalibrationError):
        load_profile(path)


def test_the_calibrations_that_travel_with_livesr_are_whole() -> None:
    for name in list_profiles():
        assert load_profile(name).name == name
