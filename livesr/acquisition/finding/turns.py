"""The eight ways in which a rectangle can stand on a sensor: flips and quarter turns of boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from livesr.config.layouts import Flip, Rectangle

if TYPE_CHECKING:
    import numpy.typing as npt

    A = TypeVar("A", bound=np.generic)


class Box(NamedTuple):
    """Pixels y0 … y1, x0 … x1 of an image, the ends excluded."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along (y, x)."""
        return (self.y1 - self.y0, self.x1 - self.x0)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle (y, x), in the coordinates of pixel centres."""
        return ((self.y0 + self.y1 - 1) / 2, (self.x0 + self.x1 - 1) / 2)

    def moved(self, y: int, x: int) -> Box:
        """Return the box so many pixels further."""
        return Box(self.y0 + y, self.x0 + x, self.y1 + y, self.x1 + x)

    def cut(self, other: Box) -> Box:
        """Return what both boxes have in common; it may be empty (an end before its beginning)."""
        return Box(
            max(self.y0, other.y0),
            max(self.x0, other.x0),
            min(self.y1, other.y1),
            min(self.x1, other.x1),
        )

    def of(self, image: npt.NDArray[A]) -> npt.NDArray[A]:
        """Return the box's part of an image, as a view."""
        return image[self.y0 : self.y1, self.x0 : self.x1]


@dataclass(frozen=True, slots=True)
class Turn:
    """First flipped, then turned counter-clockwise by quarters, as a `Rectangle` says it."""

    flip: Flip = "none"
    quarters: int = 0

    def of(self, image: npt.NDArray[A]) -> npt.NDArray[A]:
        """Return the image as it is stored, as a view."""
        if self.flip == "horizontal":
            image = image[:, ::-1]
        elif self.flip == "vertical":
            image = image[::-1]
        return np.rot90(image, self.quarters)

    def box(self, box: Box, shape: tuple[int, int]) -> Box:
        """Return where a box of a sensor of that shape lies in the turned sensor."""
        height, width = shape
        if self.flip == "horizontal":
            box = Box(box.y0, width - box.x1, box.y1, width - box.x0)
        elif self.flip == "vertical":
            box = Box(height - box.y1, box.x0, height - box.y0, box.x1)
        for _ in range(self.quarters):
            box = Box(width - box.x1, box.y0, width - box.x0, box.y1)
            height, width = width, height
        return box

    def back(self, box: Box, shape: tuple[int, int]) -> Box:
        """Return which box of the sensor, of that shape, becomes this one."""
        height, width = shape if self.quarters % 2 == 0 else shape[::-1]
        unturned = Turn(quarters=(4 - self.quarters) % 4).box(box, (height, width))
        return Turn(self.flip).box(unturned, shape)

    def rectangle(self, name: str, box: Box) -> Rectangle:
        """Return a channel of a layout that reads this box of the sensor."""
        height, width = box.shape
        return Rectangle(
            name=name,
            x=box.x0,
            y=box.y0,
            width=width,
            height=height,
            flip=self.flip,
            quarter_turns=self.quarters,
        )

    @property
    def inverse(self) -> Turn:
        """The turn that undoes this one."""
        return next(turn for turn in TURNS if after(self, turn) == Turn())

    @property
    def words(self) -> str:
        """For people."""
        said = {"none": "", "horizontal": "mirrored left to right", "vertical": "upside down"}
        turned = f"turned by {90 * self.quarters}°" if self.quarters else ""
        return " and ".join(part for part in (said[self.flip], turned) if part) or "upright"


TURNS = (
    Turn(),
    Turn("horizontal"),
    Turn("vertical"),
    Turn(quarters=2),
    Turn(quarters=1),
    Turn(quarters=3),
    Turn("horizontal", 1),
    Turn("horizontal", 3),
)
"""Each way once."""


def after(first: Turn, then: Turn) -> Turn:
    """Return the one turn that does what two do, one after the other."""
    probe = np.arange(6).reshape(2, 3)
    wanted = then.of(first.of(probe))
    return next(turn for turn in TURNS if np.array_equal(turn.of(probe), wanted))


def turn_of(rectangle: Rectangle) -> Turn:
    """Return how a channel of a layout stands, as one of `TURNS`."""
    return after(Turn(rectangle.flip, rectangle.quarter_turns), Turn())
