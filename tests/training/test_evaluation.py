from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from oracles import CAMERA, Oracle, package, squares

from livesr.catalog import NAMES
from livesr.errors import ConfigError, ModelError
from livesr.training.evaluation import evaluate as evaluation
from livesr.training.evaluation import resting
from livesr.training.evaluation.evaluate import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.segmentation.package import Package
    from livesr.training.labelled import LabelledStack
    from livesr.types import Float32, Grid


@pytest.fixture(scope="module")
def stack() -> LabelledStack:
    return squares()


@dataclass
class Given:
    """Samples that are given as they are."""

    stacks: list[LabelledStack]

    def __iter__(self) -> Iterator[LabelledStack]:
        return iter(self.stacks)

    def about(self) -> dict[str, Any]:
        return {"preset": "squares"}


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch, stack: LabelledStack) -> dict[str, Oracle]:
    """Packages A, B (two networks apart), HALF (never sure), all of the truth's own knowledge."""
    packages = {
        "ALL": package(name="ALL"),
        "LD": package("LD", name="LD"),
        "ER": package("ER", name="ER"),
        "HALF": package("LD", name="HALF"),
        "FITTED": package("LD", trust={"probability": {"lipid_droplet": [1.0, 3.0]}}),
        "FG": package(
            name="FG",
            structures=("foreground",),
            heads=({"network": "FG", "structures": ("foreground",), "activation": "sigmoid"},),
            thresholds={"foreground": 0.5},
            input={
                "channels": ("colocalisation",),
                "voxel_um": (0.3, 0.1, 0.1),
                "z_multiple": 1,
                "xy_multiple": 1,
                "halo": (0, 0, 0),
            },
        ),
    }
    opened: dict[str, Oracle] = {}

    def engine(name: str, asked: Package, *, threads: int | None = None) -> Oracle:
        sure = 0.4 if asked.name == "HALF" else 1.0
        oracle = opened.setdefault(asked.name, Oracle(stack, sure, asked.structures))
        oracle.opened += 1
        return oracle

    monkeypatch.setattr(evaluation, "load_package", lambda name: packages[str(name)])
    monkeypatch.setattr(resting, "choose_engine", engine)
    return opened


def test_an_oracle_scores_high_and_thresholds_do_not(
    stack: LabelledStack, engines: dict[str, Oracle]
) -> None:
    result = evaluate(["ALL"], Given([stack, stack]))
    assert set(result["structures"]) == set(NAMES)
    for name, scores in result["structures"].items():
        assert scores["f1"] > 0.9
        assert scores["ci95"] == pytest.approx((scores["f1"], scores["f1"]))
        assert (scores["threshold_f1"] > 0.8) == (name == "lipid_droplet")
        assert scores["object_f1"] == 1.0
        assert scores["surface_dice"] > 0.9
        assert scores["pearson"] > 0.9
        assert ("cldice" in scores) == (name in ("er", "nuclear_reticulum", "filopodia"))
        share = stack.truth[name].mean()
        assert scores["background_accuracy"] == pytest.approx(1 - share)
        assert scores["background_f1"] == 0.0
        assert scores["calibration_error"] < 0.02
    assert result["mean_f1"] == pytest.approx(
        np.mean([scores["f1"] for scores in result["structures"].values()])
    )
    assert result["structures"]["early_endosome"]["published"]["f1"] == 0.59
    assert result["absent"] == result["unknown"] == []
    assert result["samples"] == dict.fromkeys(NAMES, 2)
    assert [one["name"] for one in result["stacks"]] == ["squares", "squares"]
    assert result["preset"] == "squares"
    table = np.array(result["networks"]["ER"]["confusion"])
    assert result["networks"]["ER"]["classes"] == [
        "er",
        "nuclear_membrane",
        "nuclear_reticulum",
        "none",
    ]
    assert table.sum() == 2 * stack.data[0].size
    assert np.trace(table) > 0.98 * table.sum()
    assert engines["ALL"].opened == engines["ALL"].closed == 1


def test_several_packages_share_the_stacks(
    stack: LabelledStack, engines: dict[str, Oracle]
) -> None:
    told: list[dict[str, object]] = []
    shown = []
    result = evaluate(
        ["LD", "ER"],
        Given([stack, replace(stack, name="again")]),
        progress=told.append,
        look=lambda stack, masks: shown.append((stack.name, set(masks))),
    )
    names = ["lipid_droplet", "er", "nuclear_membrane", "nuclear_reticulum"]
    assert list(result["structures"]) == names
    assert [one["name"] for one in result["packages"]] == ["LD", "ER"]
    assert list(result["networks"]) == ["LD", "ER"]
    assert result["networks"]["ER"]["package"] == "ER"
    assert told == [
        {"event": "scored", "sample": "squares", "done": 1},
        {"event": "scored", "sample": "again", "done": 2},
    ]
    assert shown == [("squares", set(names)), ("again", set(names))]
    for name in ("LD", "ER"):
        assert len(engines[name].seen) == 2
        assert engines[name].opened == engines[name].closed == 2  # they take turns


