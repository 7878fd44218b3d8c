"""Is anything ever lost? The disk, kills, spoilt files and thousands of time points.

Each part is a function that yields rows; `rows` runs those of `PARTS` in their order.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import tensorstore as ts

from livesr.bench.full_disk import SIZE_MIB, fill_again_and_again
from livesr.bench.kills import kill_rows
from livesr.bench.long_run import long_rows
from livesr.bench.mutations import GOOD, OUTCOMES, run_mutations
from livesr.bench.paced import PacedSource, paced_plan
from livesr.bench.rows import Row
from livesr.session import run_session
from livesr.simulator.stack import simulate_stack
from livesr.storage.disk import free_bytes
from livesr.storage.journal import Event, Journal
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from livesr.session import SessionResult
    from livesr.types import UInt16

SIDE, PLANES, FPS = 1200, 24, 41.0
_SECONDS = 60.0
_SLOTS = 4
_BUFFER_STACKS = 2
"""What livesr asks Micro-Manager to buffer."""
_MB = 1e6
_BLOCK = 8 * 2**20
_CORES = 2
MUTATIONS = 10_000


def rows() -> Iterator[Row]:
    """Measure all parts."""
    for part in PARTS:
        yield from part()


def sustained(
    *, side: int = SIDE, planes: int = PLANES, fps: float = FPS, seconds: float = _SECONDS
) -> Iterator[Row]:
    """Store two channels of (side, side), uint16, at the camera's rate, and as fast as it goes.

    Parameters
    ----------
    side, planes : int
    fps : float
    seconds : float
        Of recording; less where the disk has no room for it. What is stored is deleted.
    """
    pool = _images(side, planes)
    stack_bytes = pool.nbytes
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder, _two_cores():
        room = free_bytes(Path(folder)) // 2 // stack_bytes
        stacks = max(min(int(seconds * fps / planes), room), 2)
        before = sequential_write(Path(folder), min(stacks * stack_bytes, 2**30))
        began = _processor_s()
        paced, at_rate = _stored(Path(folder) / "paced", pool, planes, stacks, fps)
        busy = (_processor_s() - began) * fps / at_rate.frames
        hurried = max(min(stacks, 40), 2)
        _, fast = _stored(Path(folder) / "fast", pool, planes, hurried, 0.0)
        after = sequential_write(Path(folder), min(stacks * stack_bytes, 2**30))
    disk_mb_s = (before + after) / 2 / _MB
    stored = at_rate.disk["stored_bytes"]
    assert isinstance(stored, int)  # noqa: S101 - a result's own
    rate = fps * pool[0].nbytes / _MB
    yield Row(
        f"raw to disk at {fps:g} fps, 2 × {side} × {side}",
        at_rate.fps * pool[0].nbytes / _MB,
        "MB/s",
        bound=f"the camera, {rate:.0f} MB/s before compression",
        attained=min(at_rate.fps / fps, 1.0),
        detail=f"{at_rate.frames} frames in {at_rate.frames / fps:.0f} s, lost {paced.lost}; at "
        f"most {paced.latest} of {_BUFFER_STACKS * planes} waited in the camera's buffer; "
        f"compressed by {at_rate.disk['compression']}, {stored / _MB / 1e3:.1f} GB written; "
        f"{busy:.2f} of {_CORES} cores busy with it at that rate",
    )
    seconds_fast = fast.frames / fast.fps if fast.fps else 1.0
    written = fast.disk["stored_bytes"]
    assert isinstance(written, int)  # noqa: S101 - a result's own
    yield Row(
        "raw to disk as fast as it goes, as compressed",
        written / seconds_fast / _MB,
        "MB/s",
        peer="sequential writing of noise, synced at the end",
        peer_value=disk_mb_s,
        ratio=written / seconds_fast / _MB / disk_mb_s,
        bound="the disk's sequential write speed",
        attained=min(written / seconds_fast / _MB / disk_mb_s, 1.0),
        detail=f"{fast.fps:.1f} fps, {fast.fps * pool[0].nbytes / _MB:.0f} MB/s before "
        f"compression; the disk {before / _MB:.0f} MB/s before and {after / _MB:.0f} after; each "
        "stack synced",
    )


def syncing(*, side: int = 600, planes: int = PLANES, repeats: int = 8) -> Iterator[Row]:
    """Say what it costs that a stack and its journal line are durable when the call returns."""
    stack = _images(side, planes).reshape(planes, side, 2, side).transpose(2, 0, 1, 3).copy()
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as name:
        folder = Path(name)
        stores = {sync: _array(folder / f"sync-{sync}", stack, sync=sync) for sync in (True, False)}
        times: dict[bool, list[float]] = {True: [], False: []}
        for t in range(repeats):
            for sync, store in stores.items():
                began = time.perf_counter()
                for write in [store[t, c].write(stack[c]) for c in range(2)]:
                    write.result()
                times[sync].append(time.perf_counter() - began)
        line_s = _journal_line(folder, repeats)
    synced, loose = median(times[True]), median(times[False])
    yield Row(
        f"a stack of 2 × {planes} × {side} × {side}, durable when written",
        1000 * synced,
        "ms",
        peer="the same left to the system's cache",
        peer_value=1000 * loose,
        ratio=loose / synced,
        detail=f"median of {repeats}",
    )
    yield Row("a line of the journal, durable when written", 1000 * line_s, "ms", bound="fsync")


def full_disk(*, rounds: int = 50) -> Iterator[Row]:
    """Fill a real (small) disk under a session again and again."""
    filled = fill_again_and_again(rounds)
    if filled is None:
        yield Row(
            "disk full within a write", 0, "rounds", detail="this system lets no user mount a disk"
        )
        return
    met = ", ".join(f"{name} {count}" for name, count in filled.met.items())
    yield Row(
        "disk full within a write",
        filled.rounds - len(filled.wrong),
        "rounds",
        bound="rounds in which nothing was lost, nor journalled that is not there",
        attained=max(1 - len(filled.wrong) / rounds, 0.0),
        detail=f"{rounds} rounds on a disk of {SIZE_MIB} MiB; first met by {met}; "
        f"{len(filled.error_s)} errors, each told within "
        f"{max(filled.error_s, default=0.0):.3f} s of its write's begin; {filled.stacks} stacks "
        f"compared; wrong: {'; '.join(filled.wrong) or 'nothing'}",
    )


def bad_files(mutations: int = MUTATIONS) -> Iterator[Row]:
    """Spoil good files in thousands of ways and read them."""
    tally = run_mutations(mutations)
    counted = {outcome: tally.total(outcome) for outcome in OUTCOMES}
    well = sum(counted[outcome] for outcome in GOOD)
    worst = "; ".join(f"{f['kind']} {f['number']}: {f['outcome']}" for f in tally.failures[:5])
    yield Row(
        f"spoilt files of {len({kind for kind, _ in tally.counts})} kinds read, or refused clearly",
        well,
        "files",
        bound=f"{sum(counted.values())}",
        attained=well / sum(counted.values()),
        detail=", ".join(f"{outcome} {n}" for outcome, n in counted.items())
        + f"; the slowest took {tally.slowest[0]:.1f} s; wrong: {worst or 'nothing'}",
    )


PARTS: tuple[Callable[[], Iterator[Row]], ...] = (
    sustained,
    syncing,
    full_disk,
    kill_rows,
    bad_files,
    long_rows,
)


def sequential_write(folder: Path, size: int) -> float:
    """Return the bytes a second at which a file of noise is written and synced."""
    block = np.random.default_rng(60_701).bytes(_BLOCK)
    path, written = folder / "sequential", 0
    began = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        while written < size:
            written += file.write(block)
        os.fsync(file.fileno())
    seconds = time.perf_counter() - began
    path.unlink()
    return written / seconds


def _processor_s() -> float:
    times = os.times()
    return times.user + times.system


def _stored(
    folder: Path, pool: UInt16, planes: int, stacks: int, fps: float
) -> tuple[PacedSource, SessionResult]:
    source = PacedSource(
        pool, planes=planes, timepoints=stacks, fps=fps, buffer=_BUFFER_STACKS * planes
    )
    return source, run_session(paced_plan(source, spool_slots=_SLOTS), folder)


def _images(side: int, planes: int) -> UInt16:
    """Return a stack's images of both channels (planes, side, 2·side): cells and shot noise."""
    small = max(side // 4, 32)  # four fields side by side take a sixteenth of the time
    photons, _ = simulate_stack(60_702, shape=(planes, small, small))
    tiles = -(-side // small)
    light = np.tile(np.asarray(photons)[:2], (1, 1, tiles, tiles))[:, :, :side, :side]
    both = np.concatenate([light[0], light[-1]], axis=-1)
    rng = np.random.default_rng(60_703)
    counts = 100 + rng.poisson(np.maximum(both, 0)) + rng.normal(0, 1.5, both.shape)
    images: UInt16 = np.clip(counts, 0, 65535).astype(np.uint16)
    return images


def _array(path: Path, stack: UInt16, *, sync: bool) -> ts.TensorStore:
    """Return an array as a session's image is, synced or not."""
    shard = [1, 1, *stack.shape[1:]]
    codecs = [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "blosc", "configuration": {"cname": "lz4", "shuffle": "shuffle"}},
    ]
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": f"{path.as_posix()}/"},
        "context": {"file_io_sync": sync},
        "metadata": {
            "shape": [1000, *stack.shape],
            "data_type": "uint16",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shard}},
            "codecs": [
                {
                    "name": "sharding_indexed",
                    "configuration": {"chunk_shape": [1, 1, 1, *stack.shape[2:]], "codecs": codecs},
                }
            ],
        },
    }
    return ts.open(spec, create=True).result()


def _journal_line(folder: Path, repeats: int) -> float:
    seconds = []
    with Journal(folder / "journal.jsonl") as journal:
        for t in range(4 * repeats):
            began = time.perf_counter()
            journal.append(Event.STACK_STORED, StackIndex(0, t), time_s=1.0, frames=24)
            seconds.append(time.perf_counter() - began)
    return median(seconds)


@contextmanager
def _two_cores() -> Iterator[None]:
    """Keep this process to two cores, where the system lets it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:_CORES]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
