"""Channel layouts: where the channels of a stack come from, as data.

An image splitter shows its channels side by side on one sensor; sequential channels are taken one
after the other with a Micro-Manager preset each; two cameras see one channel each; a single
channel is the whole sensor. A layout crops, flips and turns by quarters only: finer rotation
belongs to the calibration, so raw data are never interpolated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from livesr.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

T = TypeVar("T", bound=np.generic)
Flip = Literal["none", "horizontal", "vertical"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rectangle(_Model):
    """One channel's part of the sensor, pixels; first flipped, then turned."""

    name: str
    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    flip: Flip = "none"
    quarter_turns: int = Field(
        0, ge=0, le=3, description="counter-clockwise, as seen with y downwards (numpy.rot90)"
    )

    @property
    def stored_shape(self) -> tuple[int, int]:
        """Shape (y, x) after the quarter turns."""
        if self.quarter_turns % 2:
            return (self.width, self.height)
        return (self.height, self.width)

    def view(self, image: npt.NDArray[T]) -> npt.NDArray[T]:
        """Return the channel that a sensor's image (y, x) shows: nothing is copied."""
        return self.turned(image[self.y : self.y + self.height, self.x : self.x + self.width])

    def turned(self, part: npt.NDArray[T]) -> npt.NDArray[T]:
        """Return this part of a sensor's image, as it lies there, flipped and turned."""
        if self.flip == "horizontal":
            part = part[:, ::-1]
        elif self.flip == "vertical":
            part = part[::-1]
        return np.rot90(part, self.quarter_turns)


class PresetChannel(_Model):
    """One channel by a Micro-Manager preset."""

    name: str
    config: str


class CameraChannel(_Model):
    """One channel by a camera of its own."""

    name: str
    camera: str = Field(description="device label of the physical camera")


class SplitterLayout(_Model):
    """Channels that share one exposure of one sensor."""

    kind: Literal["splitter"]
    channels: tuple[Rectangle, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct_and_equal(self) -> SplitterLayout:
        _check_names(self.channels)
        shapes = {rectangle.stored_shape for rectangle in self.channels}
        if len(shapes) > 1:
            sizes = ", ".join(f"{r.name} {r.stored_shape}" for r in self.channels)
            raise ValueError(
                f"the channels must have one shape (y, x) after their quarter turns: {sizes}"
            )
        return self


class SequentialLayout(_Model):
    """Channels taken one after the other, each with a preset of ``group``."""

    kind: Literal["sequential"]
    group: str = "Channel"
    channels: tuple[PresetChannel, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> SequentialLayout:
        _check_names(self.channels)
        return self


class CamerasLayout(_Model):
    """Channels taken at once by Micro-Manager's Multi Camera, one camera each."""

    kind: Literal["cameras"]
    channels: tuple[CameraChannel, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> CamerasLayout:
        _check_names(self.channels)
        cameras = [channel.camera for channel in self.channels]
        if len(set(cameras)) < len(cameras):
            raise ValueError(f"each channel needs a camera of its own, found {', '.join(cameras)}")
        return self


class SingleLayout(_Model):
    """One channel on the whole sensor."""

    kind: Literal["single"]
    name: str = "yellow"


Layout: TypeAlias = Annotated[
    SplitterLayout | SequentialLayout | CamerasLayout | SingleLayout,
    Field(discriminator="kind"),
]


def _check_names(channels: tuple[Rectangle | PresetChannel | CameraChannel, ...]) -> None:
    names = [channel.name for channel in channels]
    if len(set(names)) < len(names):
        raise ValueError(f"channel names must differ, found {', '.join(names)}")


def side_by_side(height: int, width: int, channels: int = 2) -> SplitterLayout:
    """Return the simulated microscope's layout: yellow, red in the mirror, and green if asked for.

    Parameters
    ----------
    height, width : int
        Of one channel, pixels; the sensor is (height, channels·width).
    channels : int
        2 or 3.
    """
    corners = [(0, place * width) for place in range(channels)]
    return _splitter(height, width, corners, mirrored="red")


def quadrants(height: int, width: int, channels: int = 2) -> SplitterLayout:
    """Return a four-way splitter: yellow upper left, red upper right, green lower left."""
    return _splitter(height, width, [(0, 0), (0, width), (height, 0)][:channels])


def halves(height: int, width: int, channels: int = 2) -> SplitterLayout:
    """Return a splitter whose channels lie one below the other: yellow, red, green."""
    return _splitter(height, width, [(place * height, 0) for place in range(channels)])


def _splitter(
    height: int, width: int, corners: list[tuple[int, int]], mirrored: str = ""
) -> SplitterLayout:
    return SplitterLayout(
        kind="splitter",
        channels=tuple(
            Rectangle(
                name=name,
                x=x,
                y=y,
                width=width,
                height=height,
                flip="horizontal" if name == mirrored else "none",
            )
            for name, (y, x) in zip(_NAMES, corners, strict=False)
        ),
    )


def _sequential(channels: int) -> SequentialLayout:
    return SequentialLayout(
        kind="sequential",
        channels=tuple(
            PresetChannel(name=name, config=name.capitalize()) for name in _NAMES[:channels]
        ),
    )


_NAMES = ("yellow", "red", "green")
PRESETS: dict[str, Layout] = {
    # a 1200×1200 sensor behind a four-way splitter, two or three of its quadrants used
    "prime95b-quadrants": quadrants(600, 600),
    "prime95b-quadrants-green": quadrants(600, 600, channels=3),
    "prime95b-sequential": _sequential(2),
    "prime95b-sequential-green": _sequential(3),
    "two-prime95b": CamerasLayout(
        kind="cameras",
        channels=(
            CameraChannel(name="yellow", camera="Camera-1"),
            CameraChannel(name="red", camera="Camera-2"),
        ),
    ),
    # a 2304×2304 sensor, halves of 1152 rows and 2304 columns
    "wide-split": halves(1152, 2304),
    "simulated": side_by_side(512, 512),
    "single": SingleLayout(kind="single"),
}
"""Layouts by name. Which quadrant or half shows which colour depends on how the splitter stands:
on a new microscope write the rectangles out."""


def check_layout(layout: Layout, sensor_shape: tuple[int, int], where: str = "") -> None:
    """Refuse rectangles that the sensor does not have.

    Parameters
    ----------
    layout : Layout
    sensor_shape : tuple of int
        (y, x) of the camera's image, with its region of interest.
    where : str
        What the sensor is called in the message.

    Raises
    ------
    ConfigError
        Naming every rectangle that does not fit.
    """
    if not isinstance(layout, SplitterLayout):
        return
    height, width = sensor_shape
    misfits = [
        f"{r.name}: x {r.x}…{r.x + r.width}, y {r.y}…{r.y + r.height}"
        for r in layout.channels
        if r.x + r.width > width or r.y + r.height > height
    ]
    if misfits:
        raise ConfigError(
            f"the sensor is {width} pixels wide and {height} high, "
            f"the layout asks for {'; '.join(misfits)}",
            where=where or "layout",
            fix="change the rectangles in layout.channels, or the camera's region of interest "
            "and binning",
        )
