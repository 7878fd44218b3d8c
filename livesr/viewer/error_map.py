"""The calibration's expected error over the field, as a picture to lie over the plane. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from livesr.calibration.error_map import load_error_maps
from livesr.calibration.profile import load_profile
from livesr.data import data_folder
from livesr.errors import CalibrationError
from livesr.plain import there

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.types import Float32, UInt8
    from livesr.viewer.state import Scene

OPACITY = 0.55
POINTS = 96
"""Along each side of the picture."""
HALF = 0.5
_STOPS = np.array([[13, 8, 135], [126, 3, 168], [204, 71, 120], [248, 149, 64], [240, 249, 33]])
"""Of matplotlib's plasma."""


@dataclass(frozen=True, slots=True)
class ErrorPicture:
    """What lies over the plane.

    Attributes
    ----------
    rgba : ndarray, (y, x, 4), uint8
        Coloured by the lateral error; where it is extrapolated it is thinner.
    extent_um : tuple of float
        Height and width: those of the field, µm.
    low_nm, high_nm : float
        Lateral errors at the ends of the colours.
    words : str
        What it says in a line.
    """

    rgba: UInt8
    extent_um: tuple[float, float]
    low_nm: float
    high_nm: float
    words: str


def plasma() -> UInt8:
    """Return the colours (256, 3), from small to large errors."""
    at = np.linspace(0, len(_STOPS) - 1, 256)
    columns = [np.interp(at, np.arange(len(_STOPS)), _STOPS[:, k]) for k in range(3)]
    colours: UInt8 = np.rint(np.stack(columns, -1)).astype(np.uint8)
    return colours


def error_picture(settings: Mapping[str, Any], scene: Scene) -> ErrorPicture:
    """Return the picture of the session's calibration.

    Raises
    ------
    CalibrationError
        If it has none, or it has no error map.
    """
    name = str(settings.get("calibration", "none"))
    if name == "none":
        raise CalibrationError(
            "the session has no calibration, so no error map",
            where="calibration",
            fix="livesr calibrate BEADS -o FILE, then name it in the session file",
        )
    profile = load_profile(name)
    if not profile.error_map:
        raise CalibrationError(
            f"the calibration {profile.name} has no error map",
            where=name,
            fix="calibrate with beads: it is written beside the profile",
        )
    found = load_error_maps(_folder(name) / profile.error_map)
    if not found:
        raise CalibrationError("the error map is empty", where=name, fix="calibrate again")
    channel, one = next(((k, v) for k, v in found.items() if k == "red"), next(iter(found.items())))
    rows, columns = scene.shape[3:]
    field = rows * scene.voxel_um[1], columns * scene.voxel_um[2]
    calibrated = profile.valid_for.field_um
    xy, z, inside = (
        _over(part, calibrated, field)
        for part in (one.xy_nm, one.z_nm, one.inside.astype(np.float32))
    )
    low, high = float(xy.min()), float(xy.max())
    rgb = plasma()[np.rint((xy - low) / max(high - low, 1e-9) * 255).astype(np.intp)]
    alpha = np.where(inside > HALF, round(255 * OPACITY), round(120 * OPACITY)).astype(np.uint8)
    words = (
        f"expected error of {channel}: {low:.1f} to {high:.1f} nm laterally, "
        f"{float(z.min()):.1f} to {float(z.max()):.1f} nm along z"
    )
    return ErrorPicture(np.dstack([rgb, alpha]), field, low, high, words)


def _over(
    part: Float32, calibrated_um: tuple[float, float], field_um: tuple[float, float]
) -> Float32:
    """Return a map of the calibrated field over a session's, which lies in its middle."""
    at = []
    for points, whole, mine in zip(part.shape, calibrated_um, field_um, strict=True):
        um = (np.arange(POINTS) + 0.5) / POINTS * mine + (whole - mine) / 2
        at.append((um / whole * (points - 1)).astype(np.float32))
    y, x = np.meshgrid(*at, indexing="ij")
    over: Float32 = cv2.remap(part, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
    return over


def _folder(name: str) -> Path:
    """Return the folder in which a calibration lies: that of its file, or of the stored ones."""
    path = Path(name)
    return path.parent if there(path) == "file" else data_folder("calibration")
