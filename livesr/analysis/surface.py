"""Surface Dice: how much of two surfaces lies on each other, within a tolerance.

After Nikolov et al., "Clinically applicable segmentation of head and neck anatomy" (2018), with the
faces of voxels as surface elements: a voxel at the rim stands for the area of its faces that look
outside, and lies on the other surface if a voxel of that one's rim is no further than the tolerance
in µm. Planes are further apart than the tolerance, so that along z surfaces have to agree exactly.
"""

from __future__ import annotations

from math import floor, sqrt
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.analysis.shares import Shares

if TYPE_CHECKING:
    from livesr.types import Bool, Float32, UInt8

TOLERANCE_UM = 0.1


def compare_surfaces(
    mask: Bool | UInt8,
    truth: Bool | UInt8,
    voxel_um: tuple[float, float, float],
    tolerance_um: float = TOLERANCE_UM,
) -> Shares:
    """Return the areas, µm², of both surfaces and of what lies on the other; its ``dice`` counts.

    Parameters
    ----------
    mask, truth : ndarray, (z, y, x)
        Anything but 0 is inside. The border of the volume is no surface.
    voxel_um : tuple of float
        (z, y, x), µm.
    tolerance_um : float
    """
    areas = [rim_area(volume != 0, voxel_um) for volume in (mask, truth)]
    rims = [(area > 0).view(np.uint8) for area in areas]
    sums = []
    for area, other in zip(areas, reversed(rims), strict=True):
        there = near(other, voxel_um, tolerance_um).view(bool)
        sums += [float(area[there].sum(dtype=np.float64)), float(area.sum(dtype=np.float64))]
    return Shares(*sums)


def rim_area(volume: Bool, voxel_um: tuple[float, float, float]) -> Float32:
    """Return for each voxel the area, µm², of its faces that look outside, (z, y, x)."""
    area = np.zeros(volume.shape, np.float32)
    lower, upper = slice(None, -1), slice(1, None)
    for axis, length in enumerate(voxel_um):
        face = np.float32(np.prod(voxel_um) / length)
        inside, out = np.moveaxis(volume, axis, 0), np.moveaxis(area, axis, 0)
        for here, beside in ((upper, lower), (lower, upper)):
            np.add(out[here], face, out=out[here], where=inside[here] > inside[beside])
    return area


def near(volume: UInt8, voxel_um: tuple[float, float, float], reach_um: float) -> UInt8:
    """Return 1 where a voxel that is 1 has its centre no further than ``reach_um``, else 0."""
    out = np.zeros_like(volume)
    planes = floor(reach_um / voxel_um[0] + 1e-9)
    for dz in range(-planes, planes + 1):
        kernel = _disc(voxel_um[1:], sqrt(max(reach_um**2 - (dz * voxel_um[0]) ** 2, 0.0)))
        for z in range(max(0, -dz), min(len(volume), len(volume) - dz)):
            grown = cv2.dilate(volume[z + dz], kernel)
            np.maximum(out[z], grown, out=out[z])
    return out


def _disc(pixel_um: tuple[float, ...], radius_um: float) -> UInt8:
    """Return the pixels whose centres are no further than the radius, as OpenCV's kernel."""
    y, x = (
        size * np.arange(-n, n + 1)
        for size, n in ((size, floor(radius_um / size + 1e-9)) for size in pixel_um)
    )
    inside: UInt8 = (np.hypot(y[:, None], x) <= radius_um + 1e-9).astype(np.uint8)
    return inside
