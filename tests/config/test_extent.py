"""Sequences without end are refused before they are listed."""

from __future__ import annotations

from typing import Any

import pytest
import useq

from livesr.config.extent import MOST_POSITIONS, MOST_TIMEPOINTS, refuse_endless


def sequence(**parts: Any) -> useq.MDASequence:
    return useq.MDASequence(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"time_plan": {"interval": 1, "loops": MOST_TIMEPOINTS}},
        {"time_plan": [{"interval": 1, "loops": 5}, {"interval": 60, "duration": 600}]},
        {"z_plan": {"range": 10, "step": 0.3}},
        {"z_plan": {"top": 0, "bottom": 6.9, "step": 0}},
        {"z_plan": {"relative": [0.0, 1.0]}},
        {"grid_plan": {"rows": 100, "columns": 100}},
        {"grid_plan": {"top": 10, "left": 0, "bottom": 0, "right": 10}},
        {"grid_plan": {"vertices": [(0, 0), (50, 0), (0, 50)], "fov_width": 9, "fov_height": 9}},
        {"stage_positions": [(0, 0, 0)]},
    ],
)
def test_what_can_be_recorded(parts: dict[str, Any]) -> None:
    refuse_endless(sequence(**parts))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"time_plan": {"interval": 1, "loops": MOST_TIMEPOINTS + 1}}, "time points"),
        ({"time_plan": {"interval": 0.001, "duration": 1e8}}, "time points"),
        ({"time_plan": [{"interval": 1, "loops": 600_000}] * 2}, "time points"),
        ({"z_plan": {"range": 1e12, "step": 0.1}}, "planes"),
        ({"z_plan": {"range": float("inf"), "step": 1}}, "a number of the sequence is inf"),
        ({"z_plan": {"above": 1, "below": float("nan"), "step": 1}}, "is nan"),
        ({"grid_plan": {"rows": MOST_POSITIONS, "columns": 2}}, "grid positions"),
        ({"grid_plan": {"top": 1e9, "left": 0, "bottom": 0, "right": 1e9}}, "grid positions"),
        ({"grid_plan": {"num_points": 10**7, "max_width": 9, "max_height": 9}}, "grid positions"),
    ],
)
def test_what_has_no_end(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        refuse_endless(sequence(**parts))
