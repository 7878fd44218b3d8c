"""Kill, hang and pause sessions at random moments, and look at the lamp's own log."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import psutil

from livesr.bench.family import ACQUISITION, SEGMENTER, SUPERVISOR, name_of
from livesr.bench.lamp.box import lamp
from livesr.bench.safety.session import (
    EXPOSURES,
    HANG_AFTER_S,
    TIMEPOINTS,
    lamp_config,
    session_file,
    start,
)
from livesr.storage.folder import LIGHT_FILE, PAUSE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.bench.lamp.box import Lamp

ORDERS: tuple[tuple[str, ...], ...] = (
    (ACQUISITION,),
    (SUPERVISOR, ACQUISITION),
    (ACQUISITION, SUPERVISOR),
    (SEGMENTER, ACQUISITION),
)
"""What is killed in one session, one after the other."""
LIGHTS = ("shutter", "gated")
SEED = 70_000
_LOOK_S = 4.0
"""For so long the lamp is looked at after a kill."""
_APART_S = (1.0, 2.5)
"""Between two kills: the light must be off within the first second of it."""
_LIFE_S, _LIT_S = 6.0, 0.8
_LONGEST_S = 120.0


@dataclass(slots=True)
class Toll:
    """What came of it.

    Attributes
    ----------
    dark_s : list of float
        For each, how long the lamp shone without reason, as far as it was looked at.
    lit : int
        Kills that met the lamp on.
    stayed_on : int
        Lamps that shone in the end.
    unsaid : int
        Sessions whose supervisor left no word of what it did.
    """

    dark_s: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    lit: int = 0
    stayed_on: int = 0
    unsaid: int = 0

    @property
    def longest_s(self) -> float:
        """The longest that the lamp shone after a kill."""
        return max(self.dark_s, default=0.0)


class Session:
    """A running session with its lamp, and its processes by name."""

    def __init__(self, file: Path, folder: Path, lamp: Lamp) -> None:
        self.folder, self.lamp = folder, lamp
        self._program = start(file, folder)
        self.acquisition = psutil.Process(self._program.pid)
        self._known: dict[int, psutil.Process] = {self._program.pid: self.acquisition}

    def process(self, name: str) -> psutil.Process | None:
        """Return a process by its name, if it runs."""
        if name == ACQUISITION:
            return self.acquisition if self._program.poll() is None else None
        self._look()
        for process in reversed(self._known.values()):
            with suppress(psutil.Error):
                if process.is_running() and name_of(process) == name:
                    return process
        return None

    def wait_for_light(self, within_s: float = _LONGEST_S) -> bool:
        """Wait until the lamp shines."""
        until = time.monotonic() + within_s
        while not self.lamp.shines():
            if time.monotonic() > until or self._program.poll() is not None:
                return False
            time.sleep(0.005)
        self._look()
        return True

    def kill(self, name: str) -> float | None:
        """Kill a process and return when; None if there is none of that name."""
        process = self.process(name)
        if process is None:
            return None
        at = time.monotonic()
        with suppress(psutil.NoSuchProcess):
            process.kill()
        if name == ACQUISITION:
            self._program.wait()
        return at

    def frames(self) -> list[tuple[float, float]]:
        """Return when each frame began to be taken, and when it ended."""
        lines = self.folder.with_name(EXPOSURES).read_text(encoding="utf-8").splitlines()
        return [(float(began), float(ended)) for began, ended in map(str.split, lines)]

    def needless_s(self, killed: str, at: float, until: float) -> float:
        """Return how long the lamp shone after a kill without reason.

        The segmenter's death is none for the light to go off: there it is the longest time in
        which no frame was taken.
        """
        if killed == SEGMENTER:
            return self.lamp.beside(self.frames(), at, until)
        return self.lamp.dark_after(at, until)

    def close(self) -> None:
        """End whatever still runs."""
        self._look()
        for process in self._known.values():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._program.wait()

    def _look(self) -> None:
        with suppress(psutil.NoSuchProcess):
            for child in self.acquisition.children(recursive=True):
                self._known.setdefault(child.pid, child)


@contextmanager
def running(
    folder: Path, *, light: str, segmented: bool, loops: int = TIMEPOINTS
) -> Iterator[Session]:
    """Run a session with a lamp of its own in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with lamp(folder / "lamp.log") as shining:
        config = lamp_config(folder / "lamp.cfg", shining.port)
        file = session_file(
            folder / "session.json",
            config,
            seed=SEED,
            light=light,
            segmented=segmented,
            loops=loops,
        )
        session = Session(file, folder / "session", shining)
        try:
            yield session
        finally:
            session.close()


