"""From a stack's last plane to the changed acquisition: sessions at the microscope's own pace.

A rule that acts on any cell in interphase changes the interval as soon as the masks of a stack
are there; the journal's own figures are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from livesr.bench.rows import Row
from livesr.config import plain_session, session_from
from livesr.session import make_plan, run_session
from livesr.session.demo import demo_session
from livesr.storage.folder import JOURNAL_FILE
from livesr.storage.journal import Event, read_journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.config import Session

SEEDS = range(70_660, 70_664)
FIELD, PLANES, TIMEPOINTS = 512, 24, 5
WATCH_S, FAST_S = 8.0, 6.0


@dataclass(frozen=True, slots=True)
class Change:
    """One changed acquisition.

    Attributes
    ----------
    after_last_plane_s : float
        From the last plane of the stack that it was decided with to the first changed stack.
    masks_s : float
        Of it, until the masks of that stack were there.
    stacks_between : int
        Stacks that were taken unchanged meanwhile.
    """

    after_last_plane_s: float
    masks_s: float
    stacks_between: int


def rows(
    seeds: Sequence[int] = SEEDS, *, field: int = FIELD, planes: int = PLANES
) -> Iterator[Row]:
    """Run a session a seed, with the simulated clock at real time, and report its changes."""
    with TemporaryDirectory(prefix="livesr-bench-") as name:
        found = [
            one
            for seed in seeds
            for one in changes(_session(seed, field, planes), Path(name) / str(seed))
        ]
    about = (
        f"{len(found)} changes in {len(seeds)} sessions of {planes} × {field} × {field} every "
        f"{WATCH_S:g} s"
    )
    between = max((one.stacks_between for one in found), default=0)
    yield Row(
        "stacks taken between masks and changed acquisition, at most",
        between,
        "stacks",
        bound="1",
        attained=float(bool(found) and between <= 1),
        detail=about,
    )
    if found:
        masks_s = median(one.masks_s for one in found)
        yield Row(
            "from last plane to changed acquisition",
            median(one.after_last_plane_s for one in found),
            "s",
            bound="the time until the masks are there and one stack",
            detail=f"median; the masks alone {masks_s:.2f} s; {about}",
        )


def changes(session: Session, folder: Path) -> Iterator[Change]:
    """Run a session, and yield what its journal tells of each change."""
    run_session(make_plan(session), folder)
    masks_s: dict[tuple[int, int], float] = {}
    decided = (0, 0)
    for line in read_journal(folder / JOURNAL_FILE):
        where = line.get("index", {})
        index = (where.get("image", 0), where.get("t", 0))
        if line["event"] == Event.STACK_SEGMENTED:
            masks_s[index] = line["latency_s"]
        elif line["event"] == Event.DECISION:
            decided = index
        elif line["event"] == Event.CHANGED:
            yield Change(line["after_last_plane_s"], masks_s[decided], line["stacks_between"])


def _session(seed: int, field: int, planes: int) -> Session:
    demo = demo_session(timepoints=TIMEPOINTS, field=field, planes=planes, seed=seed)
    data = plain_session(demo)
    data["microscope"]["properties"]["Clock"]["Speedup"] = 1
    data["sequence"]["time_plan"]["interval"] = WATCH_S
    data["rules"] = [
        {
            "name": "any cell",
            "when": {"stage": "interphase", "probability": 0.5, "stacks": 1},
            "then": {"interval_s": FAST_S},
        }
    ]
    return session_from(data, where="bench")
