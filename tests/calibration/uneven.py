"""A camera whose pixels differ much, behind uneven light."""

from __future__ import annotations

import numpy as np

from livesr.calibration.camera.correction import Correction


def uneven_maps(shape: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    """Offset, response, hot pixels and flat field (c, y, x)."""
    rng = np.random.default_rng(60_700)
    offset = rng.normal(104.0, 3.0, shape).astype(np.float32)
    response = rng.normal(1.0, 0.05, shape).astype(np.float32)
    hot = rng.random(shape) < 0.01
    hot[:, :3, :3] = True  # no good neighbour near the corner
    y, x = np.linspace(-1, 1, shape[1]), np.linspace(-1, 1, shape[2])
    flat = np.stack([1 - 0.1 * (c + 1) * (y[:, None] ** 2 + x**2) for c in range(shape[0])])
    return offset, response, hot, flat.astype(np.float32)


def uneven_camera(shape: tuple[int, int, int, int]) -> Correction:
    """The correction for stacks (c, z, y, x)."""
    return Correction.of(*uneven_maps((shape[0], *shape[2:])))
