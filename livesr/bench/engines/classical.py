"""What a user would put around the networks today: SciPy, scikit-image and TIFF files.

The same steps as livesr's: the red channel is registered by a 3-D affine transform (livesr's field
distortion is left out), both are resampled to the networks' voxel, mean and ratio are computed; at
the end masks are brought back to the camera's grid and stored.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import tifffile
from scipy.ndimage import affine_transform
from skimage.transform import resize

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.types import Float32, UInt8, UInt16

AFFINE = ((1.0, 0.0, 0.0), (0.0, 1.0017, -0.0011), (0.0, 0.0011, 1.0017))
SHIFT = (0.64, 0.04, 1.27)
"""Of the red channel in voxels, as the simulated microscope's."""
OFFSET = 100.0
SOFTENING = 5.0


def features(data: UInt16, shape: tuple[int, int, int]) -> Float32:
    """Return registered mean and ratio.

    Parameters
    ----------
    data : ndarray, (2, z, y, x), uint16
    shape : tuple of int
        Voxels on the networks' grid.

    Returns
    -------
    ndarray, (2, z', y', x'), float32
    """
    yellow = data[0].astype(np.float32) - OFFSET
    moved = data[1].astype(np.float32) - OFFSET
    red = affine_transform(moved, np.array(AFFINE), SHIFT, order=1, mode="nearest")
    small = [
        resize(c, shape, order=1, preserve_range=True, anti_aliasing=False) for c in (yellow, red)
    ]
    mean = (small[0] + small[1]) / 2
    ratio = (small[1] + SOFTENING) / (np.maximum(small[0], 0) + SOFTENING)
    return np.stack([mean, ratio]).astype(np.float32)


def mask_on_camera(probability: Float32, shape: tuple[int, int, int]) -> UInt8:
    """Return one structure's mask on the camera's grid, 0 or 1."""
    large = resize(probability, shape, order=1, preserve_range=True)
    mask: UInt8 = (large >= 0.5).astype(np.uint8)
    return mask


def warm_up(path: Path) -> None:
    """Do all steps on a few voxels: libraries load parts of themselves at their first call."""
    few = np.ones((2, 2, 8, 8), np.uint16)
    mask_s(features(few, (2, 4, 4))[0], (2, 8, 8), path)


def features_s(data: UInt16, shape: tuple[int, int, int]) -> float:
    """Return the seconds that `features` takes."""
    began = time.perf_counter()
    features(data, shape)
    return time.perf_counter() - began


def mask_s(probability: Float32, shape: tuple[int, int, int], path: Path) -> float:
    """Return the seconds of one structure from its probability to a file."""
    began = time.perf_counter()
    tifffile.imwrite(path, mask_on_camera(probability, shape), compression="zlib")
    return time.perf_counter() - began
