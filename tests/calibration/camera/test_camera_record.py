"""A stored camera correction comes back whole, fits what it was made for, and is no way in."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from uneven import uneven_maps

from livesr.calibration.camera.applied import check_camera, correction_of
from livesr.calibration.camera.correction import Correction
from livesr.calibration.camera.found import CameraMaps
from livesr.calibration.camera.record import camera_file, load_camera, load_maps, save_camera
from livesr.calibration.profile import list_profiles
from livesr.config.layouts import (
    PresetChannel,
    Rectangle,
    SequentialLayout,
    SplitterLayout,
    side_by_side,
)
from livesr.errors import CalibrationError, StorageError
from livesr.types import RecordingInfo

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.calibration.camera.record import CameraProfile

SIDE = 24
LAYOUT = side_by_side(SIDE, SIDE)
IN_TURN = SequentialLayout(
    kind="sequential",
    channels=tuple(PresetChannel(name=name, config=name) for name in ("yellow", "red")),
)


def maps() -> CameraMaps:
    offset, response, hot, _ = uneven_maps((1, SIDE, 2 * SIDE))
    flat = uneven_maps((2, SIDE, SIDE))[3]
    return CameraMaps(offset, response, np.ones_like(offset), hot, flat)


def content(**changes: Any) -> dict[str, Any]:
    level = {"frames": 20, "counts": [50.0, 40.0], "drift": 0.0, "flicker": 0.0}
    made_for = {
        "microscope": "stand", "camera": "P95B-123", "objective": "100x", "layout": "splitter",
        "sensor": [1, SIDE, 2 * SIDE], "exposure_ms": [12.5, 200.0], "binning": "1",
        "roi": [0, 0, 2 * SIDE, SIDE],
    }  # fmt: skip
    return {
        "name": "mine",
        "measured": date(2026, 11, 1),
        "simulated": False,
        "made_for": {**made_for, **changes},
        "channels": [
            {"name": part.name, "image": 0, "rectangle": part.model_dump()}
            for part in LAYOUT.channels
        ],
        "darks": 200,
        "levels": [{**level, "gain_deviation": 0.001}],
        "found": {
            "offset": [104.0], "gain_e_per_adu": [1.2], "read_noise_e": [1.6], "hot_pixels": 3,
            "offset_error": 0.1, "response_error": 0.001, "response_spread": 0.005,
        },
        "by": "livesr calibrate",
        "source": "darks and flats",
        "software": "livesr",
    }  # fmt: skip


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    save_camera(content(), maps(), tmp_path / "mine.camera.yaml")
    return tmp_path / "mine.camera.yaml"


def session(**changes: Any) -> RecordingInfo:
    info = RecordingInfo(
        ("yellow", "red"), (2, 4, SIDE, SIDE), 1, 1, 0.0668, 0.3, 0.0, 100.0, "stand", "P95B-123",
        "100x", False,
        {"camera_properties": {"Binning": "1x1"}, "roi": [0, 0, 2 * SIDE, SIDE]},
    )  # fmt: skip
    return replace(info, **changes)


def test_it_comes_back_whole(stored: Path) -> None:
    profile = load_camera(stored)
    found, wanted = load_maps(profile, stored), maps()
    for name in ("offset", "response", "read_noise", "hot", "flat"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert profile.measured == date(2026, 11, 1)
    assert profile.age_days(date(2027, 2, 1)) == 92
    check_camera(profile, session(), LAYOUT, [50.0])


def test_each_channel_gets_its_part_of_the_sensor(stored: Path) -> None:
    profile = load_camera(stored)
    found = correction_of(profile, load_maps(profile, stored), session().channels, LAYOUT)
    one = maps()
    split = [
        np.stack([of[0, :, :SIDE], of[0, :, SIDE:][:, ::-1]])
        for of in (one.offset, one.response, one.hot)
    ]
    wanted = Correction.of(*split, one.flat)
    np.testing.assert_array_equal(found.factor, wanted.factor)
    np.testing.assert_array_equal(found.term, wanted.term)
    for a, b in zip(found.hot, wanted.hot, strict=True):
        np.testing.assert_array_equal(a.at, b.at)
        np.testing.assert_array_equal(a.around, b.around)


def test_only_the_sessions_channels_in_its_order(stored: Path) -> None:
    profile = load_camera(stored)
    both = correction_of(profile, load_maps(profile, stored), session().channels, LAYOUT)
    one = session(channels=("red",), shape=(1, 4, SIDE, SIDE))
    layout = SplitterLayout(kind="splitter", channels=LAYOUT.channels[1:])
    check_camera(profile, one, layout)
    red = correction_of(profile, load_maps(profile, stored), one.channels, layout)
    np.testing.assert_array_equal(red.factor[0], both.factor[1])


def test_a_rectangle_that_moved_little_takes_the_sensors_own_pixels(stored: Path) -> None:
    profile = load_camera(stored)
    yellow, red = LAYOUT.channels
    moved = yellow.model_copy(update={"x": 3})
    layout = SplitterLayout(kind="splitter", channels=(moved, red))
    check_camera(profile, session(), layout)
    found = correction_of(profile, load_maps(profile, stored), session().channels, layout)
    one = maps()
    np.testing.assert_allclose(
        found.factor[0], 1 / (one.response[0, :, 3 : 3 + SIDE] * one.flat[0]), rtol=1e-6
    )


def moved_layout(**changes: Any) -> SplitterLayout:
    yellow, red = LAYOUT.channels
    return SplitterLayout(kind="splitter", channels=(yellow.model_copy(update=changes), red))


@pytest.mark.parametrize(
    ("changes", "layout", "exposure", "said"),
    [
        ({"camera": "P95B-999"}, LAYOUT, 50.0, "for the camera 'P95B-123', the session has 'P95B"),
        ({"camera": ""}, LAYOUT, 50.0, "the session does not say which it has"),
        ({"objective": "60x"}, LAYOUT, 50.0, "for the objective '100x'"),
        ({}, LAYOUT, 500.0, "exposures from 12.5 to 200 ms, the session's is 500 ms"),
        ({"extra": {"camera_properties": {"Binning": "2"}}}, LAYOUT, 50.0, "binning 1"),
        ({"extra": {"roi": [8, 0, 48, 24]}}, LAYOUT, 50.0, "region of interest 0, 0, 48, 24"),
        ({"shape": (2, 4, 12, SIDE)}, LAYOUT, 50.0, "24×24 pixels (y, x), the session's 12×24"),
        ({"channels": ("yellow", "rde")}, LAYOUT, 50.0, "no channel 'rde' (did you mean red?)"),
        ({}, moved_layout(x=12), 50.0, "more than 8 pixels away"),
        ({}, moved_layout(flip="vertical"), 50.0, "flipped or turned otherwise"),
        ({}, moved_layout(y=5), 50.0, "does not lie on the sensor of 24×48"),
        ({}, IN_TURN, 50.0, "for the layout 'splitter', the session has 'sequential'"),
    ],
)  # fmt: skip
def test_other_sessions_are_refused(
    stored: Path, changes: dict[str, Any], layout: Any, exposure: float, said: str
) -> None:
    with pytest.raises(CalibrationError) as error:
        check_camera(load_camera(stored), session(**changes), layout, [exposure])
    assert said in error.value.what
    assert "camera_correction: none" in error.value.fix


def test_all_misfits_are_named_at_once(stored: Path) -> None:
    with pytest.raises(CalibrationError) as error:
        check_camera(load_camera(stored), session(camera="x", objective="y"), LAYOUT, [1.0])
    assert error.value.what.count("it is for") == 3


def test_a_simulated_camera_is_no_real_one(tmp_path: Path) -> None:
    path = tmp_path / "simulated.camera.yaml"
    save_camera({**content(), "simulated": True}, maps(), path)
    with pytest.raises(CalibrationError, match="made on the simulated microscope"):
        check_camera(load_camera(path), session(), LAYOUT)


def test_what_is_not_said_is_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "bare.camera.yaml"
    silent = {"microscope": "", "camera": "", "objective": "", "binning": ""}
    save_camera(content(**silent, exposure_ms=None, roi=None), maps(), path)
    check_camera(load_camera(path), session(camera="any", extra={}), LAYOUT, [4000.0])


def test_writing_again_leaves_a_whole_pair(stored: Path) -> None:
    first = load_camera(stored)
    changed = maps()
    changed.offset[0, 0, 0] += 1
    save_camera(content(), changed, stored)
    second = load_camera(stored)
    assert second.arrays != first.arrays
    assert load_maps(second, stored).offset[0, 0, 0] == changed.offset[0, 0, 0]


def test_names_and_missing_files(stored: Path, tmp_path: Path) -> None:
    assert camera_file(stored) == stored
    with pytest.raises(CalibrationError, match="no camera correction 'mien'"):
        camera_file("mien")
    assert not any(name.endswith(".camera") for name in list_profiles())
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        save_camera(content(), maps(), tmp_path / "file" / "a.camera.yaml")


def damaged(path: Path, match: str) -> None:
    with pytest.raises(CalibrationError, match=match) as error:
        load_maps(load_camera(path), path)
    assert "calibrate the camera again" in error.value.fix


def put(path: Path, arrays: bytes) -> None:
    """Put other arrays into a correction, with the hash that they have."""
    profile: CameraProfile = load_camera(path)
    path.with_name(profile.arrays).write_bytes(arrays)
    said = yaml.safe_load(path.read_text("utf-8")) | {"sha256": sha256(arrays).hexdigest()}
    path.write_text(yaml.safe_dump(said), "utf-8")


def archive(**changes: Any) -> bytes:
    one = maps()
    names = ("offset", "response", "read_noise", "hot", "flat")
    buffer = BytesIO()
    np.savez(buffer, **({name: getattr(one, name) for name in names} | changes))
    return buffer.getvalue()


def test_arrays_that_are_not_its_own_are_refused(stored: Path) -> None:
    arrays = stored.with_name(load_camera(stored).arrays)
    whole = arrays.read_bytes()
    arrays.write_bytes(whole[:-100])
    damaged(stored, "sha256")
    arrays.write_bytes(bytes(len(whole) + 2**17))
    damaged(stored, "larger than the")
    arrays.unlink()
    damaged(stored, "cannot be read")


def test_hostile_arrays_are_refused(stored: Path) -> None:
    one = maps()
    endless = np.full_like(one.offset, np.nan)
    for arrays, match in (
        (b"no archive", "not a zip file"),
        (archive(offset=np.array([print, None], dtype=object)), "is object"),
        (archive(offset=one.offset[:, 1:]), "not float32"),
        (archive(offset=one.offset.astype(">f4")), "not float32"),
        (archive(offset=endless), "values that no camera has"),
        (archive(response=-one.response), "values that no camera has"),
        (archive(flat=0 * one.flat), "values that no camera has"),
    ):
        put(stored, arrays)
        damaged(stored, match)


def test_a_head_that_promises_more_than_there_is(stored: Path) -> None:
    """It is refused by its shape, before room is made."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        head = BytesIO()
        large = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
        np.lib.format.write_array_header_1_0(head, large)
        made.writestr("offset.npy", head.getvalue())
    put(stored, buffer.getvalue())
    damaged(stored, "1000000, 1000000")


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("arrays", "../../etc/x.npz", "arrays"),
        ("kind", "chromatic", "kind"),
        ("sha256", "00", "sha256"),
        ("channels", [], "channels"),
        ("levels", "many", "levels"),
    ],
)
def test_damaged_files_say_where(stored: Path, key: str, value: object, match: str) -> None:
    said = yaml.safe_load(stored.read_text("utf-8")) | {key: value}
    stored.write_text(yaml.safe_dump(said), "utf-8")
    with pytest.raises(CalibrationError, match=match) as error:
        load_camera(stored)
    assert error.value.where == str(stored)


def test_a_channel_beside_the_sensor_is_none(tmp_path: Path) -> None:
    said = content()
    far = Rectangle(name="red", x=2 * SIDE, y=0, width=SIDE, height=SIDE)
    said["channels"][1]["rectangle"] = far.model_dump()
    with pytest.raises(ValueError, match="red does not lie on the sensor"):
        save_camera(said, maps(), tmp_path / "a.camera.yaml")
