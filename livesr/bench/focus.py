"""Focus that follows the sample: how far stacks lie off while a simulated stand warms up."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.rows import Row, attained
from livesr.config import session_from
from livesr.focus.follower import FocusFollower
from livesr.session import make_plan, run_session
from livesr.simulator.microscope.focus import FocusDrift
from livesr.simulator.stack import simulate_stack
from livesr.storage.folder import JOURNAL_FILE
from livesr.storage.journal import Event, JournalTail
from livesr.types import Grid, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.config.session import Session
    from livesr.types import Float64

ASKED_UM = 0.3
"""A plane: what a mask notices."""
SETTLING = 2
"""Stacks before the drift and its speed are known."""
_SEED = 70_001
_WARMING = FocusDrift(thermal_um=4.0, thermal_min=15.0, wander_nm=50.0)
_CALM = FocusDrift(rate_nm_min=20.0)
_ROUNDING = {"sample.dividing": 0.5, "sample.rounding": 0.5, "sample.window_min": [2, 12]}
"""Every cell of the field rounds up."""
_SOME_ROUND = {"sample.dividing": 0.2, "sample.rounding": 0.2, "sample.window_min": [2, 20]}


@dataclass(frozen=True, slots=True)
class Followed:
    """How a session went: the drift and what was left of it, µm, of each stack."""

    drift_um: Float64
    left_um: Float64
    agreed: int


def rows(*, timepoints: int = 30, field: int = 256) -> Iterator[Row]:
    """Measure all.

    Parameters
    ----------
    timepoints : int
        Stacks of each session.
    field : int
        Pixels of 0.13 µm along each side of a channel.
    """
    cells = f"{timepoints} stacks, one a minute; a field of {field * 0.13:.0f} µm"
    yield from _of("warm-up of 4 µm", follow(_WARMING, timepoints, field=field), cells)
    many = follow(_WARMING, timepoints, field=2 * field, interval_s=60, parameters=_SOME_ROUND)
    yield from _of("warm-up of 4 µm, 40 % of the cells round up", many, "a field twice as wide")
    alone = follow(_CALM, timepoints, field=field, interval_s=180, parameters=_ROUNDING)
    yield from _of("20 nm/min, every cell of the field rounds up", alone, "a stack every 3 min")
    yield _time()


def follow(
    drift: FocusDrift,
    timepoints: int,
    *,
    field: int = 256,
    interval_s: float = 60.0,
    parameters: dict[str, object] | None = None,
    seed: int = _SEED,
) -> Followed:
    """Record a simulated session whose focus drifts and is followed."""
    session = focus_session(drift, timepoints, field, interval_s, parameters, seed)
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        out = Path(folder) / "session"
        run_session(make_plan(session), out)
        entries = JournalTail(out / JOURNAL_FILE).read_new()
    stored = [entry for entry in entries if entry["event"] == Event.STACK_STORED]
    free = np.array([drift.at(entry["time_s"]) for entry in stored])
    applied = np.array([entry["focus"]["applied_um"] for entry in stored])
    agreed = sum(entry["focus"]["shown_um"] is not None for entry in stored)
    return Followed(free, free + applied, agreed)


def focus_session(
    drift: FocusDrift,
    timepoints: int,
    field: int,
    interval_s: float,
    parameters: dict[str, object] | None,
    seed: int,
) -> Session:
    """Return such a session."""
    camera: dict[str, object] = {
        "Seed": seed,
        "FieldWidth": field,
        "FieldHeight": field,
        "PixelSizeUm": 0.13,
    }
    camera |= {"PixelSizeUm": 0.13, "TimeStep-s": 60, "Parameters": json.dumps(parameters or {})}
    drifts = {
        "Rate-nm/min": drift.rate_nm_min,
        "Thermal-um": drift.thermal_um,
        "ThermalTime-min": drift.thermal_min,
        "Wander-nm": drift.wander_nm,
    }
    size = {"y": 0, "width": field, "height": field}
    channels = [
        {"name": "yellow", "x": 0, **size},
        {"name": "red", "x": field, "flip": "horizontal", **size},
    ]
    return session_from(
        {
            "name": "focus",
            "microscope": {
                "config": "simulated",
                "properties": {
                    "Camera": camera,
                    "FocusDrift": drifts,
                    "Clock": {"Speedup": 100_000},
                },
            },
            "layout": {"kind": "splitter", "channels": channels},
            "sequence": {
                "axis_order": "tpcz",
                "setup": {"exposure": 50},
                "time_plan": {"interval": interval_s, "loops": timepoints},
                "z_plan": {"bottom": 0.0, "top": 6.9, "step": 0.3},
            },
            "calibration": "none",
            "segmentation": {"enabled": False},
            "focus": {"mode": "image"},
        },
        where="bench",
    )


def _of(what: str, followed: Followed, detail: str) -> Iterator[Row]:
    left = np.abs(followed.left_um[SETTLING:])
    free = float(np.abs(followed.drift_um[SETTLING:]).max())
    yield Row(
        f"focus error, {what}",
        float(left.max()),
        "µm, the largest after the second stack",
        peer="not followed",
        peer_value=free,
        ratio=free / max(float(left.max()), 1e-3),
        bound=f"{ASKED_UM} µm, a plane",
        attained=attained(float(left.max()), ASKED_UM),
        detail=f"{detail}; root mean square {np.sqrt((left**2).mean()):.3f} µm, first two stacks "
        f"{np.abs(followed.left_um[:SETTLING]).max():.2f} µm; tiles agreed in {followed.agreed} of "
        f"{len(followed.left_um)} stacks",
    )


def _time() -> Row:
    """Measure how long looking at one stack takes."""
    light, _ = simulate_stack(_SEED, shape=(24, 512, 512))
    data = np.tile(light, (1, 1, 2, 2))[:, :, :1000, :1000].astype(np.uint16)
    follower = FocusFollower(Grid((24, 1000, 1000), (0.3, 0.0668, 0.0668)), 100.0)
    follower.update(StackIndex(0, 0), data, time_s=0.0, applied_um=0.0)
    took = []
    for t in range(1, 4):
        began = time.perf_counter()
        follower.update(StackIndex(0, t), data, time_s=60.0 * t, applied_um=0.0)
        took.append(time.perf_counter() - began)
    return Row(
        "following the focus on a stack of 2 × 24 × 1000 × 1000",
        min(took),
        "s",
        detail="beside the camera, in the thread that stores",
    )
