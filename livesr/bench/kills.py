"""Sessions killed at moments spread over their life: what is lost, and whether they go on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from livesr.bench.family import ACQUISITION, SEGMENTER, family
from livesr.bench.rows import Row
from livesr.config import plain_session, read_session, session_from
from livesr.errors import LivesrError
from livesr.ordered import Followed
from livesr.pipeline import segment
from livesr.session.demo import demo_session
from livesr.session.job import Job
from livesr.session.planning import make_plan
from livesr.session.segmenter import load_tools
from livesr.storage.folder import SESSION_FILE, SPOOL_FOLDER
from livesr.storage.journal import Event
from livesr.storage.reader import open_session
from livesr.storage.spool import Spool
from livesr.types import Stack, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.pipeline import SegmentTools
    from livesr.types import UInt16

KILLS = 200
BOTH = "both"
ENDED = "nothing, it had ended"
TARGETS = (ACQUISITION, SEGMENTER, BOTH)
TIMEPOINTS, PLANES, FIELD = 5, 5, 64
STRUCTURES = ("er", "mitochondria")
SPEEDUP = 40
LONGEST_S = 300.0
SEED = 70_000


@dataclass(slots=True)
class Toll:
    """What so many kills did.

    Attributes
    ----------
    phases : Counter
        What the session was doing when it was hit.
    hit : Counter
        What was killed.
    unreadable : int
        Journalled stacks that could not be read after the kill.
    stuck : int
        Sessions that did not go on to their end.
    unlike : int
        Masks that are not those of the stored raw.
    spool_lost : int
        Whole stacks in the spool that were not in the session in the end.
    changed : int
        Stacks stored before the kill that were other ones in the end.
    """

    kills: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    stuck: int = 0
    unlike: int = 0
    spool_lost: int = 0
    changed: int = 0
    stacks: int = 0
    masks: int = 0
    said: list[str] = field(default_factory=list)


def kill_rows(kills: int = KILLS) -> Iterator[Row]:
    """Kill so many sessions and report."""
    toll = kill_sessions(kills)
    hit, phases = (
        ", ".join(f"{name} {n}" for name, n in sorted(counted.items()))
        for counted in (toll.hit, toll.phases)
    )
    for name, value, of in (
        ("journalled stacks unreadable", toll.unreadable, f"of {toll.stacks}"),
        ("sessions that did not go on to their end", toll.stuck, f"of {toll.kills}"),
        ("masks unlike those of the stored raw", toll.unlike, f"of {toll.masks}"),
        ("whole stacks in the spool that were lost", toll.spool_lost, f"of {toll.stacks}"),
        ("stored stacks that changed", toll.changed, f"of {toll.stacks}"),
    ):
        yield Row(
            f"after {toll.kills} kills: {name}",
            float(value),
            of,
            bound="0",
            attained=1.0 if value == 0 else 0.0,
            detail=f"hit: {hit}; {phases}" + "".join(f"; {line}" for line in toll.said[:5]),
        )


def kill_sessions(kills: int, life_s: float | None = None) -> Toll:
    """Kill ``kills`` sessions, spread evenly over their life and over what is killed.

    Their life is measured if it is not given.
    """
    toll = Toll()
    rng = np.random.default_rng(SEED)
    with TemporaryDirectory(prefix="livesr-kills-") as name:
        folder = Path(name)
        file = _session_file(folder)
        tools = _tools(file, folder)
        if life_s is None:
            _life(file, folder / "first")  # caches are warm from here on
            life_s = _life(file, folder / "whole")
        for number in range(kills):
            moment = (number + rng.random()) / kills * life_s
            _one(toll, file, folder / f"s{number}", moment, TARGETS[number % 3], tools)
        for engine in tools.engines:
            engine.close()
    return toll


def _session_file(folder: Path) -> Path:
    demo = demo_session(timepoints=TIMEPOINTS, field=FIELD, planes=PLANES, seed=SEED)
    data = plain_session(demo)
    data["microscope"]["properties"]["Clock"]["Speedup"] = SPEEDUP
    data["segmentation"] |= {"structures": list(STRUCTURES), "policy": "every", "threads": 1}
    session_from(data, where="bench")
    path = folder / "kills.json"
    path.write_text(json.dumps(data, default=str), encoding="utf-8")
    return path


def _tools(file: Path, folder: Path) -> SegmentTools:
    """Return what makes the masks of the stored raw, as the session's segmenter does."""
    plan = make_plan(read_session(file))
    plan.source.close()
    return load_tools(Job.of(plan, folder))[0]


def _command(session: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "livesr", "run", str(session), "--headless", *more]


