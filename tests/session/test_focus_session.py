"""Positions, sample and a drifting focus, through whole sessions on the simulated microscope."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from livesr.bench.focus import focus_session
from livesr.cli.app import register, run
from livesr.config import plain_session, read_session, session_from
from livesr.session import make_plan, run_session
from livesr.simulator.microscope.focus import FocusDrift
from livesr.storage.folder import PLANES_FILE
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table
from livesr.viewer.planes import scene_of

if TYPE_CHECKING:
    from pathlib import Path

STILL = FocusDrift(rate_nm_min=150.0)


def stored(folder: Path) -> list[dict[str, Any]]:
    return [e for e in open_session(folder).journal() if e["event"] == "stack_stored"]


def test_drift_of_the_stand_is_followed_and_every_stack_says_so(tmp_path: Path) -> None:
    base = focus_session(STILL, 5, 96, 60.0, None, 60_003)
    data = plain_session(base)
    small = {"PixelSizeUm": 0.25, "SampleSizeUm": 25, "Motion": 0}
    data["microscope"]["properties"]["Camera"] |= small
    data["sequence"]["z_plan"] = {"bottom": 0.0, "top": 3.9, "step": 0.3}
    result = run_session(make_plan(session_from(data)), tmp_path / "session")
    assert result.error is None
    entries = stored(tmp_path / "session")
    applied = np.array([e["focus"]["applied_um"] for e in entries])
    drift = np.array([STILL.at(e["time_s"]) for e in entries])
    assert drift[-1] > 0.5
    assert np.abs(drift + applied)[2:].max() < 0.1
    rows = read_table(tmp_path / "session" / PLANES_FILE)
    for row in rows:
        assert row["focus_um"] == pytest.approx(applied[row["t"]], abs=1e-3)
        assert row["z_um"] == pytest.approx(0.3 * row["z"] + row["focus_um"], abs=1e-3)


def test_a_resumed_session_goes_on_from_the_drift_that_it_knew(tmp_path: Path) -> None:
    from livesr.session.past import read_past

    folder = tmp_path / "session"
    folder.mkdir()
    line = {"event": "stack_stored", "time": "2026-01-31T09:00:00.000+00:00"}
    lines = [
        {**line, "index": {"image": 0, "t": t}, "time_s": 60.0 * t, "focus": {"drift_um": -0.5 * t}}
        for t in range(3)
    ]
    lines.append({**line, "index": {"image": 0, "t": 3}, "time_s": 180.0})
    (folder / "journal.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert read_past(folder, ("yellow", "red")).drift_um == -1.0


def test_positions_and_sample_stand_in_images_and_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("name,x,y,z\nfar,30,0,0\nnear,1,0,0\nmiddle,15,0,0\n")
    path = tmp_path / "session.yaml"
    path.write_text(
        "# kept\nname: '{sample}_{well}_{counter}'\nsample: {sample: HeLa, well: 3}\n"
        "microscope:\n  config: simulated\n  properties:\n"
        "    Camera: {FieldWidth: 32, FieldHeight: 32, Seed: 60001}\n    Clock: {Speedup: 1e+6}\n"
        "layout: {kind: splitter, channels: [{name: yellow, x: 0, y: 0, width: 32, height: 32}, "
        "{name: red, x: 32, y: 0, width: 32, height: 32, flip: horizontal}]}\n"
        "sequence: {axis_order: tcz, setup: {exposure: 50}}\ncalibration: none\n"
        "segmentation: {enabled: false}\n"
    )
    register(["positions"])
    options = ["--shortest", "--from", "0,0", "--into", str(path), "--json"]
    assert run(["positions", str(listed), *options]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [p["name"] for p in said["positions"]] == ["near", "middle", "far"]
    assert (said["travel_before_um"], said["travel_um"]) == (73.0, 30.0)
    assert path.read_text().startswith("# kept\n")
    session = read_session(path)
    assert "".join(map(str, session.sequence.axis_order)) == "tpcz"
    run_session(make_plan(session), tmp_path / "out")
    images = open_session(tmp_path / "out").images
    assert [scene_of(image).name for image in images] == ["near", "middle", "far"]
    assert images[1].attributes["position_name"] == "middle"
    assert images[0].attributes["sample"] == {
        "sample": "HeLa",
        "well": "3",
        "operator": "",
        "notes": "",
    }
    rows = read_table(tmp_path / "out" / PLANES_FILE)
    assert {(row["image"], row["position"]) for row in rows} == {
        (0, "near"),
        (1, "middle"),
        (2, "far"),
    }


def test_a_grid_around_named_positions(tmp_path: Path) -> None:
    sequence = {
        "axis_order": "tpgcz",
        "stage_positions": [{"name": "A1", "x": 0, "y": 0}, {"x": 9, "y": 0}],
        "grid_plan": {"rows": 1, "columns": 2, "fov_width": 10, "fov_height": 10},
        "setup": {"exposure": 50},
    }
    plan = make_plan(
        session_from(
            {
                "calibration": "none",
                "microscope": {"config": "simulated"},
                "layout": "simulated",
                "segmentation": {"enabled": False},
                "sequence": sequence,
            }
        )
    )
    plan.source.close()
    assert plan.info.position_names == ("A1-0", "A1-1", "", "")


def test_verbs_say_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(["positions"])
    listed = tmp_path / "list.csv"
    listed.write_text("x,y\n0,0\n")
    for options, said in (
        (["--limits", "x=1:2"], "may not go there"),
        (["--limits", "x=2:1"], "no numbers"),
        (["--limits", "q=1:2"], "no numbers"),
        (["--from", "1"], "no numbers"),
        (["-o", str(tmp_path / "out.png")], "no form of position lists"),
        (["--into", str(tmp_path / "none.yaml")], "no such session file"),
    ):
        assert run(["positions", str(listed), *options]) == 2
        assert said in capsys.readouterr().err
    inner = tmp_path / "outer.yaml"
    (tmp_path / "plan.yaml").write_text("axis_order: tpcz\nstage_positions: [{x: 1, y: 1}]\n")
    inner.write_text("sequence: plan.yaml\ncalibration: none\n")
    assert run(["positions", str(listed), "--into", str(inner)]) == 2
    assert "file of its own, plan.yaml" in capsys.readouterr().err
    assert run(["positions", str(listed), "--into", str(tmp_path / "plan.yaml")]) == 0
    assert read_session(inner).sequence.stage_positions[0].x == 0
