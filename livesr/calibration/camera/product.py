"""The stored camera correction that a measurement gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr import __version__
from livesr.calibration.camera.field import spread
from livesr.calibration.camera.record import save_camera

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from livesr.calibration.camera.found import CameraCalibration
    from livesr.calibration.camera.record import CameraProfile, MadeFor


def store_camera(
    found: CameraCalibration,
    path: Path,
    *,
    made_for: MadeFor,
    measured: date,
    simulated: bool,
    command: str,
) -> CameraProfile:
    """Write a measured camera; return what was written.

    Parameters
    ----------
    found : CameraCalibration
    path : Path
        Of the YAML file.
    made_for : MadeFor
    measured : date
        When the frames were taken.
    simulated : bool
    command : str
        What made it, for whoever wants to repeat it.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    sources = dict.fromkeys(level.moments.source for level in found.levels)
    content: dict[str, Any] = {
        "name": path.name.removesuffix(path.suffix).removesuffix(".camera"),
        "measured": measured,
        "simulated": simulated,
        "made_for": made_for.model_dump(),
        "channels": [
            {
                "name": region.name,
                "image": region.image,
                "rectangle": None if region.rectangle is None else region.rectangle.model_dump(),
            }
            for region in found.regions
        ],
        "darks": found.dark.frames,
        "levels": [
            {
                "frames": level.moments.frames,
                "counts": [round(counts, 2) for counts in level.signal],
                "drift": round(level.moments.drift, 5),
                "flicker": round(level.moments.flicker, 5),
                "gain_deviation": round(bent, 5),
            }
            for level, bent in zip(found.levels, found.linearity, strict=True)
        ],
        "found": numbers(found),
        "by": command,
        "source": f"darks: {found.dark.source}; flats: {', '.join(sources)}",
        "software": f"livesr {__version__}",
    }
    return save_camera(content, found.maps, path)


def numbers(found: CameraCalibration) -> dict[str, Any]:
    """Return what was found, in numbers, as files and ``--json`` have it."""
    usable = ~found.maps.hot
    inside = np.concatenate(
        [region.cut(found.maps.response)[region.cut(usable)] for region in found.regions]
    )
    ratio = {
        f"{where}_{when}": round(float(np.sqrt(np.mean(getattr(one, when) ** 2))), 6)
        for where, one in zip(("dim", "bright"), found.ratios, strict=False)
        for when in ("before", "after")
    }
    return {
        "offset": [round(float(np.median(image)), 3) for image in found.maps.offset],
        "gain_e_per_adu": [round(gain, 5) for gain in found.gain_e_per_adu],
        "read_noise_e": [round(noise, 4) for noise in found.read_noise_e],
        "hot_pixels": int(found.maps.hot.sum()),
        "offset_error": round(found.offset_error, 4),
        "response_error": round(found.response_error, 6),
        "response_spread": round(spread(inside), 6),
        "false_ratio": ratio,
    }
