"""What moved between two calibrations of one light path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.axis_fit import rms
from livesr.calibration.field import field_grid

if TYPE_CHECKING:
    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Float64

POINTS = 33
"""Along each side of the grid over which two models are compared."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How a newer model differs from an older one over the field.

    Attributes
    ----------
    shift_nm : tuple of float
        Mean z, y, x: what a session follows by itself.
    turn_mrad : float
        Rotation from y towards x.
    magnification : float
        Newer over older.
    shape_nm : tuple of float
        Root mean square (xy, z) of what is left when the mean shift is taken off: what a session
        does not follow.
    most_nm : tuple of float
        Largest (xy, z) of the same.
    """

    shift_nm: tuple[float, float, float]
    turn_mrad: float
    magnification: float
    shape_nm: tuple[float, float]
    most_nm: tuple[float, float]


def moved(
    old: ChromaticModel, new: ChromaticModel, field_um: tuple[float, float], z_um: float = 0.0
) -> Moved:
    """Return what moved between two models of one channel.

    Parameters
    ----------
    old, new : ChromaticModel
    field_um : tuple of float
        Extent (y, x) over which they are compared.
    z_um : float
        Height at which they are compared.
    """
    y, x = (side.ravel() for side in field_grid(field_um, POINTS))
    change = np.stack(new.displacement(y, x, z_um)) - np.stack(old.displacement(y, x, z_um))
    mean = change.mean(axis=1)
    dz, dy, dx = change - mean[:, None]
    size = float((y * y + x * x).mean())
    lateral = np.hypot(dy, dx)
    z, dy_mean, dx_mean = (float(1e3 * value) for value in mean)
    return Moved(
        (z, dy_mean, dx_mean),
        turn_mrad=1e3 * _mean(y * dx - x * dy) / size,
        magnification=1.0 + _mean(y * dy + x * dx) / size,
        shape_nm=(1e3 * rms(lateral), 1e3 * rms(dz)),
        most_nm=(1e3 * float(lateral.max()), 1e3 * float(np.abs(dz).max())),
    )


def _mean(values: Float64) -> float:
    return float(values.mean())
