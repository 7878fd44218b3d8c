"""Follow the channels' offset over a session: adopt it, then move slowly, never jump."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import hypot
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.calibration.following.offset import Residual
    from livesr.types import ChannelOffset

FEW = 5
"""Stacks whose median is the start: one of them may be wrong."""
WEIGHT = 0.1
"""Share of the difference that one good stack closes once the start is known."""
MOST_PIXELS = 1.5
"""Drift laterally beyond which the calibration is not that of this light path any more …"""
MOST_UM = 0.5
"""… and along z."""
MOST_SCATTER = (0.3, 0.4)
"""How far parts of the field may lie off beyond the translation (standard deviation): planes and
pixels. A rotation by 0.1° makes 0.35 pixels, cells on the right calibration less than 0.1."""
LEAST_TILES = 4
"""Tiles that tell the field's shape from one tile's error."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How one axis is followed, nm.

    Attributes
    ----------
    good : float
        Standard error of a stack that counts half.
    usable : float
        Largest standard error of a stack that counts.
    slack : int
        Differences up to this change nothing: a value that stays saves warping again.
    step : int
        Greatest change by one stack.
    """

    good: float
    usable: float
    slack: int
    step: int


AXIAL = Pace(good=20.0, usable=100.0, slack=4, step=8)
LATERAL = Pace(good=5.0, usable=35.0, slack=2, step=4)


@dataclass(slots=True)
class _Axis:
    """One axis of one channel: the latest value of what is followed, and the one in use."""

    pace: Pace
    used: int = 0
    first: list[float] = field(default_factory=list)
    target: float = 0.0

    def update(self, value: float, sigma: float) -> None:
        pace = self.pace
        if sigma > pace.usable:
            return
        if len(self.first) < FEW:
            self.first.append(value)
            self.target = median(self.first)
        else:
            weight = WEIGHT / (1 + (sigma / pace.good) ** 2)
            self.target += min(max(weight * (value - self.target), -pace.step), pace.step)
        away = round(self.target - self.used)
        if len(self.first) == 1:
            self.used += away
        elif abs(away) > pace.slack:
            self.used += min(max(away, -pace.step), pace.step)


class OffsetFollower:
    """Follows the channels' offset over a session, one stack after the other.

    The first stack's offset is adopted whole, the next few correct it towards their median, and
    then it moves by a few nanometres a stack at most: the splitter drifts over hours, while a cell
    that comes into the field changes an estimate at once and must not move the others' edges.

    Parameters
    ----------
    voxel_um : tuple of float
        Of the camera's grid, (z, y, x).
    names : mapping of int to str
        Of the channels that are followed.
    start : mapping of int to tuple of int, optional
        Last value of the session, from the journal, when it is resumed.

    Attributes
    ----------
    measured : int
        Stacks that showed an offset.
    """

    def __init__(
        self,
        voxel_um: tuple[float, float, float],
        names: Mapping[int, str],
        start: ChannelOffset | None = None,
    ) -> None:
        self._voxel_um, self._names = voxel_um, names
        self._axes = {c: [_Axis(p) for p in (AXIAL, LATERAL, LATERAL)] for c in names}
        for channel, shift in (start or {}).items():
            for axis, used in zip(self._axes[channel], shift, strict=True):
                axis.used, axis.target, axis.first = used, float(used), [float(used)] * FEW
        self._scatter: dict[int, list[tuple[float, float]]] = {c: [] for c in names}
        self._told: set[tuple[int, str]] = set()
        self.measured = 0

    @property
    def value(self) -> ChannelOffset:
        """The offset in use."""
        return {c: (z.used, y.used, x.used) for c, (z, y, x) in self._axes.items()}

    def update(self, estimate: Mapping[int, Residual]) -> ChannelOffset:
        """Return the offset to use for the stack that ``estimate`` is from, whole nm."""
        self.measured += bool(estimate)
        for channel, residual in estimate.items():
            for axis, shift, sigma in zip(
                self._axes[channel], residual.shift_um, residual.sigma_um, strict=True
            ):
                axis.update(shift * 1000, sigma * 1000)
            if residual.tiles >= LEAST_TILES:
                z, y, x = residual.scatter_um
                self._scatter[channel] = [*self._scatter[channel], (z, hypot(y, x))][-FEW:]
        return self.value

    def news(self) -> list[str]:
        """Return what newly says that the calibration no longer fits; each is said once."""
        found: dict[tuple[int, str], str] = {}
        for channel, (z, y, x) in self.value.items():
            lateral, pixel = hypot(y, x) / 1000, self._voxel_um[2]
            if lateral > MOST_PIXELS * pixel:
                found[channel, "lateral"] = (
                    f"lies {lateral / pixel:.1f} pixels ({lateral * 1000:.0f} nm) off it laterally"
                )
            if abs(z) / 1000 > MOST_UM:
                found[channel, "axial"] = f"lies {abs(z)} nm off it along z"
            found |= self._shape(channel)
        new = {key: what for key, what in found.items() if key not in self._told}
        self._told |= new.keys()
        return [
            f"the calibration no longer fits: {self._names[channel]} {what}; measure beads again "
            "(the channels are laid over each other as well as a translation can)"
            for (channel, _), what in new.items()
        ]

    def _shape(self, channel: int) -> dict[tuple[int, str], str]:
        if not self._scatter[channel]:
            return {}
        found = {}
        sizes = (self._voxel_um[0], self._voxel_um[2])
        values = [median(values) for values in zip(*self._scatter[channel], strict=True)]
        for way, value, most, size in zip(
            ("along z", "laterally"), values, MOST_SCATTER, sizes, strict=True
        ):
            if value > most * size:
                found[channel, f"shape {way}"] = (
                    f"has another shape, parts of the field lie {value * 1000:.0f} nm off it {way} "
                    "beyond the translation"
                )
        return found
