"""Positions that a stage may not go to are refused before it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import useq

    from livesr.config.session import Session

_TOLD = 5


def limits_of(session: Session) -> dict[str, tuple[float, float]]:
    """Return the limits that a session sets its stages, by axis; empty where it sets none."""
    limits = session.limits
    known = (("x", limits.x_um), ("y", limits.y_um), ("z", limits.z_um))
    return {axis: limit for axis, limit in known if limit is not None}


def outside(
    positions: Sequence[useq.Position], limits_um: Mapping[str, tuple[float, float]]
) -> list[str]:
    """Return what lies outside the limits, a text a position and axis.

    Parameters
    ----------
    positions : sequence of useq.Position
    limits_um : mapping of str to tuple of float
        Lowest and highest place of each axis (``x``, ``y``, ``z``) that has limits.
    """
    found = []
    for number, position in enumerate(positions):
        for axis, (low, high) in limits_um.items():
            place = getattr(position, axis)
            if place is not None and not low <= place <= high:
                name = position.name or f"position {number}"
                found.append(f"{name}: {axis} {place:g} is not in {low:g} … {high:g} µm")
    return found


def check_positions(
    positions: Sequence[useq.Position],
    limits_um: Mapping[str, tuple[float, float]],
    where: str,
) -> None:
    """Refuse positions outside the limits.

    Raises
    ------
    ConfigError
        Naming them.
    """
    if found := outside(positions, limits_um):
        more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
        raise ConfigError(
            f"the stage may not go there: {'; '.join(found[:_TOLD])}{more}",
            where=where,
            fix="correct these positions, or the limits; nothing was moved",
        )
