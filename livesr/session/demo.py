"""The demonstration: a session like any other, on the simulated microscope."""

from __future__ import annotations

from livesr.config import Session, session_from


def demo_session(*, timepoints: int, field: int, planes: int, seed: int) -> Session:
    """Return the session that ``livesr demo`` runs.

    Parameters
    ----------
    timepoints, planes : int
        Stacks, and planes a stack (0.3 µm apart).
    field : int
        Pixels along each side of a channel, of 0.0668 µm.
    seed : int
        The sample.
    """
    z_plan = {"bottom": 0.0, "top": 0.3 * (planes - 1), "step": 0.3}
    if planes == 1:
        z_plan = {"bottom": 2.4, "top": 2.4, "step": 0.3}
    return session_from(
        {
            "name": "demo",
            "microscope": {
                "config": "simulated",
                "properties": {
                    "Camera": {"Seed": seed, "FieldWidth": field, "FieldHeight": field},
                    "Clock": {"Speedup": 10},
                },
                "name": "simulated microscope",
                "camera": "simulated camera",
                "objective": "simulated 100x/1.49 oil",
            },
            "layout": {
                "kind": "splitter",
                "channels": [
                    {"name": "yellow", "x": 0, "y": 0, "width": field, "height": field},
                    {
                        "name": "red",
                        "x": field,
                        "y": 0,
                        "width": field,
                        "height": field,
                        "flip": "horizontal",
                    },
                ],
            },
            "sequence": {
                "axis_order": "tpcz",
                "setup": {"exposure": 50.0},
                "time_plan": {"interval": 30.0, "loops": timepoints},
                "z_plan": z_plan,
            },
            "calibration": "simulated",
        },
        where="demo",
    )
