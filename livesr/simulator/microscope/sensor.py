"""Where channels fall on a sensor: the inverse of what a channel layout cuts out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import yaml
from pydantic import ValidationError

from livesr.config.layouts import Rectangle, SplitterLayout, halves, quadrants, side_by_side
from livesr.errors import ConfigError, nearest
from livesr.simulator.imaging.optics import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.types import Float32

_SPLITTERS = {"side-by-side": side_by_side, "quadrants": quadrants, "halves": halves}
ARRANGEMENTS = (*_SPLITTERS, "single")
"""Splitters by name; `single` is the whole sensor for the channel that a filter lets pass."""
_WHERE = "the simulated camera's Layout"
_FIX = (
    f"one of {', '.join(ARRANGEMENTS)}, or rectangles as in the session's layout.channels: "
    "[{name: yellow, x: 0, y: 0, width: 64, height: 64}, …]"
)


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a camera's sensor shows.

    Attributes
    ----------
    rectangles : tuple of Rectangle
        Each channel's part; what lies outside all of them is dark.
    shape : tuple of int
        Pixels (y, x) of the whole sensor.
    """

    rectangles: tuple[Rectangle, ...]
    shape: tuple[int, int]

    @classmethod
    def of(cls, rectangles: tuple[Rectangle, ...]) -> Sensor:
        """Return the smallest sensor that holds the rectangles."""
        height = max(r.y + r.height for r in rectangles)
        width = max(r.x + r.width for r in rectangles)
        return cls(rectangles, (height, width))

    @classmethod
    def single(cls, channel: str, height: int, width: int) -> Sensor:
        """Return a sensor that one channel fills."""
        return cls.of((Rectangle(name=channel, x=0, y=0, width=width, height=height),))

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        return tuple(rectangle.name for rectangle in self.rectangles)

    def compose(self, images: Mapping[str, Float32]) -> Float32:
        """Return the sensor's image, (y, x) float32, from each channel's (y, x)."""
        out = np.zeros(self.shape, np.float32)
        for part in self.rectangles:
            image = np.rot90(images[part.name], -part.quarter_turns)
            if part.flip == "horizontal":
                image = image[:, ::-1]
            elif part.flip == "vertical":
                image = image[::-1]
            out[part.y : part.y + part.height, part.x : part.x + part.width] = image
        return out


def split_sensor(layout: str, channels: int, height: int, width: int) -> Sensor:
    """Return the sensor behind an image splitter.

    Parameters
    ----------
    layout : str
        ``side-by-side``: yellow, red in the mirror, green, from left to right. ``quadrants``:
        yellow upper left, red upper right, green lower left of a sensor of twice the channel's
        size. ``halves``: from top to bottom. Or rectangles, written as in a session file's
        ``layout.channels``, with flips and quarter turns; they name their channels themselves.
    channels : int
        2 or 3.
    height, width : int
        Of one channel, pixels.

    Raises
    ------
    ConfigError
        An unknown layout, rectangles that make none, or that are not of the channels' size.
    """
    if layout not in _SPLITTERS:
        return _sensor_of(read_rectangles(layout), height, width)
    parts = _SPLITTERS[layout](height, width, channels).channels
    if layout == "quadrants":
        return Sensor(parts, (2 * height, 2 * width))
    return Sensor.of(parts)


def read_rectangles(text: str) -> tuple[Rectangle, ...]:
    """Return rectangles from their text.

    Raises
    ------
    ConfigError
        If the text is neither a known layout nor rectangles.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{text!r} cannot be read: {error}", where=_WHERE, fix=_FIX) from error
    if not isinstance(given, list):
        raise ConfigError(
            f"no such layout: {text!r}", where=_WHERE, fix=f"{nearest(text, ARRANGEMENTS)}; {_FIX}"
        )
    try:
        layout = SplitterLayout.model_validate({"kind": "splitter", "channels": given})
    except ValidationError as error:
        raise ConfigError(
            f"the rectangles make no layout: {error.errors()[0]['msg']}", where=_WHERE, fix=_FIX
        ) from error
    unknown = [part.name for part in layout.channels if part.name not in CHANNELS]
    if unknown:
        raise ConfigError(
            f"there is no channel {unknown[0]!r}", where=_WHERE, fix=nearest(unknown[0], CHANNELS)
        )
    return layout.channels


def _sensor_of(rectangles: tuple[Rectangle, ...], height: int, width: int) -> Sensor:
    if rectangles[0].stored_shape != (height, width):
        rows, columns = rectangles[0].stored_shape
        raise ConfigError(
            f"the rectangles hold {rows}×{columns} pixels (y, x), the field has {height}×{width}",
            where=_WHERE,
            fix=f"set FieldHeight to {rows} and FieldWidth to {columns}, or change the rectangles",
        )
    return Sensor.of(rectangles)
