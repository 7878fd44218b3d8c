"""One bead close by, from above and from the side, with a cross where it is said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.simulator.recordings import picture as draw

if TYPE_CHECKING:
    from livesr.types import Float32, Float64, UInt8

Triple = tuple[float, float, float]
WIDTH_UM = 2.4
"""Width of the part of the field that is shown around a bead."""


def above(image: Float32, own: Float64, center: Float64, voxel_um: Triple, size: int) -> UInt8:
    """Return a channel around the reference's bead, from above, with a cross where it is shown."""
    plane = int(np.clip(round(own[0] / voxel_um[0]), 0, len(image) - 1))
    return _close_up(image[plane], center[1:], own[1:], (1.0, 1.0), voxel_um[2], size)


def beside(image: Float32, own: Float64, center: Float64, voxel_um: Triple, size: int) -> UInt8:
    """Return the same from the side, z upwards."""
    row = int(np.clip(round(own[1]), 0, image.shape[1] - 1))
    cut = image[::-1, row]
    stretch = voxel_um[0] / voxel_um[2]
    at, mark = (
        np.array([len(cut) - 1 - place[0] / voxel_um[0], place[2]]) for place in (center, own)
    )
    return _close_up(cut, at, mark, (stretch, 1.0), voxel_um[2], size)


def _close_up(
    image: Float32,
    center: Float64,
    mark: Float64,
    stretch: tuple[float, float],
    pixel_um: float,
    size: int,
) -> UInt8:
    """Return pixels around a centre, `WIDTH_UM` wide, with a cross at the mark."""
    zoom = size * pixel_um / WIDTH_UM
    factors = np.array(stretch) * zoom
    half = (size - 1) / 2.0
    y, x = (np.arange(size, dtype=np.float32) - half)[:, None], np.arange(size) - half
    rows = (center[0] + y / factors[0]) * np.ones((1, size))
    columns = (center[1] + x / factors[1]) * np.ones((size, 1))
    close = cv2.remap(
        image, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT, borderValue=float(np.median(image)),
    )  # fmt: skip
    picture = draw.tinted(draw.grey(close, draw.levels(close, 5.0, 100.0), 0.6))
    row, column = ((mark - center) * factors + half).round().astype(int)
    cv2.drawMarker(picture, (int(column), int(row)), draw.ACCENT, cv2.MARKER_CROSS, 15, 1)
    return picture
