"""Sections across the planes: xz and yz through one point, drawn like the plane itself. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.viewer import compose, state

if TYPE_CHECKING:
    from livesr.types import UInt8, UInt16
    from livesr.viewer.planes import Planes


@dataclass(frozen=True, slots=True)
class Section:
    """One section.

    Attributes
    ----------
    base : ndarray, (z, x) or (z, y), uint8, or with a last axis of 3
        The lowest plane first.
    labels : ndarray, (z', x') or (z', y'), uint8, or None
        See `compose.label_image`.
    extent_um : tuple of float
        Height and width of the section.
    """

    base: UInt8
    labels: UInt8 | None
    extent_um: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sections:
    """Both, and where they meet.

    Attributes
    ----------
    xz, yz : Section
    at_um : tuple of float
        (z, y, x), the middle of the voxel where they meet.
    """

    xz: Section
    yz: Section
    at_um: tuple[float, float, float]


def counts_across(
    planes: Planes, image: int, t: int, channel: str, place: tuple[int, int]
) -> tuple[UInt16, UInt16]:
    """Return a channel's counts in the sections: (z, x) along a row, and (z, y) along a column."""
    row, column = place
    many = [planes.counts(image, t, z, channel) for z in range(planes.count(image))]
    return np.stack([p[row] for p in many]), np.stack([p[:, column] for p in many])


def red_across(planes: Planes, image: int, t: int, place: tuple[int, int]) -> tuple[UInt16, UInt16]:
    """Return the same of red where yellow is."""
    row, column = place
    many = [planes.registered_red(image, t, z) for z in range(planes.count(image))]
    return np.stack([p[row] for p in many]), np.stack([p[:, column] for p in many])


def bases(
    planes: Planes,
    image: int,
    t: int,
    channel: str,
    place: tuple[int, int],
    levels: compose.Levels,
    brightness: compose.Levels,
) -> tuple[UInt8, UInt8]:
    """Return both sections in grey, or as the composite of hue and brightness.

    Parameters
    ----------
    planes : Planes
    image, t, channel
        What is shown.
    place : tuple of int
        Row and column where they meet.
    levels, brightness : Levels
        Of the plane's picture: of its grey or its hue, and of the composite's brightness.
    """
    if channel != state.RATIO:
        xz, yz = counts_across(planes, image, t, channel, place)
        return compose.to_grey(xz, levels), compose.to_grey(yz, levels)
    yellow = counts_across(planes, image, t, "yellow", place)
    red = red_across(planes, image, t, place)
    return (
        compose.to_composite(yellow[0], red[0], planes.offset, levels, brightness),
        compose.to_composite(yellow[1], red[1], planes.offset, levels, brightness),
    )


def labels_across(
    volume: UInt8, scale: tuple[float, float], place: tuple[int, int]
) -> tuple[UInt8, UInt8]:
    """Return the labels in both sections.

    Parameters
    ----------
    volume : ndarray, (z, y, x), uint8
        See `Planes.label_volume`.
    scale : tuple of float
        Its voxels for each pixel of the camera along (y, x).
    place : tuple of int
        Row and column of the camera.
    """
    row, column = (
        min(int((at + 0.5) * s), last - 1)
        for at, s, last in zip(place, scale, volume.shape[1:], strict=True)
    )
    return volume[:, row], volume[:, :, column]
