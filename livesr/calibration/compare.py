"""What moved between two calibrations of one light path."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.fitting.axis_fit import rms
from livesr.calibration.fitting.field import GRID, field_grid
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from livesr.calibration.profile import Profile
    from livesr.calibration.warp import ChromaticModel

MOVED_NM = 30.0
"""A change of the field's shape beyond this is worth a new calibration: a fifth of the PSF."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How a channel moved against the reference, new minus old.

    Attributes
    ----------
    shift_nm : tuple of float
        Mean over the field, z, y, x: a session finds this out by itself.
    turn_mdeg : float
        Rotation, thousandths of a degree.
    scale_ppm : float
        Magnification, millionths.
    shape_nm : tuple of float
        What else changed (xy, z), root mean square over the field, after the mean shift.
    worst_nm : float
        Largest lateral change of shape.
    """

    shift_nm: tuple[float, float, float]
    turn_mdeg: float
    scale_ppm: float
    shape_nm: tuple[float, float]
    worst_nm: float

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--json`` prints it."""
        return asdict(self)

    @property
    def words(self) -> str:
        """For people."""
        z, y, x = self.shift_nm
        return (
            f"moved by {y:+.0f} nm in y, {x:+.0f} nm in x, {z:+.0f} nm in z; turned by"
            f" {self.turn_mdeg:+.1f} mdeg; magnification {self.scale_ppm:+.0f} ppm; shape changed"
            f" by {self.shape_nm[0]:.1f} nm xy, {self.shape_nm[1]:.1f} nm z"
            f" (at worst {self.worst_nm:.0f} nm)"
        )


def compare(old: Profile, new: Profile) -> dict[str, Moved]:
    """Return what moved in each channel that both have.

    Raises
    ------
    CalibrationError
        If they are of different light paths.
    """
    misfits = [
        f"{what}: {mine} and {its}"
        for what, mine, its in (
            ("reference channel", old.reference, new.reference),
            ("pixel", f"{old.valid_for.pixel_um:g} µm", f"{new.valid_for.pixel_um:g} µm"),
            ("microscope", old.valid_for.microscope, new.valid_for.microscope),
            ("objective", old.valid_for.objective, new.valid_for.objective),
        )
        if mine and its and mine != its
    ]
    channels = [name for name in old.channels if name in new.channels]
    if not channels:
        misfits.append("they have no channel in common")
    if misfits:
        raise CalibrationError(
            f"{old.name} and {new.name} are not of one light path: {'; '.join(misfits)}",
            where="--compare",
            fix="compare calibrations of the same microscope, objective and channels",
        )
    sides = zip(old.valid_for.field_um, new.valid_for.field_um, strict=True)
    height, width = (min(pair) for pair in sides)
    return {
        name: _moved(old.channels[name].model(), new.channels[name].model(), (height, width))
        for name in channels
    }


def _moved(old: ChromaticModel, new: ChromaticModel, field_um: tuple[float, float]) -> Moved:
    y, x = (side.ravel() for side in field_grid(field_um, GRID))
    change = 1e3 * (np.stack(new.displacement(y, x)) - np.stack(old.displacement(y, x)))
    shift = change.mean(axis=1)
    dz, dy, dx = change - shift[:, None]
    w = y + 1j * x
    turn = complex(np.vdot(w, dy + 1j * dx) / np.vdot(w, w)) / 1e3
    lateral = np.hypot(dy, dx)
    return Moved(
        shift_nm=(float(shift[0]), float(shift[1]), float(shift[2])),
        turn_mdeg=float(np.degrees(turn.imag)) * 1e3,
        scale_ppm=turn.real * 1e6,
        shape_nm=(rms(lateral), rms(dz)),
        worst_nm=float(lateral.max()),
    )
