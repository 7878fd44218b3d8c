"""A session on the small simulated microscope whose cells do what a script says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livesr.types import CellMeasures, CellState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import StackIndex

FIELD, PIXEL_UM = 64, 0.0668
MIDDLE_UM = FIELD * PIXEL_UM / 2
COURSE = ((0.0, "interphase"), (150.0, "prometaphase"), (330.0, "anaphase"), (400.0, "telophase"))


def cell_at(z: float, y: float, x: float, tall: float = 2.0) -> CellMeasures:
    low, high = (z - tall / 2, y - 1, x - 1), (z + tall / 2, y + 1, x + 1)
    return CellMeasures(1, (z, y, x), low, high, False, False, {"height_um": tall})


@dataclass
class ScriptedDecoder:
    """One cell at one position, in the stage that its course has at a time."""

    position: int = 1
    course: tuple[tuple[float, str], ...] = COURSE
    cell: CellMeasures = field(default_factory=lambda: cell_at(1.5, MIDDLE_UM - 4, MIDDLE_UM + 6))
    events: list[Any] = field(default_factory=list)

    def update(
        self, index: StackIndex, time_s: float, _cells: Sequence[CellMeasures]
    ) -> list[CellState]:
        if index.image != self.position:
            return []
        since, stage = max(one for one in self.course if one[0] <= time_s)
        return [CellState(1, 0, stage, 0.97, since, self.cell)]


def session_dict(**changes: Any) -> dict[str, Any]:
    half = {"y": 0, "width": FIELD, "height": FIELD}
    return {
        "name": "division",
        "microscope": {
            "config": "simulated",
            "properties": {
                "Camera": {"Seed": 60_000, "FieldWidth": FIELD, "FieldHeight": FIELD, "Motion": 0},
                "Clock": {"Speedup": 2000},
            },
        },
        "layout": {
            "kind": "splitter",
            "channels": [
                {"name": "yellow", "x": 0, **half},
                {"name": "red", "x": FIELD, "flip": "horizontal", **half},
            ],
        },
        "sequence": {
            "axis_order": "tpcz",
            "setup": {"exposure": 20},
            "stage_positions": [{"x": 0, "y": 0}, {"x": 10, "y": 0}],
            "time_plan": {"interval": 60, "loops": 10},
            "z_plan": {"bottom": 0.0, "top": 2.1, "step": 0.3},
        },
        "calibration": "simulated",
        "segmentation": {"policy": "every", "grid": "network"},
        "storage": {"keep_free_gib": 0},
        "rules": [
            {
                "name": "record the division",
                "when": {"stage": "prometaphase"},
                "then": {"interval_s": 20, "z_range_um": 3.3, "center": "cell"},
                "until": {"stage": "telophase", "plus_min": 1},
            },
            {"name": "tell me", "when": {"stage": "anaphase"}, "then": {"notify": True}},
        ],
        **changes,
    }
