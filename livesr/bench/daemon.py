"""``livesr bench daemon``: what watching costs the acquisition, and how soon masks are on a page.

The daemon is a program of its own here too: what is measured is a session that it runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from livesr.bench.rows import Row, attained
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 20
MOST_LOSS = 0.02
SOON_S = 0.5
_PATIENCE_S = 600.0
_EVERY_S = 0.5
"""Between two looks of a client, as the page takes them while stacks come fast."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of the session that is watched."""

    field: int = 1200
    planes: int = 24
    stacks: int = 12
    clients: int = CLIENTS
    pairs: int = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """One run.

    Attributes
    ----------
    fps : float
        Frames a second, from the first stack's storage to the last one's.
    store_s : list of float
        What storing each stack took.
    overlays : int
        Pictures that clients got.
    after_masks_s : list of float
        From the journal's line about masks to their picture at the first client.
    """

    fps: float
    store_s: list[float]
    overlays: int
    after_masks_s: list[float]


def rows(size: Size | None = None) -> Iterator[Row]:
    """Record the same session alone and watched, in turn; compare."""
    size = size or Size()
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as address:
        alone, watched = [], []
        for _ in range(size.pairs):
            alone.append(_record(address, size, 0))
            watched.append(_record(address, size, size.clients))
    yield from _compared(size, alone, watched)


def _compared(size: Size, alone: list[Seen], watched: list[Seen]) -> Iterator[Row]:
    fps, fps_alone = (median(run.fps for run in runs) for runs in (watched, alone))
    loss = max(0.0, 1 - fps / fps_alone)
    shape = f"{size.stacks} stacks of 2 × {size.planes} × {size.field} × {size.field}"
    yield Row(
        f"acquisition with {size.clients} clients watching the overlay",
        fps,
        "frames/s",
        peer="nobody watching",
        peer_value=fps_alone,
        ratio=fps / fps_alone,
        bound="a loss of 2 %",
        attained=attained(loss, MOST_LOSS),
        detail=f"{shape}, {size.pairs} runs each; {sum(r.overlays for r in watched)} pictures sent",
    )
    slowest, slowest_alone = (max(s for r in runs for s in r.store_s) for runs in (watched, alone))
    yield Row(
        f"slowest storage of a stack with {size.clients} clients",
        slowest,
        "s",
        peer="nobody watching",
        peer_value=slowest_alone,
        ratio=slowest_alone / slowest if slowest > 0 else None,
        detail=f"median {_middle(watched):.3f} s, alone {_middle(alone):.3f} s",
    )
    delays = [seconds for run in watched for seconds in run.after_masks_s]
    if delays:
        worst = max(delays)
        yield Row(
            "from masks on disk to their overlay at a client",
            median(delays),
            "s",
            bound=f"{SOON_S} s",
            attained=attained(median(delays), SOON_S),
            detail=f"{len(delays)} stacks, longest {worst:.2f} s, {size.clients} clients",
        )


def _middle(runs: list[Seen]) -> float:
    return median(seconds for run in runs for seconds in run.store_s)


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    call = [sys.executable, "-m", "livesr", "serve", str(folder), "--port", "0", "--rate", "100000"]
    daemon = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603 - our own program
    try:
        assert daemon.stdout is not None  # noqa: S101 - it was asked for
        address = daemon.stdout.readline().strip()
        if not address.startswith("http://127.0.0.1"):
            raise ConfigError(
                "the daemon does not start",
                where="livesr bench daemon",
                fix='python -m pip install "livesr[serve]"; then try livesr serve',
            )
        yield address
    finally:
        daemon.terminate()
        daemon.wait(30)


def _record(address: str, size: Size, clients: int) -> Seen:
    """Run one session and return what was seen of it."""
    asked = {"example": "simulated", "name": "bench_{counter}", "changes": _changes(size)}
    name = _json(address, "/api/sessions", asked)["name"]
    ended = threading.Event()
    arrivals: dict[int, float] = {}
    counts = [0] * clients
    watchers = [
        threading.Thread(target=_watch, args=(address, name, ended, counts, k, arrivals))
        for k in range(clients)
    ]
    for watcher in watchers:
        watcher.start()
    until = time.monotonic() + _PATIENCE_S
    while _json(address, f"/api/sessions/{name}")["state"] in {
        "queued",
        "starting",
        "recording",
        "finishing",
        "paused",
    }:
        if time.monotonic() > until:
            _json(address, f"/api/sessions/{name}/stop", {"now": True})
            ended.set()
            raise ConfigError(f"{name} did not end", where="livesr bench daemon")
        time.sleep(_EVERY_S)
    ended.set()
    for watcher in watchers:
        watcher.join()
    lines = _json(address, f"/api/sessions/{name}/journal?most=10000")["lines"]
    return _seen(lines, sum(counts), arrivals)


def _seen(lines: list[dict[str, Any]], overlays: int, arrivals: dict[int, float]) -> Seen:
    stored = [line for line in lines if line["event"] == "stack_stored"]
    if len(stored) < 2:
        raise ConfigError("the session stored nothing", where="livesr bench daemon")
    took = _wall(stored[-1]) - _wall(stored[0])
    masks = {
        line["index"]["t"]: _wall(line) for line in lines if line["event"] == "stack_segmented"
    }
    after = [arrivals[t] - masks[t] for t in sorted(arrivals.keys() & masks.keys())]
    return Seen(
        fps=sum(line["frames"] for line in stored[1:]) / took,
        store_s=[float(line.get("store_s") or 0.0) for line in stored],
        overlays=overlays,
        after_masks_s=[seconds for seconds in after if seconds > 0],
    )


def _watch(
    address: str,
    name: str,
    ended: threading.Event,
    counts: list[int],
    place: int,
    arrivals: dict[int, float],
) -> None:
    """Look at the newest overlay again and again, each client at another of three views."""
    path = f"/api/sessions/{name}/overlay.png?size={(800, 1200, 400)[place % 3]}"
    tag, every_s = "", _EVERY_S if place else 0.05  # the first tells when masks arrive
    while not ended.wait(every_s):
        try:
            request = Request(address + path, headers={"If-None-Match": tag})  # noqa: S310 - our own daemon
            with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own daemon
                content = answer.read()
                tag = answer.headers["ETag"]
        except OSError:  # nothing yet, or as before
            continue
        counts[place] += bool(content)
        if place == 0 and answer.headers["X-Livesr-Masks"] == "1":
            arrivals.setdefault(int(answer.headers["X-Livesr-T"]), time.time())


def _changes(size: Size) -> list[str]:
    field = size.field
    return [
        f"microscope.properties.Camera.FieldWidth={field}",
        f"microscope.properties.Camera.FieldHeight={field}",
        "microscope.properties.Camera.Seed=70300",
        f"layout.channels.0.width={field}",
        f"layout.channels.0.height={field}",
        f"layout.channels.1.width={field}",
        f"layout.channels.1.height={field}",
        f"layout.channels.1.x={field}",
        f"sequence.z_plan.top={0.3 * (size.planes - 1):.1f}",
        f"sequence.time_plan.loops={size.stacks}",
        "sequence.time_plan.interval=0",
    ]


def _json(address: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(address + path, data=data, headers=headers)  # noqa: S310 - our own daemon
    with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own daemon
        return json.loads(answer.read())


def _wall(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()
