"""Is the light ever on without reason? Processes killed, hung and paused beside a lamp that stays.

The lamp is a process of its own (`livesr.bench.lamp.box`): it shines until it is told not to,
and logs its own changes. What only a hardware interlock can do is measured too, and said so.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from livesr.bench.rows import Row
from livesr.bench.safety.kills import (
    LIGHTS,
    both_at_once,
    hang,
    kill_again_and_again,
    pause,
    running,
)
from livesr.bench.safety.session import HANG_AFTER_S, INTERVAL_S, PLANES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.safety.kills import Toll

KILLS, HANGS, PAUSES, BOTH = 100, 10, 10, 5
ASKED_S = 1.0
_STACKS = 4


def rows(kills: int = KILLS, hangs: int = HANGS, pauses: int = PAUSES) -> Iterator[Row]:
    """Measure all parts."""
    yield _row("light_off_after_kill_s", kill_again_and_again(kills), ASKED_S, "1 s")
    yield _row(
        "light off after a hang",
        hang(hangs),
        HANG_AFTER_S + ASKED_S,
        f"1 s after faults.hang_after_s ({HANG_AFTER_S:g} s)",
    )
    stack_s = PLANES * 0.05
    yield _row(
        "light off after a pause is asked for",
        pause(pauses),
        stack_s + ASKED_S,
        f"1 s after the end of the present stack ({stack_s:g} s)",
    )
    both = both_at_once(BOTH)
    yield Row(
        "acquisition and supervisor killed at the same moment: lamps that stayed on",
        float(both.stayed_on),
        f"of {BOTH}",
        detail=f"the lamp shone at {both.lit} of them: only a hardware interlock helps",
    )
    for light in LIGHTS:
        yield exposed(light)


def _row(name: str, toll: Toll, asked_s: float, bound: str) -> Row:
    shone = [seconds for seconds in toll.dark_s if seconds > 0.0]
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(toll.kinds.items()))
    middle = f"median of those {median(shone):.3f} s; " if shone else ""
    longest = toll.longest_s
    return Row(
        name,
        longest,
        "s",
        bound=bound,
        attained=min(asked_s / longest, 1.0) if longest > 0.0 else 1.0,
        detail=f"the longest of {len(toll.dark_s)} ({kinds}); the lamp shone at {toll.lit} of "
        f"them; {middle}shone in the end: {toll.stayed_on}; supervisors that left no word: "
        f"{toll.unsaid}",
    )


def exposed(light: str) -> Row:
    """Compare the lamp's own log with the camera's: light in which no frame was taken."""
    with (
        TemporaryDirectory(prefix="livesr-safety-") as name,
        running(Path(name) / "s", light=light, segmented=False, loops=_STACKS) as session,
    ):
        session.acquisition.wait()
        changes = session.lamp.changes()
        taken = session.frames()
    lit = [(a[0], b[0]) for a, b in zip(changes[::2], changes[1::2], strict=True)]
    shone = sum(b - a for a, b in lit)
    used = sum(max(min(b, d) - max(a, c), 0.0) for a, b in lit for c, d in taken)
    return Row(
        f"light in which a frame was taken, {light}",
        used / shone if shone else 0.0,
        "of 1",
        bound="all of it",
        attained=used / shone if shone else 0.0,
        detail=f"{len(taken)} frames in {_STACKS} stacks every {INTERVAL_S:g} s; lamp on "
        f"{len(lit)} times, {shone:.2f} s together; beside frames {(shone - used) / _STACKS:.3f} s "
        "a stack",
    )
