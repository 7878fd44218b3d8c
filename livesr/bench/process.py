"""What `livesr process` costs: on workers against one process, and on storage that is slow."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from livesr.bench.rows import Row
from livesr.flow import StopToken
from livesr.offline import Input, Wishes, process
from livesr.offline.cluster import INSTALL, Cluster
from livesr.offline.hands import Here
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.stack import simulate_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.offline.hands import Hands
    from livesr.offline.sources import Stacks
    from livesr.types import StackIndex, UInt16

VOXEL_UM = (0.3, 0.0668, 0.0668)
_CORES = 2
_WORKERS = 4
_SEED = 70_300


def rows(
    *,
    stacks: int = 12,
    field: int = 512,
    planes: int = 24,
    rounds: int = 2,
    latency_s: float = 4.0,
) -> Iterator[Row]:
    """Measure both.

    Parameters
    ----------
    stacks : int
        Of the recording.
    field, planes : int
        Pixels along each side, and planes.
    rounds : int
        Each way is measured so often, in turns, and its best time counts.
    latency_s : float
        That each stack waits for the slow storage.
    """
    if find_spec("distributed") is None:
        yield Row("two one-thread Dask workers", 0.0, "stacks/s", detail=f"not measured: {INSTALL}")
        return
    with tempfile.TemporaryDirectory(prefix="livesr-bench-", ignore_cleanup_errors=True) as folder:
        here = Path(folder)
        first = _recording(here / "first.ome.tif", _WORKERS, field, planes)
        timed = _recording(here / "timed.ome.tif", stacks, field, planes)
        yield from _on_two_cores(here, first, timed, stacks, rounds)
    with tempfile.TemporaryDirectory(prefix="livesr-bench-", ignore_cleanup_errors=True) as folder:
        here = Path(folder)
        first = _recording(here / "first.ome.tif", _WORKERS, 64, 8)
        timed = _recording(here / "timed.ome.tif", 2 * _WORKERS, 64, 8)
        yield _on_slow_storage(here, first, timed, 2 * _WORKERS, latency_s)


def _on_two_cores(
    folder: Path, first: Input, timed: Input, stacks: int, rounds: int
) -> Iterator[Row]:
    ways: dict[str, list[float]] = {"workers": [], "process": []}
    for number in range(rounds):
        with closing(Cluster(workers=_CORES, threads=1)) as hands:
            ways["workers"].append(_seconds(hands, folder / f"w{number}", first, timed))
        with closing(Here(_CORES)) as alone:
            ways["process"].append(_seconds(alone, folder / f"p{number}", first, timed))
    many, one = (stacks / min(ways[name]) for name in ("workers", "process"))
    yield Row(
        "two one-thread Dask workers",
        many,
        "stacks/s",
        peer="one two-thread process",
        peer_value=one,
        ratio=many / one,
        bound="0.95 of one process",
        attained=min(many / one / 0.95, 1.0),
        detail=f"{stacks} stacks, networks loaded before, best of {rounds}: "
        + "; ".join(f"{k} " + ", ".join(f"{s:.1f} s" for s in v) for k, v in ways.items()),
    )


def _on_slow_storage(
    folder: Path, first: Input, timed: Input, stacks: int, latency_s: float
) -> Row:
    speeds = {}
    for workers in (1, _WORKERS):
        with closing(Cluster(workers=workers, threads=1)) as hands:
            hands.run_everywhere(slow_storage, latency_s)
            speeds[workers] = stacks / _seconds(hands, folder / f"{workers}", first, timed)
    ratio = speeds[_WORKERS] / speeds[1]
    return Row(
        f"{_WORKERS} workers on slow storage",
        speeds[_WORKERS],
        "stacks/s",
        peer="one worker",
        peer_value=speeds[1],
        ratio=ratio,
        bound=f"{_WORKERS} times one worker's",
        attained=min(ratio / _WORKERS, 1.0),
        detail=f"{stacks} small stacks, each read {latency_s:g} s late",
    )


def slow_storage(latency_s: float) -> None:
    """Let every stack that this process reads from now on come late."""
    from livesr.offline.sources import RecordedStacks

    read = RecordedStacks.read

    def late(self: Stacks, index: StackIndex) -> UInt16:
        time.sleep(latency_s)
        return read(self, index)  # type: ignore[arg-type] # it is one

    setattr(RecordedStacks, "read", late)  # noqa: B010 - mypy knows that methods are not assigned


def _seconds(hands: Hands, out: Path, first: Input, timed: Input) -> float:
    """Return the time of a recording whose networks another one has loaded already."""
    wishes = Wishes(settings=("storage.keep_free_gib=0",))
    took = 0.0
    for one in (first, timed):
        began = time.monotonic()
        report = process([one], wishes, out, hands, stop=StopToken())[0]
        took = time.monotonic() - began
        if not report.complete:
            raise report.error or RuntimeError(f"{one.path} was not segmented")
    return took


def _recording(path: Path, timepoints: int, field: int, planes: int) -> Input:
    """Write one simulated stack, exposed again for each time point."""
    photons, _ = simulate_stack(_SEED, shape=(planes, field, field))
    camera, rng = CameraModel(), np.random.default_rng(_SEED)
    data: Any = np.stack([camera.expose(photons, rng) for _ in range(timepoints)])
    z, y, x = VOXEL_UM
    scales = {"PhysicalSizeZ": z, "PhysicalSizeY": y, "PhysicalSizeX": x}
    tifffile.imwrite(path, data, metadata={"axes": "TCZYX", **scales})
    return Input(path, path.name.split(".")[0])
