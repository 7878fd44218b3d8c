"""Where in a session's field and depth its calibration was measured, and where it is a guess."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.fitting.field import field_cells, inside_hull

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.calibration.profile import Profile
    from livesr.types import RecordingInfo

OUTSIDE = 0.15
"""A larger share of the field outside the beads' hull is warned of."""


@dataclass(frozen=True, slots=True)
class Applicability:
    """How one channel's calibration applies to a session.

    Attributes
    ----------
    error_nm : dict
        The transform's expected error over the field that its points cover, ``xy`` and ``z``.
    outside_hull : float
        Share of the session's field that the points do not cover.
    hull_um : tuple
        Corners (y, x) of what they cover, from the centre of the field.
    calibrated_depth_um, stack_depth_um : float
        What the points span along z, and the session's stacks.
    """

    error_nm: dict[str, float]
    outside_hull: float
    hull_um: tuple[tuple[float, float], ...]
    calibrated_depth_um: float
    stack_depth_um: float

    @property
    def deeper(self) -> bool:
        """True if the session reaches depths that the calibration was not measured at."""
        return self.stack_depth_um > self.calibrated_depth_um

    def as_dict(self) -> dict[str, object]:
        """Return what a session's metadata keep."""
        return {**asdict(self), "beyond_calibrated_depth": self.deeper}


def applicability(profile: Profile, info: RecordingInfo) -> dict[str, Applicability]:
    """Return it for each channel of the session that was measured."""
    height, width = (pixels * info.pixel_um for pixels in info.shape[2:])
    y, x = field_cells((height, width))
    out = {}
    for name in info.channels:
        part = profile.measured.get(name)
        if part is not None:
            hull = np.array(part.hull_um, np.float64).reshape(-1, 2)
            within = inside_hull(hull, y, x) if len(hull) else np.zeros_like(y, bool)
            out[name] = Applicability(
                part.model_nm.model_dump(),
                round(1.0 - float(within.mean()), 3),
                part.hull_um,
                round(part.z_um[1] - part.z_um[0], 3),
                round((info.shape[1] - 1) * info.z_step_um, 3),
            )
    return out


def remarks(found: Mapping[str, Applicability]) -> Iterator[str]:
    """Yield what a user should know before a session starts."""
    for name, one in found.items():
        if one.outside_hull > OUTSIDE:
            yield (
                f"{one.outside_hull:.0%} of the field lies outside the beads that {name} was"
                " calibrated with: there the overlap is extrapolated"
            )
