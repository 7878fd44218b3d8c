"""What the camera sees of the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float64


@dataclass(frozen=True, slots=True)
class View:
    """A camera field in sample coordinates.

    Attributes
    ----------
    center_um : tuple of float
        (y, x) of the field's centre.
    pixel_um : float
        Size of a pixel in the sample.
    shape : tuple of int
        Pixels (y, x).
    """

    center_um: tuple[float, float]
    pixel_um: float
    shape: tuple[int, int]

    def pixels(self, y_um: Float64, x_um: Float64) -> tuple[Float64, Float64]:
        """Return pixel coordinates of sample points: pixel centres at integers."""
        cy, cx = self.center_um
        return (
            (y_um - cy) / self.pixel_um + (self.shape[0] - 1) / 2.0,
            (x_um - cx) / self.pixel_um + (self.shape[1] - 1) / 2.0,
        )

    def field(self) -> tuple[Float64, Float64]:
        """Return field coordinates (µm from the centre) of pixel rows (n, 1) and columns (1, m)."""
        y, x = ((np.arange(n) - (n - 1) / 2.0) * self.pixel_um for n in self.shape)
        return np.asarray(y[:, None], np.float64), np.asarray(x[None, :], np.float64)

    def half_um(self) -> tuple[float, float]:
        """Return half the extent (y, x)."""
        return self.shape[0] * self.pixel_um / 2.0, self.shape[1] * self.pixel_um / 2.0
