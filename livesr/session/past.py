"""What an interrupted session did, as its journal tells: where a resumed one goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from livesr.config import plain_session, read_session
from livesr.errors import ConfigError, StorageError
from livesr.ordered import Followed
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE
from livesr.storage.journal import Event, JournalTail
from livesr.storage.ledger import Ledger, stack_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from livesr.acquisition.plan import StackPlan
    from livesr.config.session import Session
    from livesr.types import StackIndex

MAY_CHANGE = ("segmentation", "analysis", "storage", "metadata")
"""Parts of the session file that a resumed session may have changed: raw data do not depend on
them."""


@dataclass(frozen=True, slots=True)
class Past:
    """The books of a session that was interrupted.

    Attributes
    ----------
    stored : tuple of StackIndex
        Stand in OME-Zarr.
    segmented : mapping of StackIndex to bool
        Have masks; True where they were made live.
    holes : frozenset of StackIndex
        Stored without some of their frames: they get no masks.
    frames_lost : int
    times_s : mapping of StackIndex to float
        Session time of each stored stack.
    followed : mapping of StackIndex to Followed
        Values of each stored stack.
    camera : mapping
        Camera correction of its latest run; empty if its journal does not say.
    drift_um : float
        The focus' drift as it was last followed.
    began : datetime or None
        When the first run began; None if nothing was journalled.
    images : tuple of tuple of int
        (position, mode) of the images that it began beside the positions' own.
    light_ms : mapping of int to float
        Exposure that the stacks of each image got.
    heard : tuple of mapping
        Lines of the journal that say what was decided with.
    """

    stored: tuple[StackIndex, ...] = ()
    segmented: Mapping[StackIndex, bool] = field(default_factory=dict)
    holes: frozenset[StackIndex] = frozenset()
    frames_lost: int = 0
    times_s: Mapping[StackIndex, float] = field(default_factory=dict)
    followed: Mapping[StackIndex, Followed] = field(default_factory=dict)
    camera: Mapping[str, object] = field(default_factory=dict)
    drift_um: float = 0.0
    began: datetime | None = None
    images: tuple[tuple[int, int], ...] = ()
    light_ms: Mapping[int, float] = field(default_factory=dict)
    heard: tuple[Mapping[str, Any], ...] = ()

    @property
    def pending(self) -> list[StackIndex]:
        """Stored, whole, with their followed values, and without masks."""
        without = (i for i in self.stored if i not in self.segmented and i not in self.holes)
        return [index for index in without if index in self.followed]

    @property
    def last_s(self) -> float:
        """Session time of the latest stored stack; 0 if there is none."""
        return max(self.times_s.values(), default=0.0)

    def late_s(self, plan: StackPlan) -> float:
        """Return how much later than planned the latest stack was: pauses shift the rest."""
        last = max(self.times_s, key=lambda index: self.times_s[index], default=None)
        starts = (stack.start_s for stack in plan.stacks() if stack.index == last)
        return max(self.last_s - next(starts, self.last_s), 0.0)

    def elapsed_s(self) -> float:
        """Return real seconds since the session began."""
        if self.began is None:
            return 0.0
        return (datetime.now().astimezone() - self.began).total_seconds()

    def latest(self, position: Callable[[int], int]) -> dict[int, Followed]:
        """Return the last followed values of each position, which an image's number has."""
        found: dict[int, Followed] = {}
        for index in sorted(self.stored, key=lambda index: (self.times_s[index], index.t)):
            if index in self.followed:
                found[position(index.image)] = self.followed[index]
        return found


def read_past(folder: Path, channels: Sequence[str]) -> Past:
    """Return what the journal of a session's folder tells.

    Raises
    ------
    StorageError
        If a line of it is damaged.
    """
    entries = JournalTail(folder / JOURNAL_FILE).read_new()
    ledger = Ledger()
    ledger.update(entries)
    stored = [entry for entry in entries if entry["event"] == Event.STACK_STORED]
    holes = {stack_of(e) for e in entries if e["event"] == Event.FRAMES_LOST and "index" in e}
    try:
        return Past(
            stored=tuple(sorted(ledger.stored)),
            segmented=dict(ledger.segmented),
            holes=frozenset(holes & ledger.stored),
            frames_lost=ledger.frames_lost,
            times_s={stack_of(entry): float(entry.get("time_s") or 0.0) for entry in stored},
            followed={
                stack_of(entry): Followed.read(entry, channels)
                for entry in stored
                if "normalisation" in entry
            },
            camera=_camera(entries),
            drift_um=_last_drift(stored),
            began=datetime.fromisoformat(entries[0]["time"]) if entries else None,
            images=tuple(
                (int(entry["position"]), int(entry["mode"]))
                for entry in entries
                if entry["event"] == Event.IMAGE_BEGUN
            ),
            light_ms=_light(stored),
            heard=tuple(entry for entry in entries if entry["event"] == Event.CELLS),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(
            f"a line of the journal is incomplete ({error!r})",
            where=str(folder / JOURNAL_FILE),
            fix="restore the file from a copy, or delete this line: what it said is then taken as"
            " not done",
        ) from None


def _camera(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, object]:
    begun = (Event.SESSION_STARTED, Event.SESSION_RESUMED)
    said = [entry.get("camera_correction") for entry in entries if entry["event"] in begun]
    return said[-1] if said and isinstance(said[-1], dict) else {}


def _last_drift(stored: Sequence[Mapping[str, Any]]) -> float:
    """Return how far the focus had drifted, as followed up to the last stack that tells."""
    told = (e["focus"]["drift_um"] for e in stored[::-1] if "drift_um" in e.get("focus", ()))
    return float(next(told, 0.0))


def _light(stored: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    light: dict[int, float] = {}
    for entry in stored:
        image = stack_of(entry).image
        light[image] = light.get(image, 0.0) + float(entry.get("light_ms") or 0.0)
    return light


def missed(plan: StackPlan, done: Collection[StackIndex], elapsed_s: float) -> list[StackIndex]:
    """Return the stacks whose time passed while nobody recorded, in the plan's own time.

    A stack is missed once the next time point is due. Without an interval, or where each position
    counts its own time, nothing is: what is left is taken then.
    """
    if not plan.interval_s:
        return []
    stacks = list(plan.stacks(done))
    if any(stack.restarts for stack in stacks):
        return []
    return [s.index for s in stacks if s.start_s + plan.interval_s <= elapsed_s]


def check_same(session: Session, folder: Path) -> None:
    """Refuse to go on with another session than the folder's.

    Raises
    ------
    ConfigError
        With the keys that differ.
    StorageError
        If the folder is no session's.
    """
    path = folder / SESSION_FILE
    if not path.is_file():
        raise StorageError(
            "there is no session to go on with: it has no session.yaml",
            where=str(folder),
            fix="start it without --resume, or name the folder that the interrupted one wrote:"
            " livesr run FOLDER/session.yaml --resume",
        )
    before = plain_session(read_session(path))  # keys that are newer than the file: as by default
    now = plain_session(session)
    differ = [
        key
        for key in sorted({*before, *now})
        if key not in MAY_CHANGE and before.get(key) != now.get(key)
    ]
    if differ:
        raise ConfigError(
            f"the session in {folder} was begun with another {', '.join(differ)}",
            where="--resume",
            fix=f"livesr run {folder / SESSION_FILE} --resume; only"
            f" {', '.join(MAY_CHANGE)} may change",
        )
