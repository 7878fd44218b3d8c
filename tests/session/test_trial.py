from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.config import plain_session, session_from
from livesr.errors import ConfigError, StorageError
from livesr.session import make_plan, run_session
from livesr.session.demo import demo_session
from livesr.session.promise import Tried, duration, promise_of, recording_s
from livesr.session.settings import session_for, with_settings, write_session, z_range
from livesr.session.stand import Stand
from livesr.session.summary import summary_of
from livesr.session.trial import light_left
from livesr.storage.folder import PLANES_FILE
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.config import Session
    from livesr.errors import LivesrError

FIELD, PLANES, TIMEPOINTS = 96, 8, 4


def session(*, masks: bool = True, **changes: object) -> Session:
    data = plain_session(
        demo_session(timepoints=TIMEPOINTS, field=FIELD, planes=PLANES, seed=60_303)
    )
    data["microscope"]["properties"]["Clock"]["Speedup"] = 200
    data["microscope"]["properties"]["Laser"] = {"Power": 0.5}
    data["segmentation"]["enabled"] = masks
    data["calibration_follow"] = False
    return session_from({**data, **changes}, where="test")


def test_what_one_stack_promises_the_session_keeps(tmp_path: Path) -> None:
    with Stand(session()) as stand:
        stand.warm_up()
        shots = stand.look(2)
        assert set(stand.channels(shots[-1])) == {"yellow", "red"}
        trial = stand.try_one(tmp_path / "try")
        again = stand.try_one(tmp_path / "again")  # by the same process
        lit = stand.camera.ask(lambda core: core.getShutterOpen(), stops=False)
        assert not lit
    assert trial.engine
    assert trial.tried.segment_s is not None
    assert again.tried.light_ms == trial.tried.light_ms
    assert trial.promise.live_factor is not None
    reader = open_session(trial.folder)
    assert set(reader.images[0].structures) == set(trial.volumes_um3)

    folder = tmp_path / "session"
    result = run_session(make_plan(session()), folder)
    assert len(result.outcome.stored) == TIMEPOINTS
    rows = read_table(folder / PLANES_FILE)
    took_s = max(row["time_s"] + row["exposure_ms"] / 1000 for row in rows)
    dose = max(json.loads(row["device"])["dose_ms"] for row in rows)
    disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    promise = trial.promise
    assert promise.stacks == TIMEPOINTS
    assert promise.frames == len(rows)
    assert promise.recording_s == pytest.approx(took_s, rel=0.02)
    assert promise.light_ms == pytest.approx(dose, rel=0.01)
    assert promise.disk_bytes == pytest.approx(disk, rel=0.05)
    # the same masks as the session's first stack would have, had it begun where the try did
    first = open_session(folder).images[0]
    assert first.mask("nucleus", 0).shape == reader.images[0].mask("nucleus", 0).shape


def test_without_masks_the_rest_is_promised_all_the_same(tmp_path: Path) -> None:
    with Stand(session(masks=False)) as stand:
        stand.warm_up()
        assert stand.warm is None
        trial = stand.try_one(tmp_path / "try")
    assert trial.promise.live_factor is None
    assert trial.depth is None
    assert trial.promise.measured
    assert 0 < (trial.tried.bleached or 0) < 0.2


def test_settings_that_do_not_fit_are_refused_and_the_preview_goes_on(tmp_path: Path) -> None:
    wide = {
        "kind": "splitter",
        "channels": [
            {"name": "yellow", "x": 0, "y": 0, "width": 999, "height": 96},
            {"name": "red", "x": 0, "y": 0, "width": 999, "height": 96},
        ],
    }
    with Stand(session(masks=False, layout=wide)) as stand:
        shots = stand.look(1)
        assert stand.channels(shots[0]) == {}
        with pytest.raises(ConfigError, match="pixels wide"):
            stand.try_one(tmp_path / "try")
        assert stand.look(1)


