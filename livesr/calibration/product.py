"""The stored calibration that a measurement gives, with its error map beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr import __version__
from livesr.calibration.beads.widths import ball_fwhm2
from livesr.calibration.error_map import error_map, save_error_maps
from livesr.calibration.profile import (
    ChannelTransform,
    Measured,
    Nanometres,
    PointSpread,
    Profile,
    Provenance,
    RegistrationError,
    ValidFor,
    save_profile,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from livesr.calibration.beads.find import Beads
    from livesr.calibration.fitting.ladder import Fit
    from livesr.calibration.found import Calibration, ChannelCalibration

Pair = tuple[float, float]


def measured(channel: ChannelCalibration) -> Measured:
    """Return what the file keeps of a channel's measurement."""
    fit = channel.fit
    held = channel.heldout_rms_nm
    return Measured(
        points=int(fit.used.sum()),
        lateral=fit.lateral.rung.name,
        axial=fit.axial.rung.name,
        fre_nm=nanometres(fit.fre_nm),
        tre_nm=nanometres(fit.tre_nm),
        model_nm=nanometres(channel.model_nm),
        heldout_nm=None if held is None else nanometres(held),
        z_um=(round(fit.z_um[0], 3), round(fit.z_um[1], 3)),
        hull_um=tuple((round(float(y), 2), round(float(x), 2)) for y, x in fit.hull_um),
        coverage=round(fit.coverage, 3),
    )


def nanometres(pair: Pair) -> Nanometres:
    """Return an error (xy, z), nm, to two digits after the point."""
    return Nanometres(xy=round(pair[0], 2), z=round(pair[1], 2))


def worst(errors: Sequence[Nanometres]) -> Nanometres:
    """Return the larger error of several channels."""
    return Nanometres(xy=max(one.xy for one in errors), z=max(one.z for one in errors))


def point_spread(beads: Sequence[Beads], diameter_um: float) -> PointSpread | None:
    """Return how wide a point's image is, the beads' diameter taken off; None without beads.

    A ball of diameter d widens an image by the variance d² / 20 along each axis.
    """
    widths = np.concatenate([one.fwhm_um for one in beads])
    if not len(widths):
        return None
    own = ball_fwhm2(diameter_um)
    axial, wide, narrow = np.median(widths, axis=0)
    lateral = float(np.sqrt(max(wide * narrow - own, own)))
    return PointSpread(lateral_um=lateral, axial_um=float(np.sqrt(max(axial**2 - own, own))))


def profile_of(
    found: Calibration,
    *,
    name: str,
    valid_for: ValidFor,
    made: date,
    command: str,
    simulated: bool,
    diameter_um: float,
) -> Profile:
    """Return a measured calibration as it is stored.

    Parameters
    ----------
    found : Calibration
    name : str
        As in ``calibration/NAME.yaml``.
    valid_for : ValidFor
        The light path.
    made : date
    command : str
        What made it, for whoever wants to repeat it.
    simulated : bool
    diameter_um : float
        Of the beads.
    """
    parts = {channel: measured(one) for channel, one in found.channels.items()}
    spreads = {channel: point_spread(beads, diameter_um) for channel, beads in found.beads.items()}
    return Profile(
        name=name,
        reference=found.reference,
        channels={
            channel: ChannelTransform.of(one.fit.model) for channel, one in found.channels.items()
        },
        valid_for=valid_for,
        simulated=simulated,
        provenance=Provenance(
            made=made.isoformat(),
            by=command,
            source=f"{found.points}: {'; '.join(stack.source for stack in found.stacks)}",
            beads=max(part.points for part in parts.values()) if found.beads else 0,
            software=f"livesr {__version__}",
        ),
        error=RegistrationError(
            fre_nm=worst([part.fre_nm for part in parts.values()]),
            tre_nm=worst([part.tre_nm for part in parts.values()]),
        ),
        measured=parts,
        psf={channel: spread for channel, spread in spreads.items() if spread is not None},
    )


def store(profile: Profile, fits: dict[str, Fit], path: Path) -> Profile:
    """Write the file and its error map; return the profile that names it.

    Raises
    ------
    StorageError
        If they cannot be written.
    """
    maps = path.with_suffix(".error.npz")
    profile = profile.model_copy(update={"error_map": maps.name})
    save_profile(profile, path)
    save_error_maps({name: error_map(fit) for name, fit in fits.items()}, maps)
    return profile
