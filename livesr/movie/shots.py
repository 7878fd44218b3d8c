"""Which stacks a movie shows, one after the other, and what is said with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.errors import ConfigError, StorageError
from livesr.report.portraits import places_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.report.portraits import Place
    from livesr.report.told import Told
    from livesr.types import StackIndex


@dataclass(frozen=True, slots=True)
class Stage:
    """A cell's stage, where the cell is in its stack."""

    words: str
    stage: str
    place: Place


@dataclass(frozen=True, slots=True)
class Shot:
    """One stack.

    Attributes
    ----------
    image, t : int
    time_s : float
        Session time of its first exposure.
    words : str
        Position, and the rule that recorded it if one did.
    stages : tuple of Stage
        Of the cells that were followed.
    """

    image: int
    t: int
    time_s: float
    words: str
    stages: tuple[Stage, ...] = ()


def shots_of(told: Told, position: int | None = None) -> Sequence[Shot]:
    """Return the stacks of one position in the order of their times, whatever image they are in.

    Parameters
    ----------
    told : Told
    position : int, optional
        By default the one that has the most stacks.

    Raises
    ------
    ConfigError
        If there is no such position.
    StorageError
        If nothing is stored, or a table is damaged.
    """
    positions = [stack.position for stack in told.stacks]
    if not positions:
        raise StorageError(
            "the session has no stacks", where=str(told.folder), fix="record something first"
        )
    if position is None:
        position = max(sorted(set(positions)), key=positions.count)
    if position not in positions:
        known = ", ".join(map(str, sorted(set(positions))))
        raise ConfigError(
            f"there is no position {position}", where="--position", fix=f"positions: {known}"
        )
    stages = stages_of(told)
    name = told.position_name(position) if len(set(positions)) > 1 else ""
    return [
        Shot(
            stack.index.image,
            stack.index.t,
            stack.time_s,
            " · ".join(part for part in (name, *_said(told, stack.index)) if part),
            tuple(stages.get((stack.index.image, stack.index.t), ())),
        )
        for stack in told.stacks
        if stack.position == position
    ]


def stages_of(told: Told) -> dict[tuple[int, int], list[Stage]]:
    """Return the stages of the cells in each stack (image, t)."""
    if not told.lives:
        return {}
    places = places_of(told)
    found: dict[tuple[int, int], list[Stage]] = {}
    for life in told.lives:
        for moment in life.moments:
            key = (moment.index.image, moment.index.t)
            place = places.get((*key, moment.label))
            if place is not None:
                words = f"cell {life.cell}: {moment.stage}"
                found.setdefault(key, []).append(Stage(words, moment.stage, place))
    return found


def _said(told: Told, index: StackIndex) -> tuple[str, str]:
    """Return the rule that recorded a stack, and whether it has no masks; empty if not so."""
    mode = str(told.reader.images[index.image].attributes.get("mode") or "")
    return mode, "" if index in told.reader.ledger.segmented else "no masks"
