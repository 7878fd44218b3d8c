"""Each topic measures what it says, in a small form; no figure is asserted, only that it is one."""

from __future__ import annotations

import json

import pytest

from livesr.bench import TOPICS, acquisition, networks, peer, pipeline, run_topic, trust
from livesr.bench.rows import machine
from livesr.cli.app import register, run
from livesr.errors import ConfigError


def test_acquisition_counts_frames_and_stacks() -> None:
    rate, live = acquisition.rows(field=64, stacks=2, rounds=1)
    assert rate.value > 0
    assert rate.peer_value is not None
    assert rate.ratio == pytest.approx(rate.value / rate.peer_value)
    assert "frames lost 0" in rate.detail
    assert 0 <= live.value <= 2


def test_pipeline_covers_every_structure_and_memory() -> None:
    rows = list(pipeline.rows(cells=1, timepoints=12))
    grids = [row for row in rows if row.unit == "F1"]
    assert len(grids) == 15
    assert all(row.value >= 0.9 or row.value == 0 for row in grids)
    assert "12 time points" in rows[-1].detail


def test_networks_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(peer, "find_spec", lambda _: None)
    (row,) = networks.speed(repeats=1, windows=1, shape=(8, 64, 64))
    assert row.value > 0
    assert row.peer_value is None
    assert row.ratio is None
    assert "torch, monai" in row.detail
    assert "livesr[bench]" in row.detail


def test_trust_covers_every_structure_and_what_is_flagged() -> None:
    pytest.importorskip("openvino")
    rows = {row.name: row for row in trust.rows(fields=1, side=96, stacks=2)}
    for preset in trust.CALIBRATED_ON:
        assert f"calibration_error_{preset}_er" in rows
    assert rows["calibration_error_standard_er"].peer_value is not None
    assert -1 <= rows["f1_against_strangeness"].value <= 1
    assert "of 2 stacks" in rows["flagged_standard"].detail
    assert rows["flagged_lookalikes"].value == 1


def test_unknown_topic(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError):
        run_topic("speed")
    register(["bench"])
    assert run(["bench", "acquisitoin", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)
    assert "acquisition" in error["mend"]


def test_machine_is_named() -> None:
    assert set(machine()) >= {"processor", "cores", "memory_gib", "python"}
    assert TOPICS[:4] == ("acquisition", "simulator", "networks", "engines")
