"""Trust is fitted on cells with known truth, and says what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.analysis.reliability import Reliability
from livesr.segmentation.package import load_package
from livesr.segmentation.quantities import BY_NAME
from livesr.segmentation.trust import Seen, table, tables
from livesr.training.trust import examples, fit_probabilities, fit_seen, fit_trust, tuning_stacks

if TYPE_CHECKING:
    from livesr.training.labelled import LabelledStack
    from livesr.types import Float32, UInt8

SHAPE = (10, 96, 96)


class Guess:
    """An engine that takes bright voxels for everything, and is too sure of it."""

    name = "guess"

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs
        self.structures = ("any",) * outputs

    def run(self, features: Float32, _out: UInt8 | None = None) -> UInt8:
        p = 1 / (1 + np.exp(-3 * (features[:, 0] - 0.8)))
        return np.repeat(np.rint(255 * p).astype(np.uint8)[:, None], self.outputs, axis=1)

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture(scope="module")
def stacks() -> list[LabelledStack]:
    return list(tuning_stacks(range(65_000, 65_004), shape=SHAPE))


def test_scale_and_bias_are_found_again() -> None:
    rng = np.random.default_rng(60_000)
    true_p = rng.beta(0.5, 1.0, 200_000)
    shown = 1 / (1 + np.exp(-(1.6 * np.log(true_p / (1 - true_p)) + 0.9)))
    reliability = Reliability(["er", "golgi"])
    reliability.update(
        "er", np.rint(255 * shown).astype(np.uint8), rng.uniform(size=len(true_p)) < true_p
    )
    fitted = fit_probabilities(reliability)
    assert set(fitted) == {"er"}, "nothing is known of the other"
    assert fitted["er"] == pytest.approx([1 / 1.6, -0.9 / 1.6], abs=0.03)
    assert reliability.error("er") > 0.05
    assert reliability.error("er", table(*fitted["er"])) < 0.01


def test_structures_with_one_kind_of_voxels_are_left_alone() -> None:
    reliability = Reliability(["er"])
    reliability.update("er", np.full((10, 100), 128, np.uint8), np.zeros((10, 100), bool))
    assert fit_probabilities(reliability) == {}


def test_two_lights_of_each_cell_with_its_truth(stacks: list[LabelledStack]) -> None:
    assert len(stacks) == 8
    for usual, other in zip(stacks[::2], stacks[1::2], strict=True):
        assert usual.data.shape == (2, *usual.grid.shape)
        assert usual.truth is other.truth
        assert not np.array_equal(usual.data, other.data)
        assert all(mask.shape == usual.grid.shape for mask in usual.truth.values())
        assert usual.grid.shape[0] * usual.grid.voxel_um[0] == pytest.approx(3.0, rel=0.1)
    again = next(iter(tuning_stacks([65_000], shape=SHAPE)))
    np.testing.assert_array_equal(again.data, stacks[0].data)


def test_fitted_trust_calibrates_and_has_seen_what_it_was_fitted_on(
    stacks: list[LabelledStack],
) -> None:
    package = load_package("ALL")
    found = fit_trust(package, Guess(len(package.structures)), stacks)
    assert set(found) == {"probability", "seen"}
    for scale, bias in found["probability"].values():
        assert scale >= 0.05
        assert np.isfinite(bias)
    assert {"er", "cytosol", "extracellular"} <= set(found["probability"])
    tables(found, package.structures)
    seen = Seen.of(found)
    assert seen is not None
    assert {"noise", "ratio_spread", "sharpness", "shift_um"} <= set(seen.ranges)


def test_plain_types_only_go_into_a_package(stacks: list[LabelledStack]) -> None:
    import yaml

    package = load_package("ALL")
    found = fit_trust(package, Guess(len(package.structures)), stacks[:4])
    assert yaml.safe_load(yaml.safe_dump(found)) == found


def test_examples_are_whole_and_smaller_and_single_planes_for_flat_networks(
    stacks: list[LabelledStack],
) -> None:
    rng = np.random.default_rng(60_001)
    whole, lowest, smaller = examples(stacks[0], load_package("ALL"), rng)
    assert whole is stacks[0]
    np.testing.assert_array_equal(lowest.data, whole.data[:, :8])
    assert all(a <= b for a, b in zip(smaller.grid.shape, whole.grid.shape, strict=True))
    planes = list(examples(stacks[0], load_package("ALL2D"), rng))
    assert [plane.grid.shape[0] for plane in planes] == [1, 1, 1]
    assert planes[0].data.shape == (2, *planes[0].grid.shape)


def measured(seed: int, **changes: float) -> dict[str, float]:
    rng = np.random.default_rng([60_002, seed])
    usual = {name: float(np.exp(0.05 * rng.normal())) for name in BY_NAME}
    return {**usual, "foreground": 0.2 * usual["foreground"], **changes}


def test_what_was_seen_is_not_strange_and_what_was_not_is() -> None:
    seen = fit_seen([measured(k) for k in range(200)])
    fresh = [seen.strangeness(measured(k)) for k in range(1000, 1200)]
    assert sum(bool(found.flags) for found in fresh) < 0.1 * len(fresh)
    odd = seen.strangeness(measured(5000, ratio_spread=3.0))
    assert odd.flags[0].quantity == "ratio_spread"
    assert odd.score > max(found.score for found in fresh)


def test_one_odd_example_does_not_widen_a_range() -> None:
    usual = [measured(k) for k in range(200)]
    seen = fit_seen([*usual, measured(999, haze=50.0)])
    assert seen.ranges["haze"].high < 2
    assert seen.strangeness(measured(1, haze=10.0)).flags


def test_own_recordings_are_seen_however_odd() -> None:
    own = [measured(k, haze=9.0 + k, texture=-4.0) for k in range(3)]
    seen = fit_seen([measured(100 + k) for k in range(200)], own)
    assert not any(seen.strangeness(one).flags for one in own)
    assert seen.strangeness(measured(1, haze=40.0)).flags


def test_fields_without_cells_are_no_examples_and_rare_quantities_are_not_compared() -> None:
    empty = [measured(k, foreground=0.0, noise_share=1.0) for k in range(50)]
    seen = fit_seen([*(measured(k) | {"noise_share": 0.1} for k in range(50)), *empty])
    assert seen.ranges["noise_share"].high < 0.5
    few = [{k: v for k, v in measured(n).items() if n < 5 or k != "axial"} for n in range(40)]
    assert "axial" not in fit_seen(few).ranges
