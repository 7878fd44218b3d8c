"""A server on this machine against the same engine within the program: what the way there costs."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.engines.loopback import loopback_process
from livesr.bench.engines.way import apart
from livesr.bench.rows import Row
from livesr.segmentation.engines import REMOTE, choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.engines.way import Raw
    from livesr.types import UInt8

ASKED = 0.15
"""Share that the way to a server on the same machine may add to a stack's time."""


def rows(
    raw: Raw, *, repeats: int = 5, package: str = "ALL", engine: str = "auto"
) -> Iterator[Row]:
    """Run the network on both, a stack here and a stack there in turn.

    Parameters
    ----------
    raw : Raw
    repeats : int
        Stacks on each; the medians count.
    package, engine : str
    """
    if reason := REMOTE.unavailable():
        yield Row("remote engine over loopback", 0.0, "s", detail=f"not measured: {reason}")
        return
    local, remote, differing, words = apart(both, raw, repeats, package, engine)
    added = median(remote) / median(local) - 1
    yield Row(
        "remote engine over loopback, share of the network's time that it adds",
        added,
        "share",
        peer=f"{words} in the same program",
        peer_value=0.0,
        bound=f"{ASKED:g} at most, asked",
        attained=min(ASKED / added, 1.0) if added > 0 else 1.0,
        detail=f"{median(remote):.3f} s for a stack, {median(local):.3f} s without a server; both "
        "on the same cores",
    )
    yield Row(
        "probabilities that differ between remote and local engine",
        differing,
        "voxels",
        bound="0: the same engine",
        attained=float(not differing),
    )


def both(
    raw: Raw, repeats: int, package: str, engine: str
) -> tuple[list[float], list[float], int, str]:
    """Return the seconds of runs here and there, how many voxels differ, and the engine."""
    loaded = load_package(package)
    features = raw.registered(loaded)

    def once(name: str) -> tuple[float, UInt8]:
        began = time.perf_counter()
        found = probabilities(features, loaded, running[name])
        return time.perf_counter() - began, found

    with loopback_process(str(loaded.folder), engine) as url:
        running = {"local": choose_engine(engine, loaded)}
        running["remote"] = choose_engine(f"remote:{url}", loaded)
        first = {name: once(name)[1] for name in running}
        differing = int(np.count_nonzero(first["local"] != first["remote"]))
        first.clear()
        seconds: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(repeats):
            for name, times in seconds.items():
                times.append(once(name)[0])
        words = f"{running['local'].name} {running['local'].precision}"
        for one in running.values():
            one.close()
    return seconds["local"], seconds["remote"], differing, words