def test_only_structures_with_truth_are_scored(
    stack: LabelledStack, engines: dict[str, Oracle]
) -> None:
    some = replace(stack, truth={key: stack.truth[key] for key in ("golgi", "er")}, name="some")
    empty = np.zeros(CAMERA.shape, bool)
    other = replace(stack, truth={"golgi": stack.truth["golgi"], "nucleus": empty}, name="other")
    result = evaluate(["ALL"], Given([some, other]))
    assert set(result["structures"]) == {"golgi", "er", "nucleus"}
    assert result["samples"] == {"golgi": 2, "er": 1, "nucleus": 1}
    assert result["absent"] == ["nucleus"]
    assert result["mean_f1"] == pytest.approx(
        np.mean([result["structures"][name]["f1"] for name in ("golgi", "er")])
    )
    assert "er" not in result["unknown"]
    assert "cytosol" in result["unknown"]
    # of the heads only those are told whose structures are known together
    assert list(result["networks"]) == ["GOLGI"]
    assert set(result["stacks"][1]["f1"]) == {"golgi"}


def test_a_ceiling_stands_beside(stack: LabelledStack, engines: dict[str, Oracle]) -> None:
    result = evaluate(["HALF"], Given([stack]), ceiling="LD")
    droplets = result["structures"]["lipid_droplet"]
    assert droplets["f1"] == 0.0 < 0.9 < droplets["ceiling_f1"]
    assert result["ceiling"]["package"] == "LD"
    assert result["ceiling"]["gap"] == pytest.approx(droplets["ceiling_f1"])
    with pytest.raises(ModelError, match="does not give lipid_droplet"):
        evaluate(["HALF"], Given([stack]), ceiling="ER")


def test_calibrated_probabilities_are_judged_beside_the_raw_ones(
    stack: LabelledStack, engines: dict[str, Oracle]
) -> None:
    raw = evaluate(["LD"], Given([stack]))["structures"]["lipid_droplet"]
    fitted = evaluate(["FITTED"], Given([stack]))["structures"]["lipid_droplet"]
    assert set(raw["reliability"]) == {"raw"}
    assert "calibration_error_calibrated" not in raw
    assert set(fitted["reliability"]) == {"raw", "calibrated"}
    assert fitted["calibration_error"] == raw["calibration_error"]
    # of probabilities that were right, moved up
    assert fitted["calibration_error_calibrated"] > raw["calibration_error"] + 0.1


def test_the_ablation_hides_the_ratio_from_all(
    stack: LabelledStack, engines: dict[str, Oracle]
) -> None:
    plain = evaluate(["LD"], Given([stack]))
    assert np.ptp(engines["LD"].seen[-1][0, 1]) > 0
    result = evaluate(["LD"], Given([stack]), without_ratio=True, ceiling="ALL")
    for name in ("LD", "ALL"):
        assert not engines[name].seen[-1][0, 1].any()
        assert np.ptp(engines[name].seen[-1][0, 0]) > 0
    assert result["without_ratio"]
    assert not plain["without_ratio"]
    assert result["structures"]["lipid_droplet"]["published"] == {}
    assert plain["structures"]["lipid_droplet"]["published"]["moc"] == 0.7


def test_a_forest_is_scored_beside_the_package(
    stack: LabelledStack, engines: dict[str, Oracle]
) -> None:
    seen = []

    class Forest:
        def score(self, images: list[Float32], truth: object, grid: Grid) -> None:
            seen.append((len(images), images[0].shape, truth is stack.truth, grid))

        def f1(self, name: str) -> float:
            return 0.01 * NAMES.index(name)

    result = evaluate(["ALL"], Given([stack]), forest=lambda _: Forest())  # type: ignore[arg-type, return-value]
    assert seen == [(2, CAMERA.shape, True, CAMERA)]
    scores = result["structures"]
    assert [scores[name]["forest_f1"] for name in NAMES] == [0.01 * k for k in range(15)]


def test_wrong_calls_say_what_to_do(stack: LabelledStack, engines: dict[str, Oracle]) -> None:
    with pytest.raises(ConfigError, match="LD and HALF both give lipid_droplet"):
        evaluate(["LD", "HALF"], Given([stack]))
    with pytest.raises(ConfigError, match="no package"):
        evaluate([], Given([stack]))
    with pytest.raises(ModelError, match="colocalisation"):
        evaluate(["FG"], Given([stack]))
    with pytest.raises(ConfigError, match="no sample has the truth of lipid_droplet"):
        evaluate(["LD"], Given([replace(stack, truth={"er": stack.truth["er"]})]))
    with pytest.raises(ConfigError, match="no sample"):
        evaluate(["LD"], Given([]))
    cut = {"lipid_droplet": stack.truth["lipid_droplet"][:, :-1]}
    with pytest.raises(ConfigError, match="the mask of lipid_droplet is 8 × 47 × 48"):
        evaluate(["LD"], Given([replace(stack, truth=cut)]))
