"""Rules in shadow, programs that rules start, and rules that a session cannot follow."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from scripted_cells import ScriptedDecoder, session_dict

from livesr.acquisition.permission import why_not_act
from livesr.config import session_from
from livesr.errors import ConfigError
from livesr.session import deciding, make_plan, run_session
from livesr.session.deciding import Heard, stage_of
from livesr.session.scripts import Scripts
from livesr.session.steered import summary
from livesr.storage.journal import read_journal
from livesr.storage.reader import open_session
from livesr.types import CellMeasures, Decision, RecordingInfo

if TYPE_CHECKING:
    from pathlib import Path

PAIR = {
    "kind": "sequential",
    "channels": [{"name": "yellow", "config": "Y"}, {"name": "red", "config": "R"}],
}
REAL = RecordingInfo(
    channels=("yellow",), shape=(1, 24, 64, 64), timepoints=9, positions=1, pixel_um=0.1,
    z_step_um=0.3, interval_s=60.0, camera_offset=100.0, microscope="", camera="", objective="",
    simulated=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "simulated", "why"),
    [
        ({}, True, ""),
        ({"act": True}, True, ""),
        ({"act": False}, True, "act: false"),
        ({}, False, "only with act: true"),
        ({"act": True}, False, ""),
    ],
)
def test_who_may_act(changes: dict[str, Any], simulated: bool, why: str) -> None:
    said = why_not_act(session_from(session_dict(**changes)), simulated=simulated)
    assert bool(said) == bool(why)
    assert why in said


def test_a_plan_says_what_rules_may_cost() -> None:
    plan = make_plan(session_from(session_dict()))
    plan.source.close()
    said = summary(plan)
    assert said["rules_act"]
    (each,) = said["each_time"]
    assert (each["planes"], each["at_most_stacks"]) == (12, 30)  # 10 min at 20 s
    assert each["at_most_light_ms"] == pytest.approx(30 * 12 * 20)
    assert said["worst_case"]["light_ms_a_position"] == pytest.approx(30 * 12 * 20)
    shadow = make_plan(session_from(session_dict(act=False)))
    shadow.source.close()
    assert not shadow.info.steered
    assert summary(shadow)["rules_do_not_act"] == "the session says act: false"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"segmentation": {"enabled": False}}, "the session makes none"),
        ({"segmentation": {"structures": ["er"]}}, "cannot be followed through mitosis"),
        (
            {"sequence": {"axis_order": "tpcz", "time_plan": {"interval": 0, "loops": 9}}},
            "interval",
        ),
        (
            {
                "sequence": {
                    "axis_order": "ptcz",
                    "stage_positions": [(0, 0), (1, 1)],
                    "time_plan": {"interval": 60, "loops": 9},
                    "z_plan": {"range": 3, "step": 0.3},
                }
            },
            "positions that are watched together",
        ),
    ],
)
def test_sessions_that_rules_do_not_fit(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        make_plan(session_from(session_dict(**changes)))


def test_a_real_stage_must_be_known() -> None:
    with pytest.raises(ConfigError, match="axes lie in the image") as error:
        stage_of(session_from(session_dict()), REAL)
    assert "PixelSizeAffine" in (error.value.fix or "")
    known = session_from(session_dict(pace={"image_right": "-x", "image_down": "+y"}))
    assert stage_of(known, REAL).right == (-1.0, 0.0)


def test_cells_are_the_same_after_the_journal() -> None:
    cell = CellMeasures(
        3, (1.0, 2.0, 0.1 + 0.2), (0.0, 1.0, 2.0), (3.0, 4.0, 5.0), True, False, {"a": 1 / 3}
    )
    heard = Heard(1, 12.5, 100.0, 0.0, "", (cell,))
    assert Heard.read(heard.as_dict()) == heard


def test_programs_run_without_a_shell_and_their_failure_is_journalled(tmp_path: Path) -> None:
    notes: list[dict[str, Any]] = []
    scripts = Scripts("folder", lambda _event, _index, **said: notes.append(said))
    out = tmp_path / "out.txt"
    code = f"import os; open({str(out)!r}, 'w').write(os.environ['LIVESR_CAUSE'])"
    for run in ([sys.executable, "-c", code], ["/no/such/program"], [sys.executable, "-c", "1/0"]):
        scripts.run(Decision("mail", 1, "cell 1 divides; $HOME", {"run": run}, acted=True))
    time.sleep(0.1)
    scripts.close()
    assert out.read_text() == "cell 1 divides; $HOME"
    assert len(notes) == 2
    assert all(note["what"] == "the program of rule mail failed" for note in notes)


def test_on_a_recording_rules_only_say_what_they_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "new_decoder", lambda: ScriptedDecoder(position=0))
    data = np.random.default_rng(60_021).integers(100, 500, (4, 2, 8, 64, 64), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "old.tif", data)
    recording = {
        "paths": [str(tmp_path / "old.tif")], "axes": "TCZYX", "pixel_um": 0.0668,
        "z_step_um": 0.3, "interval_s": 90,
    }  # fmt: skip
    changes = {"recording": recording, "layout": PAIR, "calibration": "none"}
    session = {**session_dict(**changes)}
    del session["microscope"], session["sequence"]
    result = run_session(make_plan(session_from(session)), tmp_path / "s")
    assert result.exit_code == 0, result.error
    lines = read_journal(tmp_path / "s" / "journal.jsonl")
    decisions = [line for line in lines if line["event"] == "decision"]
    heard = [line for line in lines if line["event"] == "cells" and not line.get("late")]
    assert len(heard) == 4
    (decision,) = decisions
    assert not decision["acted"]
    assert decision["cause"].endswith("not done: a recording cannot be recorded otherwise")
    assert [image.shape[2] for image in open_session(tmp_path / "s").images] == [8]
