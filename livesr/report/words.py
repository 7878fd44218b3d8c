"""Times and numbers as the report says them."""

from __future__ import annotations

from math import isfinite

from livesr.catalog import BY_NAME


def clock(time_s: float) -> str:
    """Return a session time as h:mm:ss."""
    whole = round(time_s)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def span(seconds: float) -> str:
    """Return a duration in the unit that fits: 12 s, 3.5 min, 1.2 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def number(value: float) -> str:
    """Return a number with three digits or so; a dash if there is none."""
    if not isfinite(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def title(structure: str) -> str:
    """Return a structure's name for people."""
    return BY_NAME[structure].title if structure in BY_NAME else structure


def counted(count: int, what: str) -> str:
    """Return a count with its noun: 1 stack, 2 stacks."""
    return f"{count} {what}{'' if count == 1 else 's'}"
