"""Calibrated probabilities, and how a stack is compared with what a package has seen."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.errors import ModelError
from livesr.segmentation.quantities import BY_NAME
from livesr.segmentation.trust import (
    TOGETHER,
    Flag,
    Range,
    Seen,
    calibrated,
    table,
    tables,
    told,
)

LIMITS = {"low": 0.1, "middle": 0.2, "high": 0.3, "spread": 0.05}
SEEN = Seen(
    {
        "ratio_spread": Range(0.12, 0.2, 0.3, 0.04),
        "haze": Range(0.0, 0.1, 0.3, 0.05),
        "noise": Range(np.log(0.02), np.log(0.06), np.log(0.2), 0.4),
    },
    farthest=2.5,
)
USUAL = {"ratio_spread": 0.2, "haze": 0.1, "noise": 0.06}


# ------------------------------------------------------------------ probabilities


def test_the_table_is_scale_and_bias_of_the_logit() -> None:
    found = table(0.5, -1.0)
    for value in (1, 20, 128, 254):
        logit = np.log(value / (255 - value))
        assert found[value] == round(255 / (1 + np.exp(-(0.5 * logit - 1.0))))


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("bias", [-3.0, 0.0, 3.0])
def test_the_table_rises_and_keeps_nothing_nothing(scale: float, bias: float) -> None:
    found = table(scale, bias).astype(int)
    assert (np.diff(found) >= 0).all()
    assert found[0] == 0
    assert found.shape == (256,)


def test_what_is_not_fitted_stays_as_the_network_gives_it() -> None:
    found = tables({"probability": {"er": [0.5, -1.0]}}, ["er", "golgi"])
    assert (found["er"] != np.arange(256)).any()
    np.testing.assert_array_equal(found["golgi"], np.arange(256))
    np.testing.assert_array_equal(tables({}, ["er"])["er"], np.arange(256))


def test_a_volume_is_looked_up() -> None:
    volume = np.random.default_rng(60_000).integers(0, 256, (3, 5, 7)).astype(np.uint8)
    found = calibrated(volume, table(0.7, -0.4))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, table(0.7, -0.4)[volume])


@pytest.mark.parametrize("pair", [[0.0, 1.0], [-1.0, 0.0], [1.0], ["a", 0.0], None, [1.0, np.nan]])
def test_a_damaged_calibration_is_refused_with_the_structure(pair: object) -> None:
    with pytest.raises(ModelError, match="calibration of er") as caught:
        tables({"probability": {"er": pair}}, ["er"])
    assert caught.value.where == "trust.probability.er"


# --------------------------------------------------------- what the package has seen


def test_the_usual_stack_is_not_strange_at_all() -> None:
    found = SEEN.strangeness(USUAL)
    assert (found.score, found.flags) == (0.0, ())
    assert found.words == ""


def test_a_quantity_outside_is_flagged_with_value_and_range() -> None:
    found = SEEN.strangeness({**USUAL, "ratio_spread": 0.41})
    (flag,) = found.flags
    assert (flag.quantity, flag.value) == ("ratio_spread", 0.41)
    assert (flag.low, flag.high) == pytest.approx((0.12, 0.3))
    assert found.words == "the ratio's spread is 0.41, the package saw 0.12 to 0.3"
    assert found.score >= 1 + (0.41 - 0.3) / 0.18


def test_ranges_of_positive_quantities_are_told_in_their_own_units() -> None:
    found = SEEN.strangeness({**USUAL, "noise": 0.5})
    (flag,) = found.flags
    assert (flag.low, flag.high) == pytest.approx((0.02, 0.2))
    assert "is 0.5, the package saw 0.02 to 0.2" in flag.words


def test_the_farthest_flag_comes_first() -> None:
    found = SEEN.strangeness({"ratio_spread": 0.32, "haze": 2.0, "noise": 0.4})
    assert [flag.quantity for flag in found.flags] == ["haze", "noise", "ratio_spread"]


def test_score_rises_with_the_distance_and_passes_1_with_the_first_flag() -> None:
    scores = [
        SEEN.strangeness({**USUAL, "haze": haze}) for haze in (0.1, 0.2, 0.299, 0.301, 0.4, 1.0)
    ]
    values = [found.score for found in scores]
    assert values == sorted(values)
    assert [bool(found.flags) for found in scores] == [value >= 1 for value in values]
    assert values[2] < 1 <= values[3]


def test_a_stack_of_which_everything_is_a_little_odd_is_flagged_as_a_whole() -> None:
    seen = Seen(SEEN.ranges, farthest=1.5)
    found = seen.strangeness({"ratio_spread": 0.29, "haze": 0.28, "noise": 0.19})
    (flag,) = found.flags
    assert flag.quantity == TOGETHER
    assert found.score == pytest.approx(found.distance / 1.5)
    assert "times as unusual as the most unusual that the package saw" in found.words


def test_only_what_both_know_is_compared() -> None:
    found = SEEN.strangeness({"haze": 0.1, "thickness_um": 900.0})
    assert (found.score, found.flags) == (0.0, ())
    assert SEEN.strangeness({}).score == 0


def test_a_line_for_people_holds_the_first_flags() -> None:
    flags = [Flag("haze", float(k), 0.0, 0.5) for k in range(1, 6)]
    assert told(flags).endswith("; and 2 more")
    assert told(flags).count("the package saw") == 3
    assert told(flags[:1]) == flags[0].words


def test_a_journalled_flag_says_the_same() -> None:
    (flag,) = SEEN.strangeness({**USUAL, "ratio_spread": 0.41234567}).flags
    again = Flag(**flag.as_dict())
    assert again.words == flag.words


def test_flags_of_quantities_that_are_not_known_any_more_can_be_told() -> None:
    assert "of_old is 3, the package saw 1 to 2" in Flag("of_old", 3.0, 1.0, 2.0).words


def test_what_was_seen_goes_through_a_package() -> None:
    again = Seen.of({"seen": SEEN.as_dict()})
    assert again is not None
    assert again.farthest == SEEN.farthest
    for name, limits in SEEN.ranges.items():
        for key in ("low", "middle", "high", "spread"):
            found, expected = getattr(again.ranges[name], key), getattr(limits, key)
            assert found == pytest.approx(expected, abs=0.001)


def test_a_package_may_say_nothing_and_may_know_more_than_this_version() -> None:
    assert Seen.of({}) is None
    assert Seen.of({"seen": {}}) is None
    later = {"farthest": 1.0, "quantities": {"haze": LIMITS, "of_the_future": {"x": 1}}}
    found = Seen.of({"seen": later})
    assert found is not None
    assert set(found.ranges) == {"haze"}


@pytest.mark.parametrize(
    "said",
    [
        {"quantities": {}},
        {"farthest": 0.0, "quantities": {}},
        {"farthest": 1.0, "quantities": {"haze": {**LIMITS, "spread": 0.0}}},
        {"farthest": 1.0, "quantities": {"haze": {**LIMITS, "low": 0.5}}},
        {"farthest": 1.0, "quantities": {"haze": {"low": 0.1}}},
        {"farthest": 1.0, "quantities": {"haze": {**LIMITS, "high": "many"}}},
        {"farthest": 1.0, "quantities": [1, 2]},
        [1],
    ],
)
def test_a_damaged_description_of_the_training_is_refused(said: object) -> None:
    with pytest.raises(ModelError, match="training stacks is damaged"):
        Seen.of({"seen": said})


def test_quantities_have_titles_of_their_own() -> None:
    assert len({quantity.title for quantity in BY_NAME.values()}) == len(BY_NAME)
    for quantity in BY_NAME.values():
        assert quantity.natural(quantity.scaled(0.7)) == pytest.approx(0.7)
        assert quantity.margin > 0
