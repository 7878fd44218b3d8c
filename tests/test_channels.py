"""Which channels the networks see, whatever the others are called and wherever they stand."""

from __future__ import annotations

import pytest

from livesr.channels import beside, check_order, seen, seen_first
from livesr.errors import ConfigError


@pytest.mark.parametrize(
    ("channels", "count", "others"),
    [
        (("yellow",), 1, {}),
        (("yellow", "red"), 2, {}),
        (("Yellow", "Red", "green"), 2, {2: "green"}),
        (("yellow", "red", "green", "far_red"), 2, {2: "green", 3: "far_red"}),
        (("yellow", "green"), 1, {1: "green"}),
        (("a", "b", "c"), 2, {2: "c"}),
    ],
)
def test_only_the_bands_of_nile_red_are_seen(
    channels: tuple[str, ...], count: int, others: dict[int, str]
) -> None:
    assert seen(channels) == count
    assert beside(channels) == others


def test_yellow_and_red_go_first_and_the_others_keep_their_order() -> None:
    assert seen_first(("green", "red", "far_red", "yellow")) == (3, 1, 0, 2)
    assert seen_first(("b", "a")) == (0, 1)


def test_another_order_is_refused_with_the_right_one() -> None:
    check_order(("yellow", "red", "green"), "layout")
    with pytest.raises(ConfigError, match="green, yellow, red") as error:
        check_order(("green", "yellow", "red"), "layout")
    assert "yellow, red, green" in error.value.fix
