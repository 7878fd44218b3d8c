"""A session that was killed goes on where it was: nothing twice, nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import useq
import yaml

from livesr.acquisition.plan import StackPlan
from livesr.cli.app import register, run
from livesr.config.layouts import SingleLayout
from livesr.session.past import Past, missed
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, read_journal
from livesr.storage.reader import open_session
from livesr.storage.spool import Spool
from livesr.storage.tables import read_table
from livesr.types import StackIndex

if TYPE_CHECKING:
    from pathlib import Path

TIMEPOINTS, PLANES, FIELD = 6, 5, 64
SLOW, FAST = 12, 2000


def write_session(folder: Path, speedup: int, **changes: Any) -> Path:
    """Write a session of a minute and a half, at a multiple of its speed."""
    half = {"y": 0, "width": FIELD, "height": FIELD}
    content = {
        "name": "night",
        "microscope": {
            "config": "simulated",
            "properties": {
                "Camera": {"Seed": 60_000, "FieldWidth": FIELD, "FieldHeight": FIELD},
                "Clock": {"Speedup": speedup},
            },
        },
        "layout": {
            "kind": "splitter",
            "channels": [
                {"name": "yellow", "x": 0, **half},
                {"name": "red", "x": FIELD, "flip": "horizontal", **half},
            ],
        },
        "sequence": {
            "axis_order": "tpcz",
            "setup": {"exposure": 50},
            "time_plan": {"interval": 15, "loops": TIMEPOINTS},
            "z_plan": {"bottom": 0.0, "top": 0.3 * (PLANES - 1), "step": 0.3},
        },
        "calibration": "simulated",
        "segmentation": {"enabled": False},
        **changes,
    }
    path = folder / "night.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict, str]:
    register(["run"])
    code = run(["run", *map(str, arguments), "--headless", "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def killed(session: Path, folder: Path, stacks: int) -> None:
    """Run a session in a process of its own and kill it once so many stacks are journalled."""
    command = [sys.executable, "-m", "livesr", "run", str(session), "--out", str(folder)]
    process = subprocess.Popen(
        [*command, "--headless"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while len(stored(folder)) < stacks:
            assert process.poll() is None, "the session ended before it was killed"
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()


def stored(folder: Path) -> list[tuple[int, int]]:
    path = folder / "journal.jsonl"
    lines = read_journal(path) if path.is_file() else []
    return [
        (line["index"]["image"], line["index"]["t"])
        for line in lines
        if line["event"] == Event.STACK_STORED
    ]


def raw(folder: Path, t: int) -> np.ndarray:
    image = open_session(folder).images[0]
    return np.stack([image.raw(t, c) for c in range(2)])


def test_killed_and_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = write_session(tmp_path, SLOW)
    killed(session, tmp_path / "cut", 2)
    before = stored(tmp_path / "cut")
    assert 2 <= len(before) < TIMEPOINTS
    kept = {t: raw(tmp_path / "cut", t) for _, t in before}
    code, said, err = call(
        capsys, tmp_path / "cut" / "session.yaml", "--resume",
        "--set", "metadata={who: me}",
    )  # fmt: skip
    assert code == 0, err
    assert said["stacks"] == said["planned"] == TIMEPOINTS
    assert said["frames_lost"] == 0
    after = stored(tmp_path / "cut")
    assert sorted(after) == [(0, t) for t in range(TIMEPOINTS)]
    assert after[: len(before)] == before

    for t, stack in kept.items():
        np.testing.assert_array_equal(raw(tmp_path / "cut", t), stack)
    assert all(raw(tmp_path / "cut", t).any() for t in range(TIMEPOINTS))
    rows = read_table(tmp_path / "cut" / "planes.parquet")
    places = [(row["t"], row["c"], row["z"]) for row in rows]
    assert len(places) == len(set(places)) == TIMEPOINTS * PLANES
    starts = {row["t"]: row["time_s"] for row in rows if row["z"] == 0}
    for t, start in starts.items():
        assert start == pytest.approx(15 * t, abs=2.0)
    assert not (tmp_path / "cut" / "spool").exists()


def test_a_finished_session_has_nothing_left_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = write_session(tmp_path, FAST)
    assert call(capsys, session, "--out", tmp_path / "s")[0] == 0
    before = raw(tmp_path / "s", 3)
    code, said, _ = call(capsys, tmp_path / "s", "--resume")
    assert code == 0
    assert said["stacks"] == TIMEPOINTS
    assert said["frames"] == 0
    np.testing.assert_array_equal(raw(tmp_path / "s", 3), before)
    assert len(read_table(tmp_path / "s" / "planes.parquet")) == TIMEPOINTS * PLANES


def test_what_the_spool_kept_is_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = {"structures": ["er"], "threads": 1}
    session = write_session(tmp_path, FAST, storage={"wait_for_room_min": 0}, segmentation=masks)
    write_raw = ImageWriter.write_raw

    def full(self: ImageWriter, t: int, data: np.ndarray) -> None:
        if t >= 2:
            raise OSError(28, "No space left on device")
        write_raw(self, t, data)

    from livesr.storage.disk import storage_error

    def failing(self: ImageWriter, t: int, data: np.ndarray) -> None:
        try:
            full(self, t, data)
        except OSError as error:
            raise storage_error("not stored", error, self.path) from error

    monkeypatch.setattr(ImageWriter, "write_raw", failing)
    code, said, _ = call(capsys, session, "--out", tmp_path / "s")
    assert code == 5
    assert said["stacks"] == 2
    assert (tmp_path / "s" / "spool").is_dir()
    kept = Spool.attach(tmp_path / "s" / "spool")
    waiting = {kept.index(k).t: np.array(kept.view(k)) for k in range(4) if kept.index(k)}
    kept.close()
    assert 2 in waiting
    monkeypatch.undo()
    code, said, err = call(capsys, tmp_path / "s" / "session.yaml", "--resume")
    assert code == 0, err
    assert said["stacks"] == TIMEPOINTS
    rows = read_table(tmp_path / "s" / "planes.parquet")
    salvaged = {row["t"] for row in rows if "salvaged" in row["device"]}
    assert salvaged == set(waiting)
    for t, stack in waiting.items():
        np.testing.assert_array_equal(raw(tmp_path / "s", t), stack)
    assert len(rows) == TIMEPOINTS * PLANES
    assert said["structures"].keys() == {"er"}  # scored without those whose planes have no times
    lines = read_journal(tmp_path / "s" / "journal.jsonl")
    assert [line["event"] for line in lines].count(Event.SESSION_RESUMED) == 1


def test_stacks_without_masks_get_theirs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"structures": ["er"], "policy": "every"}
    session = write_session(tmp_path, SLOW, segmentation=asked)
    killed(session, tmp_path / "s", 2)
    code, said, err = call(capsys, tmp_path / "s" / "session.yaml", "--resume")
    assert code == 0, err
    assert said["segmented_live"] + said["segmented_later"] == TIMEPOINTS
    image = open_session(tmp_path / "s").images[0]
    assert image.segmented() == set(range(TIMEPOINTS))
    rows = read_table(tmp_path / "s" / "measurements.parquet")
    assert sorted(row["t"] for row in rows) == list(range(TIMEPOINTS))


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = write_session(tmp_path, FAST)
    assert call(capsys, session, "--out", tmp_path / "s")[0] == 0
    code, said, _ = call(capsys, session, "--out", tmp_path / "none", "--resume")
    assert (code, "no session.yaml" in said["what"]) == (5, True)
    longer = ("--set", "sequence.time_plan.loops=9")
    code, said, _ = call(capsys, tmp_path / "s", "--resume", *longer)
    assert (code, "another sequence" in said["what"]) == (2, True)
    from livesr.session.alone import only_one

    with only_one(tmp_path / "s"):
        command = [sys.executable, "-m", "livesr", "run", str(tmp_path / "s"), "--resume"]
        done = subprocess.run(
            [*command, "--headless"], capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 5
    assert "another process runs this session" in done.stderr


def test_what_was_missed_while_nobody_recorded() -> None:
    sequence = useq.MDASequence(time_plan={"interval": 30, "loops": 10})
    plan = StackPlan(sequence, SingleLayout(kind="single"))
    done = {StackIndex(0, t) for t in range(3)}
    absent = missed(plan, done, 200.0)  # t 6 was due at 180 s: it is taken at once
    assert absent == [StackIndex(0, t) for t in (3, 4, 5)]
    assert missed(plan, done, 50.0) == []
    once = StackPlan(useq.MDASequence(), SingleLayout(kind="single"))
    assert missed(once, (), 1e6) == []


def test_a_pause_before_the_kill_makes_nothing_missed() -> None:
    sequence = useq.MDASequence(time_plan={"interval": 30, "loops": 10})
    plan = StackPlan(sequence, SingleLayout(kind="single"))
    last = StackIndex(0, 2)  # due at 60 s, taken at 660 s: ten minutes of pause
    past = Past(stored=(last,), times_s={last: 660.0})
    assert past.late_s(plan) == pytest.approx(600.0)
    done = {StackIndex(0, t) for t in range(3)}
    assert missed(plan, done, 700.0 - past.late_s(plan)) == []
    assert Past().late_s(plan) == 0.0


def test_a_session_of_an_older_version_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys that its file does not have yet are as they are by default."""
    session = write_session(tmp_path, FAST)
    assert call(capsys, session, "--out", tmp_path / "s")[0] == 0
    path = tmp_path / "s" / "session.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    for newer in ("camera_correction", "limits", "focus", "validation"):
        del content[newer]
    del content["microscope"]["light"], content["faults"]["hang_after_s"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert call(capsys, tmp_path / "s", "--resume")[0] == 0
    content["microscope"]["properties"]["Camera"]["Seed"] = 60_001
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    code, said, _ = call(capsys, session, "--resume", "--out", tmp_path / "s")
    assert code == 2
    assert "begun with another microscope" in json.dumps(said)
