"""From camera images to channels: crops, flips and quarter turns, as views of the sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.config.layouts import CamerasLayout, SequentialLayout, SplitterLayout

if TYPE_CHECKING:
    from livesr.config.layouts import Layout
    from livesr.types import Frame, RecordingInfo, UInt16


def channel_names(layout: Layout) -> tuple[str, ...]:
    """Return the names of the stored channels, in their order in the array."""
    if isinstance(layout, SplitterLayout | SequentialLayout | CamerasLayout):
        return tuple(channel.name for channel in layout.channels)
    return (layout.name,)


def frames_per_plane(layout: Layout) -> int:
    """Return how many camera images make all channels of one plane."""
    if isinstance(layout, SequentialLayout | CamerasLayout):
        return len(layout.channels)
    return 1


def exposures(layout: Layout, info: RecordingInfo) -> int:
    """Return how many frames make one plane of a source: a file may name more than its layout."""
    return 1 if isinstance(layout, SplitterLayout) else info.shape[0]


def stored_shape(layout: Layout, sensor_shape: tuple[int, int]) -> tuple[int, int, int]:
    """Return the shape (c, y, x) of one stored plane.

    Parameters
    ----------
    layout : Layout
    sensor_shape : tuple of int
        (y, x) of each camera image.
    """
    if isinstance(layout, SplitterLayout):
        return (len(layout.channels), *layout.channels[0].stored_shape)
    return (len(channel_names(layout)), *sensor_shape)


def split(frame: Frame, layout: Layout) -> tuple[tuple[int, UInt16], ...]:
    """Return the channels that a frame shows, as views of its image.

    Returns
    -------
    tuple of (int, ndarray (y, x) uint16)
        Channel index and view; nothing is copied or interpolated.
    """
    if isinstance(layout, SplitterLayout):
        return tuple(
            (index, rectangle.view(frame.image)) for index, rectangle in enumerate(layout.channels)
        )
    return ((frame.c, frame.image),)
