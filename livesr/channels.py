"""Which recorded channels the networks see, and which are recorded beside them.

The two bands of Nile Red are called yellow and red. Whatever else is recorded (a green probe, a
far-red dye) is stored, registered and measured, and never reaches a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEN = ("yellow", "red")
"""In the order in which the networks' features take them."""


def seen(channels: Sequence[str]) -> int:
    """Return how many of the first channels the networks see: one, or two with a ratio.

    Where no channel is called yellow the first two are meant, whatever they are called.
    """
    if not _named(channels):
        return min(len(channels), len(SEEN))
    return 2 if len(channels) > 1 and channels[1].casefold() == SEEN[1] else 1


def beside(channels: Sequence[str]) -> dict[int, str]:
    """Return the channels that no network sees: their places and names."""
    first = seen(channels)
    return {first + k: name for k, name in enumerate(channels[first:])}


def seen_first(channels: Sequence[str]) -> tuple[int, ...]:
    """Return the order that puts yellow first and red second; the others keep theirs."""
    if not _named(channels):
        return tuple(range(len(channels)))
    return tuple(sorted(range(len(channels)), key=lambda k: (_rank(channels[k]), k)))


def check_order(channels: Sequence[str], where: str) -> None:
    """Refuse channels of which the networks would take others than yellow and red.

    Raises
    ------
    ConfigError
        If yellow is not the first, or red, where there is one, not the second.
    """
    order = seen_first(channels)
    if order != tuple(range(len(channels))):
        raise ConfigError(
            f"the channels stand in the order {', '.join(channels)}; the networks take the first "
            "for yellow and the second for red",
            where=where,
            fix=f"list them as {', '.join(channels[k] for k in order)}",
        )


def _named(channels: Sequence[str]) -> bool:
    return any(name.casefold() == SEEN[0] for name in channels)


def _rank(name: str) -> int:
    return SEEN.index(name.casefold()) if name.casefold() in SEEN else len(SEEN)
