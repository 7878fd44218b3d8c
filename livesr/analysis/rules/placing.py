"""Where a stack is put so that a cell is in its middle and whole: pure geometry.

Places of a cell are µm from the first voxel of its position's own stack, wherever the stage stood
when it was seen. A shift is what the stage (x, y, z) stands beyond its place in the sequence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.config.rules import Axis, Pace
    from livesr.types import CellMeasures

Shift = tuple[float, float, float]
NOWHERE: Shift = (0.0, 0.0, 0.0)
_WHOLE_UM = 0.1
"""Room beyond a cell that is nearly as tall as the stack, at least: so it is not cut."""
_STRAYS_UM = 3.0
"""How far a cell may be off the middle before the stage moves again."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How the stage's position follows from a place in the image.

    Attributes
    ----------
    right, down : tuple of float
        Stage (x, y) to move by so that what lies 1 µm to the right in the image, or further down,
        comes to where the middle was.
    """

    right: tuple[float, float] = (1.0, 0.0)
    down: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def of(cls, right: Axis, down: Axis) -> Stage:
        """Return what the session file says in words."""
        return cls(_direction(right), _direction(down))

    def to_stage(self, y_um: float, x_um: float) -> tuple[float, float]:
        """Return the stage's move (x, y) for a way (y, x) in the image."""
        (rx, ry), (dx, dy) = self.right, self.down
        return (x_um * rx + y_um * dx, x_um * ry + y_um * dy)

    def to_image(self, x_um: float, y_um: float) -> tuple[float, float]:
        """Return the way (y, x) in the image for a stage's move (x, y)."""
        (rx, ry), (dx, dy) = self.right, self.down
        area = rx * dy - ry * dx
        return ((rx * y_um - ry * x_um) / area, (dy * x_um - dx * y_um) / area)


def _direction(axis: Axis) -> tuple[float, float]:
    sign = -1.0 if axis[0] == "-" else 1.0
    return (sign, 0.0) if axis[1] == "x" else (0.0, sign)


@dataclass(frozen=True, slots=True)
class Box:
    """Where a cell, or what it became, is: (z, y, x), µm."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    centre: tuple[float, float, float]

    @classmethod
    def around(cls, cells: Sequence[CellMeasures]) -> Box:
        """Return the box around some cells; its centre is that of their centroids."""
        low = _each(min, [cell.low_um for cell in cells])
        high = _each(max, [cell.high_um for cell in cells])
        mean = _each(fmean, [cell.centre_um for cell in cells])
        return cls(low, high, mean)


def _each(
    reduce: Callable[[list[float]], float], places: Sequence[tuple[float, float, float]]
) -> tuple[float, float, float]:
    z, y, x = (reduce([place[axis] for place in places]) for axis in range(3))
    return (z, y, x)


def lateral(box: Box, field_um: tuple[float, float], stage: Stage) -> tuple[float, float]:
    """Return the shift (x, y) that brings a box to the middle of the field (y, x)."""
    _, y, x = box.centre
    return stage.to_stage(y - field_um[0] / 2, x - field_um[1] / 2)


def strays(now: Shift, wanted: tuple[float, float]) -> bool:
    """Return whether a cell is so far off the middle that the stage had better move."""
    return (now[0] - wanted[0]) ** 2 + (now[1] - wanted[1]) ** 2 > _STRAYS_UM**2


def first_height(box: Box, range_um: float, pace: Pace) -> float:
    """Return the shift in z of a rule's first stack: the cell at its foot, as it will grow taller.

    Parameters
    ----------
    box : Box
    range_um : float
        Height of the rule's stacks.
    pace : Pace
    """
    low, high = box.low[0], box.high[0]
    if high - low + 2 * pace.margin_um > range_um:
        return (low + high - range_um) / 2
    return low - pace.margin_um


def next_height(box: Box, now_um: float, range_um: float, pace: Pace) -> float:
    """Return the shift in z of the next stack: as now, unless the cell comes too near to an end."""
    low, high, margin = box.low[0], box.high[0], pace.margin_um
    fits = high - low + 2 * margin <= range_um
    room = margin / 2 if fits else _WHOLE_UM
    if low >= now_um + room and high <= now_um + range_um - room:
        return now_um
    if not fits:
        return (low + high - range_um) / 2
    return max(min(now_um, low - margin), high + margin - range_um)


def in_position(cell: CellMeasures, shift: Shift, stage: Stage) -> CellMeasures:
    """Return a cell as its position sees it, whatever the stage's shift was when it was seen."""
    x, y, z = shift
    by = (z, *stage.to_image(x, y))

    def moved(place: tuple[float, float, float]) -> tuple[float, float, float]:
        return (place[0] + by[0], place[1] + by[1], place[2] + by[2])

    return replace(
        cell,
        centre_um=moved(cell.centre_um),
        low_um=moved(cell.low_um),
        high_um=moved(cell.high_um),
    )
