"""``livesr run`` in a process of its own that says when its first frame came; see `start`."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

BEGAN = "LIVESR_BENCH_BEGAN"
"""Environment variable: when the process was called, s since 1970."""

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from livesr.acquisition.sources import Source
    from livesr.flow import StopToken
    from livesr.session import Plan
    from livesr.types import Frame, StackIndex


class FirstFrame:
    """A source that prints what is known once its first frame has come, and stops.

    Parameters
    ----------
    source : Source
    laps : dict
        Seconds since the process began, by step.
    """

    def __init__(self, source: Source, laps: dict[str, float]) -> None:
        self._source, self._laps = source, laps
        self.info = source.info

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        """Run the source until a frame has come."""
        lap(self._laps, "segmenter ready")

        def first(frame: Frame) -> None:
            if "first frame" not in self._laps:
                lap(self._laps, "first frame")
                print(json.dumps({"laps": self._laps, "torch": with_torch()}), flush=True)  # noqa: T201
                stop.stop_now("its first frame has come")
            deliver(frame)

        self._source.run(first, stop)

    def resume(self, done: Collection[StackIndex], elapsed_s: float, late_s: float = 0.0) -> None:
        """Nothing is ever resumed here."""

    def close(self) -> None:
        """Let go of the devices."""
        self._source.close()


def lap(laps: dict[str, float], name: str) -> None:
    """Note the seconds since the call that began the process."""
    laps[name] = time.time() - float(os.environ[BEGAN])


def with_torch() -> list[str]:
    """Return which of this process and its children have PyTorch's libraries in memory."""
    import psutil

    own = psutil.Process()
    found = ["the program"] if "torch" in sys.modules else []
    for child in own.children(recursive=True):
        try:
            loaded = any("torch" in part.path for part in child.memory_maps())
        except (psutil.Error, NotImplementedError, AttributeError):
            continue
        found += ["the segmenter"] if loaded else []
    return found


def main(session: str, out: str) -> None:
    """Run the session as ``livesr run`` does."""
    laps: dict[str, float] = {}
    lap(laps, "Python")
    # by name: this is a program of its own, above the command line, and no part of the benchmarks
    verb: Any = import_module("livesr.cli.run")
    program: Any = import_module("livesr.cli")
    lap(laps, "imports")
    checked: Callable[[Any], Plan] = verb.make_plan

    def noting(config: Any) -> Plan:
        lap(laps, "session read")
        plan = checked(config)
        lap(laps, "microscope and packages checked")
        return replace(plan, source=FirstFrame(plan.source, laps))

    verb.make_plan = noting
    program.main(["run", session, "--out", out, "--headless"])


if __name__ == "__main__":
    main(*sys.argv[1:3])
