"""What a session's files say of it, read once for all parts of its report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from livesr.report.lives import Life, lives_of
from livesr.storage.folder import MEASUREMENT_ROWS, MEASUREMENTS_FILE
from livesr.storage.journal import Event
from livesr.storage.ledger import stack_of
from livesr.storage.parts import stored_rows
from livesr.storage.reader import open_session
from livesr.storage.tables import part_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from livesr.storage.reader import SessionReader
    from livesr.types import StackIndex

_ALL = 10**9


@dataclass(frozen=True, slots=True)
class StoredStack:
    """What the journal says of one stored stack.

    Attributes
    ----------
    index : StackIndex
    position : int
    time_s : float
    light_ms : float
        Exposure that it cost.
    entry : mapping
        The journal's whole line.
    """

    index: StackIndex
    position: int
    time_s: float
    light_ms: float
    entry: Mapping[str, Any]


class Told:
    """One session, as its files tell it.

    Parameters
    ----------
    folder : Path
        Of a session that runs, was interrupted or is finished; only read from.

    Raises
    ------
    StorageError
        If it is no session, or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.reader: SessionReader = open_session(folder)
        self.folder = self.reader.folder
        self.settings = self.reader.settings
        self.entries = self.reader.journal()

    def of(self, *events: str) -> list[dict[str, Any]]:
        """Return the journal's lines of some kinds, oldest first."""
        return [entry for entry in self.entries if entry["event"] in events]

    @cached_property
    def begun(self) -> Mapping[str, Any]:
        """What the session said of itself as it last began; empty if it never did."""
        return {
            key: value
            for entry in self.of(Event.SESSION_STARTED, Event.SESSION_RESUMED)
            for key, value in entry.items()
        }

    @cached_property
    def ended(self) -> Mapping[str, Any]:
        """Its books as the last run closed them; empty if that did not come to its end."""
        last = self.of(Event.SESSION_STARTED, Event.SESSION_RESUMED, Event.SESSION_FINISHED)[-1:]
        return last[0] if last and last[0]["event"] == Event.SESSION_FINISHED else {}

    @cached_property
    def stacks(self) -> Sequence[StoredStack]:
        """The stored stacks in the order of their times."""
        found = {}
        for entry in self.of(Event.STACK_STORED):
            index = stack_of(entry)
            time_s, light_ms = (float(entry.get(key) or 0.0) for key in ("time_s", "light_ms"))
            position = self.position(index.image)
            found[index] = StoredStack(index, position, time_s, light_ms, entry)
        return sorted(found.values(), key=lambda one: (one.time_s, one.index))

    @cached_property
    def lives(self) -> Sequence[Life]:
        """The cells and their stages, if rules followed any."""
        return lives_of(self.of(Event.CELLS))

    @cached_property
    def end_s(self) -> float:
        """Session time of the last stored stack; 0 if there is none."""
        return max((one.time_s for one in self.stacks), default=0.0)

    def position(self, image: int) -> int:
        """Return the position that an image is of."""
        said = self.reader.images[image].attributes if image < len(self.reader.images) else {}
        return int(said.get("position", image))

    def position_name(self, position: int) -> str:
        """Return a position's name for people."""
        names = self.begun.get("position_names") or ()
        return str(names[position]) if position < len(names) else f"position {position}"

    def rows(self, table: str, columns: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
        """Return columns of a table of the analysis, of segmented stacks; none if it has none.

        Raises
        ------
        StorageError
            If it is damaged.
        """
        return stored_rows(self.folder / table, self.reader.ledger.segmented.keys(), columns)

    @cached_property
    def measurements(self) -> list[dict[str, Any]]:
        """The rows of ``measurements.parquet``, closed or not."""
        paths = self.folder / MEASUREMENT_ROWS, self.folder / MEASUREMENTS_FILE
        rows, _ = part_of_table(*paths, after=0, most=_ALL)
        return rows