def kill_again_and_again(
    kills: int, orders: Sequence[tuple[str, ...]] = ORDERS, life_s: float = _LIFE_S
) -> Toll:
    """Kill so many processes of sessions at random moments.

    Parameters
    ----------
    kills : int
    orders : sequence of tuple of str
        Of the processes; each session gets the next.
    life_s : float
        The first is killed so long after the first light at the latest, or soon after the next.
    """
    toll, rng, number = Toll(), np.random.default_rng(SEED), 0
    with TemporaryDirectory(prefix="livesr-safety-") as name:
        while len(toll.dark_s) < kills:
            order = orders[number % len(orders)]
            light = LIGHTS[number // len(orders) % len(LIGHTS)]
            segmented = SEGMENTER in order
            folder = Path(name) / f"s{number}"
            with running(folder, light=light, segmented=segmented) as session:
                session.wait_for_light()
                time.sleep(rng.uniform(0.0, life_s))
                if number % 2:  # half of them at will, half where it matters
                    session.wait_for_light()
                    time.sleep(rng.uniform(0.0, _LIT_S))
                _one(toll, session, order, rng)
            number += 1
    return toll


def _one(toll: Toll, session: Session, order: tuple[str, ...], rng: np.random.Generator) -> None:
    """Kill the processes of one session in an order, and look at the lamp."""
    for place, name in enumerate(order):
        if place:
            time.sleep(rng.uniform(*_APART_S))
        at = session.kill(name)
        if at is None:  # the supervisor of an acquisition that is dead has ended by now
            toll.kinds[f"no {name} any more"] += 1
            continue
        last = place == len(order) - 1
        time.sleep(_LOOK_S if last else _APART_S[0])
        toll.kinds[name] += 1
        toll.lit += session.lamp.shines(at)
        toll.dark_s.append(session.needless_s(name, at, time.monotonic()))
    toll.stayed_on += session.lamp.shines()
    toll.unsaid += not (session.folder / LIGHT_FILE).is_file()


def hang(times: int) -> Toll:
    """Stop a session's acquisition while the lamp shines, without killing it."""
    toll, rng = Toll(), np.random.default_rng(SEED + 1)
    with TemporaryDirectory(prefix="livesr-safety-") as name:
        for number in range(times):
            folder, light = Path(name) / f"s{number}", LIGHTS[number % len(LIGHTS)]
            with running(folder, light=light, segmented=False) as session:
                session.wait_for_light()
                time.sleep(rng.uniform(0.0, 0.5))
                session.wait_for_light()
                session.acquisition.suspend()
                at = time.monotonic()
                time.sleep(HANG_AFTER_S + _LOOK_S)
                toll.kinds["hang"] += 1
                toll.lit += session.lamp.shines(at)
                toll.dark_s.append(session.lamp.dark_after(at, at + HANG_AFTER_S + _LOOK_S))
                toll.stayed_on += session.lamp.shines()
                toll.unsaid += not (session.folder / LIGHT_FILE).is_file()
    return toll


def both_at_once(times: int) -> Toll:
    """Kill acquisition and supervisor together while the lamp shines: nobody is left."""
    toll, rng = Toll(), np.random.default_rng(SEED + 3)
    with TemporaryDirectory(prefix="livesr-safety-") as name:
        for number in range(times):
            with running(Path(name) / f"s{number}", light="gated", segmented=False) as session:
                session.wait_for_light()
                time.sleep(rng.uniform(0.0, _LIT_S / 4))
                supervisor, at = session.process(SUPERVISOR), time.monotonic()
                toll.lit += session.lamp.shines(at)
                if supervisor is not None:
                    supervisor.kill()
                session.kill(ACQUISITION)
                time.sleep(_LOOK_S)
                toll.kinds["both at once"] += 1
                toll.dark_s.append(session.lamp.dark_after(at, at + _LOOK_S))
                toll.stayed_on += session.lamp.shines()
    return toll


def pause(times: int) -> Toll:
    """Ask a session to pause, and to go on."""
    toll, rng = Toll(), np.random.default_rng(SEED + 2)
    with TemporaryDirectory(prefix="livesr-safety-") as name:
        folder = Path(name) / "s"
        with running(folder, light="gated", segmented=False) as session:
            for _ in range(times):
                session.wait_for_light()
                time.sleep(rng.uniform(0.0, 1.0))
                (session.folder / PAUSE_FILE).touch()
                at = time.monotonic()
                time.sleep(_LOOK_S)
                toll.kinds["pause"] += 1
                toll.lit += session.lamp.shines(at)
                toll.dark_s.append(session.lamp.dark_after(at, at + _LOOK_S))
                toll.stayed_on += session.lamp.shines()
                (session.folder / PAUSE_FILE).unlink()
    return toll
