"""The paper's speed claim: one dye for fifteen structures, or one colour after the other.

A pass through a stack is recorded on the simulated microscope. With n colours the same stack is
passed n times, with a change of filter and laser before each: the way that costs sequential
recording least, but the colours are of different moments. What the one dye saves is counted in time
and in light; what stays in place while colours are changed, in the truth of the same cell. Light is
illumination, not phototoxicity, and all exposures are taken as equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.detection import VESICLES
from livesr.analysis.scores import Counts
from livesr.bench.rows import Row
from livesr.config import plain_session, session_from
from livesr.flow import StopToken
from livesr.session import make_plan
from livesr.session.demo import demo_session
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.types import Bool, Frame

COLOURS = range(2, 16)
PLANES = 24
STEP_UM = 0.3
SETTLE_MS = 8.0
"""Of the z stage between planes: a piezo's (literature default)."""
SWITCH_S = 0.05
"""Change of emission filter and laser line before a colour: a fast wheel's (literature default)."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass through a stack.

    Attributes
    ----------
    seconds : float
        From its first exposure to the first one of the next.
    light_ms : float
        Light on the sample, ms of nominal power.
    """

    seconds: float
    light_ms: float


def rows(
    *, seed: int = 70_000, field: int = 384, colours: Sequence[int] = COLOURS, planes: int = PLANES
) -> Iterator[Row]:
    """Compare time and light of a stack, for numbers of colours.

    Parameters
    ----------
    seed : int
        Of the cell.
    field : int
        Pixels along each side.
    colours : sequence of int
    planes : int
    """
    one = recorded_pass(seed, planes)
    places = Places(seed, field, planes)
    for n in colours:
        each = one.seconds + SWITCH_S
        kept = places.kept((n - 1) * each)
        about = (
            f"{planes} planes of 50 ms, {SETTLE_MS:g} ms settling, {1000 * SWITCH_S:g} ms between "
            f"colours; of vesicles {kept:.2f} (IoU) stay in place from the first colour to the last"
        )
        for what, unit, ours, theirs in (
            ("time", "s", one.seconds, n * each),
            ("light", "ms at nominal power", one.light_ms, n * one.light_ms),
        ):
            yield Row(
                f"{what} a stack, one dye against {n} colours",
                ours,
                unit,
                peer=f"{n} sequential colours",
                peer_value=theirs,
                ratio=theirs / ours,
                bound="exposures: one a plane",
                attained=min(planes * 0.05 / ours, 1.0) if unit == "s" else 1.0,
                detail=about,
            )


def recorded_pass(seed: int, planes: int = PLANES) -> Pass:
    """Return a pass through a stack as the simulated microscope records it, both channels at once.

    Two stacks follow each other at once; the first one is taken.
    """
    data = plain_session(demo_session(timepoints=2, field=64, planes=planes, seed=seed))
    data["sequence"]["time_plan"] = {"interval": 0, "loops": 2}
    data["microscope"]["properties"]["Clock"]["Speedup"] = 10_000
    data["microscope"]["properties"]["Z"] = {"SettleTime-ms": SETTLE_MS}
    plan = make_plan(session_from(data, where="bench"))
    frames: list[Frame] = []
    try:
        plan.source.run(frames.append, StopToken())
    finally:
        plan.source.close()
    doses = [float(frame.device["dose_ms"]) for frame in frames]
    seconds = frames[planes].time_s - frames[0].time_s
    return Pass(seconds, doses[planes] - doses[0])


class Places:
    """Where the vesicles of one cell are, at some times.

    Parameters
    ----------
    seed, field, planes : int
    """

    def __init__(self, seed: int, field: int, planes: int) -> None:
        p = parameters()
        pixel = p.sampling.pixel_um[0]
        self._sample = Sample(seed, parameters=p)
        self._view = View((0.0, 0.0), pixel, (field, field))
        optics = Optics.from_seed(seed, p.optics, pixel)
        self._heights = [optics.depth(STEP_UM * k) for k in range(planes)]
        self._first = self._at(0.0)

    def kept(self, seconds: float) -> float:
        """Return the mean IoU of vesicles of each kind with themselves, so much later."""
        later = self._at(seconds)
        overlaps = [Counts.of(self._first[name], later[name]).iou for name in VESICLES]
        return float(np.mean(overlaps))

    def _at(self, time_s: float) -> dict[str, Bool]:
        truth = self._sample.truth(time_s, self._heights, self._view)
        return {name: truth[name] for name in VESICLES}
