"""What a calibration is made from, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.fitting.axis_fit import rms

if TYPE_CHECKING:
    from livesr.calibration.beads.find import Beads
    from livesr.calibration.beads.pairing import Matched
    from livesr.calibration.fitting.ladder import Fit
    from livesr.calibration.fitting.points import Pairs
    from livesr.types import Float64, Grid, UInt16


@dataclass(frozen=True, slots=True)
class BeadStack:
    """One recording of beads.

    Attributes
    ----------
    source : str
        Its file, for people.
    data : ndarray, (c, z, y, x), uint16
    channels : tuple of str
    grid : Grid
    offset : float
        Camera counts without light.
    """

    source: str
    data: UInt16
    channels: tuple[str, ...]
    grid: Grid
    offset: float

    @property
    def field_um(self) -> tuple[float, float]:
        """Extent (y, x) of a channel's image."""
        (_, ny, nx), (_, vy, vx) = self.grid.shape, self.grid.voxel_um
        return ny * vy, nx * vx


@dataclass(frozen=True, slots=True)
class ChannelCalibration:
    """What was found for one channel against the reference.

    Attributes
    ----------
    pairs : Pairs
    fit : Fit
    matched : tuple of Matched
        One a recording.
    heldout_nm : ndarray, (n, 3), or None
        Errors z, y, x of the points of another recording, if one was given, within the hull.
    unseen_nm : tuple of float
        Error (xy, z) that all points share, and that their scatter cannot show.
    """

    name: str
    pairs: Pairs
    fit: Fit
    matched: tuple[Matched, ...]
    heldout_nm: Float64 | None = None
    unseen_nm: tuple[float, float] = (0.0, 0.0)

    @property
    def model_nm(self) -> tuple[float, float]:
        """The transform's own expected error (xy, z) over the covered field."""
        xy, z = np.hypot(self.fit.model_nm, self.unseen_nm)
        return float(xy), float(z)

    @property
    def heldout_rms_nm(self) -> tuple[float, float] | None:
        """Root mean square error (xy, z) of the held-out beads."""
        if self.heldout_nm is None:
            return None
        z, y, x = self.heldout_nm.T
        return rms(np.hypot(y, x)), rms(z)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration as measured.

    Attributes
    ----------
    reference : str
    channels : dict of str to ChannelCalibration
    beads : dict of str to tuple of Beads
        Of each channel, one a recording; empty if it was made from cells.
    stacks : tuple of BeadStack
    points : str
        What the points are: ``beads`` or ``tiles of cells``.
    warnings : tuple of str
        What makes it worse than it could be.
    """

    reference: str
    channels: dict[str, ChannelCalibration]
    beads: dict[str, tuple[Beads, ...]]
    stacks: tuple[BeadStack, ...]
    points: str = "beads"
    warnings: tuple[str, ...] = field(default=())

    @property
    def field_um(self) -> tuple[float, float]:
        """Extent (y, x) of a channel's image."""
        return self.stacks[0].field_um
