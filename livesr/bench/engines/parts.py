"""Where a stack's processor time goes: what of it is not the network."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from livesr.bench.engines.way import apart, open_way
from livesr.bench.rows import Row
from livesr.pipeline import Segmentation, measure
from livesr.segmentation.quantities import measure as quantities_of
from livesr.segmentation.segment import probabilities, to_masks
from livesr.types import Masks, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.engines.way import Raw, Way
    from livesr.types import UInt8

NETWORK = "network"
ASKED = {"camera": 0.30, "network": 0.20}
"""Share that is not the network, at most, with masks on the camera's or the networks' grid."""


@dataclass(frozen=True, slots=True)
class Lap:
    """Processor seconds of all threads, and seconds on the wall."""

    cpu: float
    wall: float


class Laps:
    """Measures parts that follow one another."""

    def __init__(self) -> None:
        self.parts: dict[str, Lap] = {}
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def end(self, name: str) -> None:
        """Give what passed since the last part to this one; to the same name it adds up."""
        cpu, wall = time.process_time(), time.perf_counter()
        before = self.parts.get(name, Lap(0.0, 0.0))
        self.parts[name] = Lap(before.cpu + cpu - self._cpu, before.wall + wall - self._wall)
        self._cpu, self._wall = cpu, wall


def rows(raw: Raw, *, repeats: int = 5) -> Iterator[Row]:
    """Measure the parts with masks on the camera's grid, and on the networks'.

    Parameters
    ----------
    raw : Raw
    repeats : int
        Stacks; the median of each part counts.
    """
    for grid in ASKED:
        yield from _of(grid, apart(several, raw, repeats, grid == "camera"))


def several(raw: Raw, repeats: int, on_camera_grid: bool) -> list[dict[str, Lap]]:
    """Return the parts of some stacks after a first one that compiles."""
    with open_way(raw.shape, on_camera_grid=on_camera_grid) as way:
        once(way, raw)
        return [once(way, raw) for _ in range(repeats)]


def once(way: Way, raw: Raw) -> dict[str, Lap]:
    """Do a stack's steps one after the other, as `livesr.pipeline.segment` does, and time each."""
    tools, index = way.tools, StackIndex(0, 0)
    laps = Laps()
    way.estimate(raw)
    laps.end("normalisation")
    features = way.features(raw)
    laps.end("warp and features")
    grid = tools.camera if tools.on_camera_grid else features.grid
    volumes: dict[str, UInt8] = {}
    for package, engine in zip(tools.networks.packages, tools.engines, strict=True):
        probability = probabilities(features, package, engine)
        laps.end(NETWORK)
        names = engine.structures
        masks = to_masks(probability, package, grid, index, structures=names, outputs=names)
        volumes |= masks.volumes
        laps.end("masks")
    if tools.seen is not None:
        tools.seen.strangeness(quantities_of(raw.data, features, tools.camera, raw.normalisation))
    laps.end("how unlike the training")
    found = Masks(volumes, grid, index)
    way.findings.write(0, Segmentation(found))
    laps.end("storing")
    measure(found)
    laps.end("measuring")
    return laps.parts


def _of(grid: str, runs: list[dict[str, Lap]]) -> Iterator[Row]:
    cpu = {name: median(run[name].cpu for run in runs) for name in runs[0]}
    wall = {name: median(run[name].wall for run in runs) for name in runs[0]}
    total = sum(cpu.values())
    for name, seconds in cpu.items():
        yield Row(
            f"processor time of a stack, masks on the {grid}'s grid: {name}",
            seconds,
            "CPU s",
            detail=f"{seconds / total:.1%} of it; {wall[name]:.3f} s on the wall",
        )
    rest = 1 - cpu[NETWORK] / total
    yield Row(
        f"processor time that is not the network, masks on the {grid}'s grid",
        rest,
        "share",
        bound=f"{ASKED[grid]:g} at most, asked",
        attained=min(ASKED[grid] / rest, 1.0),
        detail=f"{total:.2f} CPU s a stack, of which {cpu[NETWORK]:.2f} s are the network",
    )
