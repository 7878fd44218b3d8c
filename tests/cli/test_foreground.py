"""``livesr evaluate`` of a package that sees colocalisation images."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from livesr.cli.app import register, run

ROW = {"f1": 0.9, "otsu_f1": 0.5, "triangle_f1": 0.4, "tuned_f1": 0.7}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Packages by name, of which FG sees other images; what was asked of its scores."""
    register(["evaluate"])
    channels = {"FG": ("colocalisation",), "ALL": ("intensity", "ratio")}
    calls: list[dict[str, Any]] = []

    def score(package: Any, seeds: Any, **options: Any) -> dict[str, Any]:
        calls.append({"package": package.name, "seeds": list(seeds), **options})
        return {"structures": {"golgi": ROW}, "mean_f1": 0.9}

    monkeypatch.setattr(
        "livesr.cli.foreground.load_package",
        lambda name: SimpleNamespace(name=name, channels=channels[name]),
    )
    monkeypatch.setattr("livesr.training.evaluation.foreground_scores.score_foreground", score)
    return calls


def test_it_is_scored_on_simulated_probes(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--simulate", "oil", "--seeds", "60000-60001", "--field", "64", "--planes", "4")
    assert run(["evaluate", "FG", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result["structures"] == {"golgi": ROW}
    assert result["simulator"]["hash"]
    assert asked[0]["seeds"] == [60_000, 60_001]
    assert asked[0]["preset"] == "oil"
    assert asked[0]["shape"] == (4, 64, 64)
    assert "Otsu" in err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("FG", "ALL"), "cannot be scored with others"),
        (("FG", "--forest"), "--forest is not for a package"),
        (("FG", "--without-ratio"), "--without-ratio is not for a package"),
        (("FG", "--data", "somewhere"), "--data is not for a package"),
    ],
)
def test_what_does_not_concern_it_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], what: str
) -> None:
    assert run(["evaluate", *arguments]) == 2
    assert what in capsys.readouterr().err
