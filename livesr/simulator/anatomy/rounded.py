"""Rounded and dividing cells: bodies of revolution around the axis of the spindle.

The profile is an ellipse that lengthens and is pinched in its middle. Places in such a cell have
profile coordinates: share of the half length along the axis, and the place in the cross-section as
shares of its radius. They carry everything from metaphase to the daughters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.body import ANGLE_TABLE, FLOOR_UM, SHARES, Body

if TYPE_CHECKING:
    from livesr.types import Bool, Float64

POWER = 2.3
"""Of the profile: 2 is an ellipse, more is blunter; a rounded cell is a little blunt."""
SUNK_UM = 0.5
"""How far the bottom is pressed flat on the cover slip."""
_PRESSED = 1.004
"""What the flat bottom cuts off is made up for."""
_FURROW_SHARE = 0.2
"""Half width of the furrow, of the half length."""
_APART = 0.22
"""How far the furrow clears its surroundings, share of the half length."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """A rounded cell at one moment.

    Attributes
    ----------
    center : tuple of float
        (y, x).
    axis : float
        Direction of the spindle in (y, x).
    half_length, half_width : float
        Along the axis and across.
    squash : float
        Height over width.
    furrow : float
        0 none, 1 ingressed.
    neck_um : float
        Diameter of what the furrow leaves.
    """

    center: tuple[float, float]
    axis: float
    half_length: float
    half_width: float
    squash: float
    furrow: float
    neck_um: float

    @classmethod
    def of_volume(
        cls,
        center: tuple[float, float],
        axis: float,
        volume_um3: float,
        height_um: float,
        stretch: float,
        furrow: float,
        neck_um: float,
    ) -> Rounded:
        """Return a cell that is ``height_um`` high while round, stretched at constant volume."""
        half = 0.5 * (height_um - FLOOR_UM) + 0.5 * SUNK_UM
        volume_um3 *= _PRESSED
        # a round one: V = π squash B² A · share with A = B and squash B = half
        share = 2.0 * _profile_share(0.0, 1.0)
        radius = float(np.sqrt(volume_um3 / (np.pi * half * share)))
        squash = half / radius
        length, width = radius * stretch, radius / np.sqrt(stretch)
        for _ in range(4):
            filled = 2.0 * _profile_share(furrow, neck_um / (2.0 * width))
            width = float(np.sqrt(volume_um3 / (np.pi * squash * length * filled)))
        return cls(center, axis, length, width, squash, furrow, neck_um)

    @property
    def middle_um(self) -> float:
        """Height of the axis."""
        return FLOOR_UM + self.squash * self.half_width - SUNK_UM

    def across(self, along: Float64) -> Float64:
        """Return the profile's radius at µm along the axis; 0 beyond its ends."""
        neck = self.neck_um / (2.0 * self.half_width)
        return np.asarray(self.half_width * _profile(along / self.half_length, self.furrow, neck))

    def points(self, places: Float64) -> Float64:
        """Return the points (n, 3) of profile coordinates (n, 3): along, sideways, up."""
        share = self._apart(places[:, 0])
        along = share * self.half_length
        across = self.across(along)
        sideways, up = places[:, 1] * across, places[:, 2] * across * self.squash
        c, s = np.cos(self.axis), np.sin(self.axis)
        z = np.maximum(self.middle_um + up, FLOOR_UM + 0.15)
        y, x = self.center[0] + along * s + sideways * c, self.center[1] + along * c - sideways * s
        return np.stack([z, y, x], axis=1)

    def on_axis(self, along_um: float) -> tuple[float, float]:
        """Return (y, x) of a point of the axis."""
        return (
            self.center[0] + along_um * float(np.sin(self.axis)),
            self.center[1] + along_um * float(np.cos(self.axis)),
        )

    def reach(self, angle: float) -> float:
        """Return how far the cell reaches from its centre in a direction."""
        turned = angle - self.axis
        way = np.linspace(0.0, self.half_length, 2000)
        inside = np.abs(way * np.sin(turned)) < self.across(way * np.cos(turned))
        return float(way[np.flatnonzero(inside)[-1]]) if inside.any() else 0.0

    def body(self) -> Body:
        """Return the whole cell, seen from its centre."""
        return self._seen_from(0.0, half=0)

    def halves(self) -> tuple[Body, Body]:
        """Return its two halves, cut across the axis and open there; the first lies ahead."""
        ahead = 0.5 * self.half_length
        return self._seen_from(ahead, half=1), self._seen_from(-ahead, half=-1)

    def _apart(self, share: Float64) -> Float64:
        """Return places along the axis moved out of the furrow's way."""
        clear = _APART * self.furrow
        return np.asarray(np.sign(share) * (clear + (1.0 - clear) * np.abs(share)))

    def _seen_from(self, start: float, half: int) -> Body:
        """Return the body around a point of the axis; ``half`` keeps one side of the middle."""
        turned = ANGLE_TABLE - self.axis
        c, s = np.cos(turned), np.sin(turned)

        def inside(reach: Float64) -> Bool:
            along, aside = start + reach * c, reach * s
            within = np.abs(aside) < self.across(along)
            return np.asarray(within & (along * half >= 0.0))

        reach = np.linspace(0.0, 2.0 * self.half_length, 400)
        first = np.maximum(np.argmax(~inside(reach[:, None]), axis=0), 1)
        near, far = reach[first - 1], reach[first]
        for _ in range(20):
            radius = 0.5 * (near + far)
            within = inside(radius)
            near, far = np.where(within, radius, near), np.where(within, far, radius)
        radius = near
        distance = SHARES[:, None] * radius
        along, aside = start + distance * c, distance * s
        half_height = self.squash * np.sqrt(np.maximum(self.across(along) ** 2 - aside**2, 0.0))
        low = np.maximum(self.middle_um - half_height, FLOOR_UM)
        center = self.on_axis(start)
        none = np.zeros(radius.size)
        # rays that leave through the cut, until the furrow has closed it
        cut = np.where(np.abs(start + radius * c) < 1e-3, 1.0 - self.furrow, 0.0) if half else none
        return Body(center, radius, low, self.middle_um + half_height, none, cut)


def _profile(share: Float64, furrow: float, neck: float) -> Float64:
    """Return the radius (of the half width) at a share of the half length."""
    round_ = np.maximum(1.0 - np.abs(share) ** POWER, 0.0) ** (1.0 / POWER)
    pinch = np.exp(-0.5 * (share / _FURROW_SHARE) ** 2)
    return np.asarray(round_ * (1.0 - furrow * (1.0 - neck) * pinch))


def _profile_share(furrow: float, neck: float) -> float:
    """Return the mean of the squared profile over the half length."""
    share = (np.arange(400) + 0.5) / 400
    return float(np.mean(_profile(share, furrow, neck) ** 2))
