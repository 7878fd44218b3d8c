"""A measured point-spread function as plain numbers: for ``--json`` and as a table of beads."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.psf.theory import without_pixel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.calibration.psf.measure import ChannelPsf, Middle, Psf
    from livesr.calibration.psf.theory import Expected

COLUMNS = (
    "channel", "recording", "z_um", "y_um", "x_um", "lateral_fwhm_um", "wide_fwhm_um",
    "wide_error_um", "narrow_fwhm_um", "narrow_error_um", "axial_fwhm_um", "axial_error_um",
    "asymmetry", "angle_deg", "peak_counts", "background_counts", "chi2",
)  # fmt: skip


def numbers(
    psf: Psf, expected: Mapping[str, Sequence[Expected]], warnings: Sequence[str]
) -> dict[str, Any]:
    """Return all numbers but the beads' as plain values; widths are full at half maximum."""
    step, pixel, _ = psf.grid.voxel_um
    return {
        "recordings": [stack.source for stack in psf.stacks],
        "pixel_um": pixel,
        "z_step_um": step,
        "bead_diameter_um": psf.diameter_um,
        "channels": {
            name: _channel(channel, psf, expected.get(name, ()))
            for name, channel in psf.channels.items()
        },
        "warnings": list(warnings),
    }


def _channel(channel: ChannelPsf, psf: Psf, expected: Sequence[Expected]) -> dict[str, Any]:
    focus = channel.fields["focus"]
    tilt_y, tilt_x = focus.tilt
    pixel = psf.grid.voxel_um[1]
    return {
        "beads": len(channel),
        "refused": {reason: n for reason, n in psf.refused[channel.name].items() if n},
        "lateral_fwhm_um": _middle(channel.lateral),
        "axial_fwhm_um": _middle(channel.axial),
        "lateral_fwhm_without_pixel_um": round(without_pixel(channel.lateral.value, pixel), 5),
        "asymmetry": round(channel.asymmetry, 4),
        "angle_deg": round(channel.angle, 1),
        "best_focus": {
            "tilt_y_nm_um": round(1e3 * tilt_y, 3),
            "tilt_x_nm_um": round(1e3 * tilt_x, 3),
            "bowl_nm": round(1e3 * focus.bowl, 2),
            "scatter_nm": round(1e3 * focus.scatter, 2),
            "beads_on_a_plane": channel.flat,
        },
        "bowl_um": {
            key: round(channel.fields[key].bowl, 5) for key in ("lateral", "axial")
        },
        "expected_um": {
            one.way: {"lateral": round(one.lateral_um, 5), "axial": round(one.axial_um, 5)}
            for one in expected
        },
    }  # fmt: skip


def _middle(one: Middle) -> dict[str, float]:
    return {"median": round(one.value, 5), "error": round(one.error, 6)}


def bead_table(psf: Psf) -> str:
    """Return a row a bead as CSV; lengths in µm, the beads' own size taken off the widths."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, channel in psf.channels.items():
        beads, errors = channel.beads, channel.beads.fwhm_error_um
        axial, wide, narrow = channel.fwhm_um.T
        values = np.column_stack(
            [beads.place_um, channel.lateral_um, wide, errors[:, 1], narrow, errors[:, 2], axial,
             errors[:, 0], wide / narrow, beads.angle, beads.peak, beads.background, beads.chi2]
        )  # fmt: skip
        for recording, row in zip(channel.recording, values, strict=True):
            source = psf.stacks[int(recording)].source
            writer.writerow([name, source, *(f"{value:.6g}" for value in row)])
    return out.getvalue()
