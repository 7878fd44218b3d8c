"""``livesr evaluate`` on tiny fields: what it prints, writes and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from livesr.catalog import NAMES
from livesr.cli.app import register, run
from livesr.cli.evaluate import score_table, seed_range
from livesr.errors import ConfigError
from livesr.training.labelled import simulate
from livesr.training.labels.dataset import write_sample

if TYPE_CHECKING:
    from pathlib import Path

TINY = ("--seeds", "60000-60001", "--field", "96", "--planes", "8", "--threads", "1")
KEYS = {
    "pixel_accuracy",
    "precision",
    "recall",
    "f1",
    "iou",
    "moc",
    "balanced_accuracy",
    "threshold_f1",
    "object_f1",
    "surface_dice",
    "pearson",
    "calibration_error",
    "background_f1",
    "background_accuracy",
    "ci95",
    "published",
}


@pytest.fixture(autouse=True)
def verbs() -> None:
    register(["evaluate"])


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["evaluate", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_scores_are_one_object_on_stdout_and_in_the_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    saved = tmp_path / "new" / "scores.json"
    code, out, err = call(
        capsys, "ALL", "--simulate", "standard", *TINY, "--json", "--save", str(saved)
    )
    assert code == 0
    result = json.loads(out)
    assert json.loads(saved.read_text(encoding="utf-8")) == result
    assert set(result["structures"]) == set(NAMES)
    for scores in result["structures"].values():
        assert set(scores) >= KEYS
        assert 0.0 <= scores["f1"] <= 1.0
    assert 0.3 < result["mean_f1"] <= 1.0
    assert result["seeds"] == [60_000, 60_001]
    assert set(result["simulator"]) == {"version", "hash", "sources", "livesr"}
    assert {"ER", "PM", "VOLUME"} <= set(result["networks"])
    assert [one["name"] for one in result["stacks"]] == ["standard 60000", "standard 60001"]
    assert "warning: seeds below 70000" in err
    assert "mean F1" in err


def test_a_data_set_is_scored_where_it_has_labels(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stack = simulate(60_002, shape=(8, 96, 96))
    for name, known in (("first", ("er", "nucleus")), ("second", ("er",))):
        truth = {key: stack.truth[key] for key in known}
        write_sample(tmp_path, replace(stack, truth=truth, name=name))
    code, out, err = call(capsys, "ALL", "--data", str(tmp_path), "--threads", "1", "--json")
    assert code == 0
    result = json.loads(out)
    assert set(result["structures"]) == {"er", "nucleus"}
    assert result["samples"] == {"er": 2, "nucleus": 1}
    assert [one["name"] for one in result["stacks"]] == ["first", "second"]
    assert result["data"] == str(tmp_path)
    assert "simulator" not in result
    assert "no sample has masks of: lipid_droplet" in err


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("ALL", "--data", "somewhere", "--seeds", "60000"), 2, "both asked for"),
        (("ALL", "--data", "nowhere"), 5, "no data set"),
        (("ALL", "--seeds", "9-3"), 2, "no range of seeds"),
        (("ALL", "--simulate", "standart"), 2, "no such preset"),
        (("NONE", *TINY), 4, "no model package 'NONE'"),
        (("ALL", "ALL", *TINY), 2, "both give lipid_droplet"),
        (("ALL", "--ceiling", "NONE", *TINY), 4, "no model package 'NONE'"),
        (("ALL", "--engine", "none", *TINY), 4, "no engine 'none'"),
        ((), 2, "PACKAGE"),
    ],
)
def test_wrong_calls_say_what_to_do(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, what: str
) -> None:
    found, out, err = call(capsys, *arguments)
    assert found == code
    assert what in err
    assert "Traceback" not in out + err


def test_a_file_that_cannot_be_written_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = {"structures": {}, "mean_f1": 0.0, "mean_f1_ci95": (None, None)}
    scores |= {"unknown": ["golgi"], "absent": []}
    scored = []
    monkeypatch.setattr("livesr.cli.evaluate.score", lambda *_, **__: scored.append(1) or scores)
    (tmp_path / "file").write_text("no folder")
    code, _, err = call(capsys, "ALL", *TINY, "--save", str(tmp_path / "file" / "scores.json"))
    assert code == 5
    assert "cannot be written" in err
    assert not scored
    code, _, err = call(capsys, "ALL", *TINY, "--save", str(tmp_path))
    assert code == 5
    assert "cannot be written" in err
    assert "no sample has masks of: golgi" in err


def test_seeds_are_read_with_both_ends() -> None:
    assert list(seed_range("60000-60002")) == [60_000, 60_001, 60_002]
    assert list(seed_range("60005")) == [60_005]
    for text in ("", "a-b", "5-4", "-3"):
        with pytest.raises(ConfigError, match="no range of seeds"):
            seed_range(text)


def test_the_table_shows_what_there_is() -> None:
    scores = {"f1": 0.5, "moc": 0.6, "published": {"moc": 0.5}}
    text = score_table({"golgi": scores, "er": {**scores, "cldice": 0.7, "published": {}}})
    head, _, golgi, er = text.splitlines()
    assert head.split() == ["structure", "F1", "MOC", "paper", ">", "clDice"]
    assert golgi.split() == ["golgi", "0.500", "0.600", "0.500", "–"]
    assert er.split() == ["er", "0.500", "0.600", "–", "0.700"]
