"""Delay from a stack's last plane to its masks on disk, and the segmenter's memory, in a session.

A session as it always runs, processes and all; only the camera is a stack that is played plane by
plane at the camera's speed.
"""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

from livesr.bench.engines.live import EXPOSURE_S
from livesr.bench.engines.way import CHANNELS, apart, info_of, open_way
from livesr.bench.rows import Row, attained
from livesr.calibration.profile import load_profile
from livesr.config import session_from
from livesr.segmentation.networks import choose_networks
from livesr.segmentation.segment import probabilities
from livesr.session import run_session
from livesr.session.plan import Plan
from livesr.types import Frame, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from livesr.bench.engines.way import Raw
    from livesr.flow import StopToken
    from livesr.types import RecordingInfo

ASKED_DELAY = 1.3
ASKED_GB = 2.5
SAMPLE_S = 0.02


class Played:
    """A source of frames: one stack again and again, two channels one after the other.

    Parameters
    ----------
    raw : Raw
    stacks : int
    exposure_s : float
        Time between frames.
    rest_s : float
        Time between stacks: each is to be finished before the next one begins.
    """

    def __init__(self, raw: Raw, stacks: int, exposure_s: float, rest_s: float) -> None:
        self._raw = raw
        self._exposure_s, self._rest_s = exposure_s, rest_s
        self.info: RecordingInfo = info_of(raw.shape, stacks)

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        """Deliver all frames, each when it is due."""
        due = time.monotonic()
        for t in range(self.info.timepoints):
            for z in range(self.info.shape[1]):
                for c in range(self.info.shape[0]):
                    due += self._exposure_s
                    if stop.wait(due - time.monotonic()):
                        return
                    deliver(self._frame(t, c, z))
            due += self._rest_s

    def resume(self, done: Collection[StackIndex], elapsed_s: float, late_s: float = 0.0) -> None:
        """Nothing is ever resumed here."""

    def close(self) -> None:
        """Do nothing: there are no devices."""

    def _frame(self, t: int, c: int, z: int) -> Frame:
        return Frame(
            image=self._raw.data[c, z],
            stack=StackIndex(0, t),
            z=z,
            c=c,
            time_s=float(t),
            position_um=(0.0, 0.0, 0.0),
            exposure_ms=self._exposure_s * 1e3,
        )


class Peak:
    """Largest resident memory of any process that this one started, bytes."""

    def __init__(self) -> None:
        self.value = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look every `SAMPLE_S`."""
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over,), name="memory")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: threading.Event) -> None:
        own = psutil.Process()
        while not over.wait(SAMPLE_S):
            for child in own.children():
                try:
                    self.value = max(self.value, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue


def rows(
    raw: Raw, *, stacks: int = 4, exposure_s: float = EXPOSURE_S, rest_s: float = 10.0
) -> Iterator[Row]:
    """Run the session.

    Parameters
    ----------
    raw : Raw
    stacks : int
        At least two; the first one does not count.
    exposure_s : float
        Time between frames.
    rest_s : float
        Time between stacks.
    """
    peak = Peak()
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder, peak.watched():
        result = run_session(_plan(Played(raw, stacks, exposure_s, rest_s)), Path(folder) / "s")
    if result.error is not None:
        raise result.error
    delay, network = median(result.latencies_s[1:]), apart(network_s, raw)
    of = f"{len(result.latencies_s)} of {stacks} stacks segmented; engine {result.engine}"
    yield Row(
        "delay from the last plane to masks on disk, over the network's time",
        delay / network,
        "s/s",
        bound=f"{ASKED_DELAY} at most, asked",
        attained=attained(delay / network, ASKED_DELAY),
        detail=f"delay {delay:.2f} s, network alone {network:.2f} s; {of}",
    )
    yield Row(
        "peak memory of the segmenter's process",
        peak.value / 1e9,
        "GB",
        bound=f"{ASKED_GB} GB at most, asked",
        attained=attained(peak.value / 1e9, ASKED_GB),
        detail=f"resident, the spool's shared pages included, every {SAMPLE_S * 1e3:g} ms; {of}",
    )


def network_s(raw: Raw, repeats: int = 3) -> float:
    """Return the seconds of the network alone."""
    with open_way(raw.shape) as way:
        features = way.features(raw)
        package, engine = way.tools.networks.first, way.tools.engines[0]
        seconds = []
        for _ in range(repeats + 1):
            began = time.perf_counter()
            probabilities(features, package, engine)
            seconds.append(time.perf_counter() - began)
    return median(seconds[1:])


def _plan(source: Played) -> Plan:
    channels = [{"name": name, "config": ""} for name in CHANNELS]
    session = session_from(
        {
            "name": "bench",
            "layout": {"kind": "sequential", "channels": channels},
            "calibration": "simulated",
            "segmentation": {"policy": "every"},
        },
        where="bench",
    )
    networks = choose_networks(["ALL"])
    models = {1: load_profile("simulated").models()["red"]}
    return Plan(session, source, networks, "simulated", models, {}, (), (), "auto", {})
