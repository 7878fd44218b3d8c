"""Widths of the two channels' point-spread functions made equal before they are divided.

Red light makes wider images than yellow; at an edge the ratio then shows the difference of the
widths. Blurring the sharper channel by what the other is wider mends it, and costs sharpness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.beads.widths import FWHM

if TYPE_CHECKING:
    from livesr.calibration.records import PointSpread
    from livesr.types import Float32

THREE_TAPS = 0.5
"""Up to this standard deviation (voxels) three taps of the right variance blur; beyond it a sampled
Gaussian does."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Standard deviations (lateral, axial), µm, by which each of two channels is blurred."""

    added_um: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def of(cls, first: PointSpread, second: PointSpread) -> Matching:
        """Return the blur that gives both channels the wider of their widths, axis by axis."""
        one, two = (
            np.array([spread.lateral_um, spread.axial_um]) / FWHM for spread in (first, second)
        )
        wide = np.maximum(one, two)
        (a, b), (c, d) = (np.sqrt(wide**2 - own**2).tolist() for own in (one, two))
        return cls(((a, b), (c, d)))

    def apply(self, channels: Float32, voxel_um: tuple[float, float, float]) -> None:
        """Blur two channels (2, z, y, x) in place; counts above the camera's offset."""
        for image, (lateral, axial) in zip(channels, self.added_um, strict=True):
            if lateral > 0:
                along_y, along_x = (_taps(lateral / side) for side in voxel_um[1:])
                for plane in image:
                    cv2.sepFilter2D(
                        plane, -1, along_x, along_y, plane, borderType=cv2.BORDER_REPLICATE
                    )
            if axial > 0 and len(image) > 1:
                from scipy.ndimage import convolve1d  # few sessions match widths

                image[:] = convolve1d(image, _taps(axial / voxel_um[0]), axis=0, mode="nearest")


def _taps(sigma: float) -> Float32:
    if sigma <= THREE_TAPS:
        side = sigma**2 / 2
        return np.array([side, 1 - 2 * side, side], np.float32)
    reach = int(np.ceil(4 * sigma))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    out: Float32 = (bell / bell.sum()).astype(np.float32)
    return out