def _life(file: Path, folder: Path) -> float:
    """Return how long an undisturbed session takes, s."""
    began = time.monotonic()
    subprocess.run(  # noqa: S603 - our own program
        _command(file, "--out", str(folder)), capture_output=True, check=True, timeout=LONGEST_S
    )
    return time.monotonic() - began


def _one(
    toll: Toll, file: Path, folder: Path, moment: float, target: str, tools: SegmentTools
) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own program
        _command(file, "--out", str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(moment)
        toll.hit[ENDED] += 1
    except subprocess.TimeoutExpired:
        toll.hit[_kill(process, target)] += 1
    toll.kills += 1
    toll.phases[_phase(folder)] += 1
    process.wait(LONGEST_S)
    before = _stacks(toll, folder)
    spooled = _spooled(folder)
    session = folder / SESSION_FILE
    more = ["--resume"] if session.is_file() else ["--out", str(folder)]
    if not session.is_file() and folder.exists():  # killed between the folder and its first file
        folder.rmdir()
    done = subprocess.run(  # noqa: S603 - our own program
        _command(session if session.is_file() else file, *more),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )
    if done.returncode != 0:
        toll.stuck += 1
        toll.said.append(f"{target} at {moment:.2f} s: {done.stderr.strip().splitlines()[-3:]}")
        return
    _compare(toll, folder, before, spooled, tools)


def _kill(process: subprocess.Popen[bytes], target: str) -> str:
    """Kill a session's process, its segmenter once there is one, or all; return what was hit."""
    while process.poll() is None:
        there = family(process.pid)
        hit = [one for name, one in there.items() if target in (name, BOTH)]
        for one in reversed(hit):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        if hit and target != SEGMENTER:
            process.wait(LONGEST_S)
        if hit:
            return target
        time.sleep(0.01)
    return ENDED


def _phase(folder: Path) -> str:
    """Return what a session was doing when it was hit, as far as its files tell."""
    if not (folder / SESSION_FILE).is_file():
        return "before its folder"
    try:
        ledger = open_session(folder).ledger
    except LivesrError:
        return "before its journal"
    if ledger.finished:
        return "after its end"
    if not ledger.stored:
        return "before its first stack"
    if len(ledger.stored) < TIMEPOINTS:
        return "while recording"
    return "while catching up"


def _stacks(toll: Toll, folder: Path) -> dict[StackIndex, UInt16]:
    """Return the journalled stacks as they can be read after the kill."""
    found: dict[StackIndex, UInt16] = {}
    try:
        reader = open_session(folder)
    except LivesrError:
        return found
    for index in sorted(reader.ledger.stored):
        toll.stacks += 1
        try:
            stack = _raw(reader.images[index.image], index.t)
        except LivesrError as error:
            toll.unreadable += 1
            toll.said.append(error.what)
            continue
        if not stack.any():
            toll.unreadable += 1
        found[index] = stack
    return found


def _raw(image: Any, t: int) -> UInt16:
    return np.stack([image.raw(t, c) for c in range(image.shape[1])])


def _spooled(folder: Path) -> dict[StackIndex, UInt16]:
    """Return the whole stacks that the spool holds."""
    found: dict[StackIndex, UInt16] = {}
    try:
        spool = Spool.attach(folder / SPOOL_FOLDER)
    except LivesrError:
        return found
    cut = {index for _, index, _ in spool.arriving()}
    for number in range(len(list((folder / SPOOL_FOLDER).glob("slot-*.dat")))):
        try:
            index = spool.index(number)
        except (LivesrError, ValueError):  # killed while the slot was made
            continue
        if index is not None and index not in cut:
            found[index] = np.array(spool.view(number))
    spool.close()
    return found


def _compare(
    toll: Toll,
    folder: Path,
    before: dict[StackIndex, UInt16],
    spooled: dict[StackIndex, UInt16],
    tools: SegmentTools,
) -> None:
    """Count what is not as it was, and masks that are not those of the stored raw."""
    reader = open_session(folder)
    image = reader.images[0]
    toll.stuck += sorted(reader.ledger.stored) != [StackIndex(0, t) for t in range(TIMEPOINTS)]
    for index, stack in before.items():
        toll.changed += not np.array_equal(_raw(image, index.t), stack)
    for index, stack in spooled.items():
        toll.spool_lost += not np.array_equal(_raw(image, index.t), stack)
    lines = [line for line in reader.journal() if line["event"] == Event.STACK_STORED]
    channels = ("yellow", "red")
    for line in lines:
        index = StackIndex(0, int(line["index"]["t"]))
        followed = Followed.read(line, channels)
        whole = Stack(_raw(image, index.t), index, 0.0)
        masks = segment(whole, followed.normalisation, tools, followed.channel_offset).masks
        for name in STRUCTURES:
            toll.masks += 1
            toll.unlike += not np.array_equal(image.mask(name, index.t), masks.volumes[name])