def test_the_focus_keeps_the_limits_and_the_preview_goes_on() -> None:
    with Stand(session(masks=False, limits={"z_um": [0, 5]})) as stand:
        refused: list[LivesrError] = []
        stand.move_z(9, refused=refused.append)
        stand.move_z(2, refused=refused.append)
        shots = stand.look(1)
        assert [round(shot.position_um[2], 3) for shot in shots] == [2.0]
        assert ["outside the session's limits" in error.what for error in refused] == [True]
        stand.go_to_z(4, where="test")
        with pytest.raises(ConfigError, match="nothing was moved"):
            stand.go_to_z(6, where="test")
        assert stand.look(1)[0].position_um[2] == pytest.approx(4.0), "not a shot of before"


def test_the_plan_alone_says_time_frames_and_light() -> None:
    plan = make_plan(session(masks=False))
    try:
        promise = promise_of(plan)
        assert (promise.stacks, promise.frames) == (TIMEPOINTS, TIMEPOINTS * PLANES)
        assert promise.recording_s == pytest.approx(30 * (TIMEPOINTS - 1) + PLANES * 0.05)
        assert promise.light_ms == pytest.approx(TIMEPOINTS * PLANES * 50)
        assert promise.disk_bytes == plan.disk_bytes()
        assert not promise.measured
        assert summary_of(plan)["promise"] == promise.as_dict()
        assert recording_s(plan, 40.0) == 160.0  # slower than the interval: one after the other
        tried = Tried(1.0, 100.0, 1000, 500, segment_s=60.0, bleached=0.5)
        slow = promise_of(plan, tried)
        assert slow.live_factor == pytest.approx(60.0 / (slow.recording_s / TIMEPOINTS))
        assert slow.disk_bytes == 1000 + TIMEPOINTS * 500
        assert slow.bright_at_end == pytest.approx(0.5**TIMEPOINTS)
        assert slow.masks_after_s is not None
        assert slow.masks_after_s > 60
        assert any("does not keep up" in line for line in slow.lines())
    finally:
        plan.source.close()


def test_light_that_is_left_is_measured_whatever_the_noise() -> None:
    rng = np.random.default_rng(0)
    photons = np.full((200, 200), 5.0)
    photons[50:150, 50:150] = 60.0
    before = (100 + rng.poisson(photons)).astype(np.uint16)
    after = [(100 + rng.poisson(0.9 * photons)).astype(np.uint16) for _ in range(2)]
    assert light_left(before, after) == pytest.approx(0.9, abs=0.02)
    same = [(100 + rng.poisson(photons)).astype(np.uint16) for _ in range(2)]
    assert light_left(before, same) == pytest.approx(1.0, abs=0.01)
    dark = np.full((200, 200), 100, np.uint16)
    assert light_left(dark, [dark]) is None


def test_what_was_set_while_looking_stands_in_the_session_file(tmp_path: Path) -> None:
    first = session_for("simulated", ["microscope.properties.Camera.FieldWidth=200"])
    assert first.layout.channels[1].x == 200
    three = session_for("simulated", ["microscope.properties.Camera.Channels=3"])
    assert [one.name for one in three.layout.channels] == ["yellow", "red", "green"]
    assert z_range(first) == pytest.approx((0.0, 6.9))
    changed = with_settings(
        first, exposure_ms=31.25, z_um=(1.0, 4.05), power=("Laser", "Power", 0.64)
    )
    assert changed.sequence.setup is not None
    assert changed.sequence.setup.exposure == 31.25
    assert z_range(changed) == pytest.approx((1.0, 4.0), abs=0.15)
    assert changed.microscope.properties["Laser"]["Power"] == 0.64
    file = tmp_path / "night.yaml"
    write_session(changed, file)
    assert session_for(str(file)) == changed
    with pytest.raises(StorageError, match="of this name already"):
        write_session(changed, file)
    with pytest.raises(ConfigError, match="no such layout preset"):
        session_for("simulated", layout="wide")


def test_a_recording_has_no_camera_to_look_through(tmp_path: Path) -> None:
    file = tmp_path / "played.yaml"
    file.write_text("recording: {paths: [a.tif]}\ncalibration: none\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="recording"):
        session_for(str(file))


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.0, "3.0 s"), (600.0, "10.0 min"), (9000.0, "2 h 30 min")]
)
def test_times_are_told_as_people_read_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words
