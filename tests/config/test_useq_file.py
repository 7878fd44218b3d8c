"""A session's plan as other programs open it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import useq

from livesr.cli.app import register, run
from livesr.config import read_session
from livesr.config.reading import plain_session

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["simulated.yaml", "demo-camera.yaml", "csu-w1.yaml"])
@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_useq_opens_it_and_livesr_runs_it_as_before(
    name: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(["plan"])
    out = tmp_path / f"plan.useq.{suffix}"
    assert run(["plan", str(EXAMPLES / name), "-o", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    plan, session = useq.MDASequence.from_file(out), read_session(EXAMPLES / name)
    assert dict(plan.sizes) == said["sizes"]
    assert plan.time_plan == session.sequence.time_plan
    assert plan.z_plan == session.sequence.z_plan
    if session.layout.kind == "sequential":
        assert [c.config for c in plan.channels] == [c.config for c in session.layout.channels]
    again = plain_session(read_session(out))
    before = plain_session(session)
    for one in (again, before):
        one["sequence"].pop("channels", None)
        one["sequence"].pop("metadata", None)
        one["sequence"].pop("uid", None)
    assert again == before
    assert run(["plan", str(EXAMPLES / name), "-o", str(out)]) == 5, "never written over"


def test_a_recording_has_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(["plan"])
    out = tmp_path / "plan.yaml"
    assert run(["plan", str(EXAMPLES / "recorded-stack.yaml"), "-o", str(out)]) == 2
    assert "plays a recording" in capsys.readouterr().err
    assert run(["plan", str(EXAMPLES / "simulated.yaml"), "-o", str(tmp_path / "plan.txt")]) == 2
