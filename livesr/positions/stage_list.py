"""A list of stage positions, whatever program wrote it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import useq

MOST = 10_000
"""Positions of a list."""


@dataclass(frozen=True, slots=True)
class StageList:
    """Positions in the order in which they are visited.

    Attributes
    ----------
    positions : tuple of useq.Position
        With x, y and, where it is known, z in µm of the stage; each with a name of its own.
    xy_stage, z_stage : str
        Labels of the devices that the positions are of; empty where the file does not say.
    left_out : tuple of str
        What the file says beyond that and is not taken over, such as another device's place.
    """

    positions: tuple[useq.Position, ...]
    xy_stage: str = ""
    z_stage: str = ""
    left_out: tuple[str, ...] = ()

    def renamed(self, pattern: str) -> StageList:
        """Return the list with names such as ``cell{counter:02d}``, counted from 1.

        Raises
        ------
        ConfigError
            If the pattern has no ``{counter}``, or anything else in braces.
        """
        try:
            names = [pattern.format(counter=n) for n in range(1, len(self.positions) + 1)]
        except (LookupError, ValueError, AttributeError) as error:
            raise _bad_pattern(pattern, f"{error}") from None
        if len(names) > 1 and len(set(names)) < len(names):
            raise _bad_pattern(pattern, "it gives every position the same name")
        return self._with_names(names)

    def ordered(self, order: Sequence[int]) -> StageList:
        """Return the list in another order."""
        return replace(self, positions=tuple(self.positions[place] for place in order))

    def _with_names(self, names: Iterable[str]) -> StageList:
        named = (
            position.model_copy(update={"name": name})
            for position, name in zip(self.positions, names, strict=True)
        )
        return replace(self, positions=tuple(named))


def stage_list(
    positions: Sequence[useq.Position],
    where: str,
    *,
    xy_stage: str = "",
    z_stage: str = "",
    left_out: Iterable[str] = (),
) -> StageList:
    """Return a list whose positions all have a name of their own.

    Those without get ``Pos0``, ``Pos1`` … by their place, as Micro-Manager calls them; of two of
    one name the second gets ``-2``.

    Raises
    ------
    ConfigError
        If there is none, or more than `MOST`.
    """
    if not 0 < len(positions) <= MOST:
        raise ConfigError(
            f"it lists {len(positions)} positions, expected 1 to {MOST}",
            where=where,
            fix="mark positions in the program that wrote it and save the list again",
        )
    taken: set[str] = set()
    named = []
    for place, position in enumerate(positions):
        name = wish = position.name or f"Pos{place}"
        number = 1
        while name in taken:
            number += 1
            name = f"{wish}-{number}"
        taken.add(name)
        named.append(position.model_copy(update={"name": name}))
    return StageList(tuple(named), xy_stage, z_stage, tuple(dict.fromkeys(left_out)))


def _bad_pattern(pattern: str, why: str) -> ConfigError:
    return ConfigError(
        f"no pattern for names: {pattern!r} ({why})",
        where="--rename",
        fix="for example: --rename 'cell{counter:02d}'",
    )
