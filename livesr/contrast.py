"""The bounded contrast of the networks' intensity channel, and its inverse."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

BEND = 0.1
"""Intensity, in units of the foreground, below which `compress` is nearly linear."""


def compress(intensity: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the bounded contrast of the networks' intensity channel.

    ``(sqrt(i + a) - sqrt(a)) / (sqrt(1 + a) - sqrt(a))`` with a = `BEND`, the shape of the
    generalised Anscombe transform: noise becomes even, 0 stays 0, the foreground's 1 stays 1,
    and lipid droplets at 10 become 3.9. Below -a it is cut off. `expand` is its inverse. The
    paper does not say what it does.
    """
    low, high = sqrt(BEND), sqrt(1 + BEND)
    root: npt.NDArray[np.floating] = np.sqrt(np.maximum(intensity + BEND, 0))
    return (root - low) / (high - low)


def expand(compressed: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the normalised intensity that `compress` was given."""
    low, high = sqrt(BEND), sqrt(1 + BEND)
    return (np.asarray(compressed) * (high - low) + low) ** 2 - BEND
