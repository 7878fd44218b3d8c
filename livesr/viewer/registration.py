"""Red drawn where yellow is: without it every edge would have a false ratio."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from livesr.calibration.profile import load_profile
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Float32, UInt16
    from livesr.viewer.state import Scene

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RedRegistration:
    """Where each yellow pixel lies in the red image.

    Only for the eye: the lateral map of the stack's middle, and whole planes along z. The
    networks' input comes from the three-dimensional map of `livesr.calibration.warp`.

    Attributes
    ----------
    y, x : ndarray, (y, x), float32
        Red pixels.
    planes : int
        Planes that red is shifted up.
    count : int
        Planes of a stack.
    """

    y: Float32
    x: Float32
    planes: int
    count: int

    def plane(self, z: int) -> int:
        """Return the red plane that shows what yellow shows in plane ``z``."""
        return max(0, min(z + self.planes, self.count - 1))

    def apply(self, red: UInt16) -> UInt16:
        """Return a red plane (y, x) on yellow's pixels."""
        moved: UInt16 = cv2.remap(red, self.x, self.y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        return moved


def registration_of(settings: Mapping[str, Any], scene: Scene) -> RedRegistration | None:
    """Return the registration by the session's calibration, or None if it has none to read."""
    name = str(settings.get("calibration", "none"))
    if name == "none":
        return None
    try:
        model = load_profile(name).models().get("red")
    except CalibrationError as error:
        log.warning("red is drawn unregistered: %s", error.what)
        return None
    return None if model is None else register(model, scene)


def register(model: ChromaticModel, scene: Scene) -> RedRegistration:
    """Return the map of one chromatic model on a scene's pixels."""
    _, _, planes, rows, columns = scene.shape
    dz_um, dy_um, dx_um = scene.voxel_um
    y, x = np.arange(rows, dtype=np.float64)[:, None], np.arange(columns, dtype=np.float64)[None, :]
    dz, dy, dx = model.displacement(
        (y - (rows - 1) / 2) * dy_um, (x - (columns - 1) / 2) * dx_um, (planes - 1) * dz_um / 2
    )
    return RedRegistration(
        (y + dy / dy_um).astype(np.float32),
        (x + dx / dx_um).astype(np.float32),
        round(float(np.median(dz)) / dz_um) if planes > 1 else 0,
        planes,
    )
