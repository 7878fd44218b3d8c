"""Find the rectangles of a splitter's channels: equal, apart, each with its flip and turn.

The channels show the same cells. So parts of the sensor (its halves and quarters, those of what is
lit) are compared in all eight ways in which a part can stand; what agrees clearly, and in one way
only, is a pair of channels. Tiles of the full picture then give their displacement in the middle,
whatever the splitter turns and magnifies, and the light's edges, seen in both channels together,
their extent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.acquisition.finding.choice import CLEAR, best_places
from livesr.acquisition.finding.refusal import check_light
from livesr.acquisition.finding.turns import Box, Turn, after, turn_of
from livesr.config.layouts import SplitterLayout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.acquisition.finding.places import Places
    from livesr.types import UInt16

_FULL = 65535


@dataclass(frozen=True, slots=True)
class Found:
    """Rectangles that were found.

    Attributes
    ----------
    layout : SplitterLayout
    clear : float
        Least height of the correlations' peaks, in standard deviations (needed: `choice.CLEAR`).
    turned_deg, larger : tuple of float
        For each further channel: rotation, and magnification beyond 1, between it and the one it
        was compared with. The calibration has to account for them.
    """

    layout: SplitterLayout
    clear: float
    turned_deg: tuple[float, ...]
    larger: tuple[float, ...]

    def as_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "layout": self.layout.model_dump(mode="json"),
            "clear_sigma": round(self.clear, 1),
            "turned_deg": [round(value, 3) for value in self.turned_deg],
            "larger": [round(value, 5) for value in self.larger],
        }

    def lines(self) -> list[str]:
        """Return what people read."""
        lines = [f"rectangles found ({self.clear:.0f} σ; {CLEAR:g} are needed):"]
        for one in self.layout.channels:
            turns = ("" if one.flip == "none" else f", flip {one.flip}") + (
                f", {one.quarter_turns} quarter turns" if one.quarter_turns else ""
            )
            place = f"{one.width} × {one.height} pixels at x {one.x}, y {one.y}"
            lines.append(f"  {one.name}: {place}{turns}")
        return lines


def find_layout(
    frames: UInt16,
    names: Sequence[str] = ("yellow", "red"),
    *,
    offset: float = 100.0,
    present: SplitterLayout | None = None,
    full: int = _FULL,
) -> Found:
    """Return the layout of a splitter from pictures of cells or beads.

    Parameters
    ----------
    frames : ndarray, (n, y, x) or (y, x), uint16
        Whole sensor; several pictures are averaged.
    names : sequence of str
        Of the channels, two or more.
    offset : float
        Camera counts without light.
    present : SplitterLayout, optional
        Which channel is which, and how the first one stands, are taken from it; without it the
        channels are named from left to right and top to bottom, the first one upright.
    full : int
        Counts of a full pixel.

    Returns
    -------
    Found

    Raises
    ------
    CalibrationError
        Saying why there are no such rectangles in these pictures.
    """
    stack = frames[None] if frames.ndim == 2 else frames
    check_light(stack, full)
    mean = stack.mean(axis=0, dtype=np.float32) - np.float32(offset)
    light = np.asarray(cv2.medianBlur(mean, 3), np.float32)  # hot pixels are no structure
    found = best_places(light, len(names))
    return _with_names(found, tuple(names), present)


def _with_names(places: Places, names: tuple[str, ...], present: SplitterLayout | None) -> Found:
    """Return the layout: channels named as they are at present, or by their place."""
    order = _order(places.boxes, names, present)
    first = places.turns[order[0]]
    stands = Turn()
    if present is not None:
        stands = next((turn_of(r) for r in present.channels if r.name == names[0]), stands)
    # all are turned together until the first one stands as it shall
    together = after(first.inverse, stands)
    channels = tuple(
        after(places.turns[place], together).rectangle(name, places.boxes[place])
        for name, place in zip(names, order, strict=True)
    )
    return Found(
        SplitterLayout(kind="splitter", channels=channels),
        places.clear,
        tuple(one.turned_deg for one in places.fits),
        tuple(one.larger for one in places.fits),
    )


def _order(
    boxes: tuple[Box, ...], names: tuple[str, ...], present: SplitterLayout | None
) -> tuple[int, ...]:
    """Return which box each name has."""
    known = {r.name: r for r in present.channels} if present is not None else {}
    if not all(name in known for name in names):
        height, width = boxes[0].shape

        def reading(place: int) -> tuple[int, int]:
            return (round(boxes[place].y0 / height), round(boxes[place].x0 / width))

        return tuple(sorted(range(len(boxes)), key=reading))

    def off(order: tuple[int, ...]) -> float:
        return sum(
            abs(known[name].x + known[name].width / 2 - boxes[place].centre[1])
            + abs(known[name].y + known[name].height / 2 - boxes[place].centre[0])
            for name, place in zip(names, order, strict=True)
        )

    return min(permutations(range(len(boxes))), key=off)
