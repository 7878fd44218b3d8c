"""Channels that no network sees: laid over the masks, and measured within each structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import Warp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Bool, Float32, UInt8, UInt16


@dataclass(frozen=True, slots=True)
class Beside:
    """The channels beside those of the networks.

    Attributes
    ----------
    names : mapping of int to str
        By their place in the stack.
    warp : Warp
        To the masks' grid; its channels are numbered in the order of ``names``.
    """

    names: Mapping[int, str]
    warp: Warp

    @classmethod
    def of(
        cls, names: Mapping[int, str], to_masks: Warp, models: Mapping[int, ChromaticModel]
    ) -> Beside:
        """Return the channels on the grid of a warp; those without a model stay as recorded."""
        own = {k: models[c] for k, c in enumerate(names) if c in models}
        return cls(names, Warp(to_masks.source, to_masks.target.voxel_um, own))

    def registered(self, data: UInt16, offset: float) -> dict[str, Float32]:
        """Return each channel on the masks' grid, (z, y, x) counts above the offset.

        Parameters
        ----------
        data : ndarray, (c, z, y, x), uint16
            The whole stack.
        offset : float
            Camera counts without light.
        """
        images = self.warp.apply(data[list(self.names)], offset)
        return dict(zip(self.names.values(), images, strict=True))


def mean_within(image: Float32, mask: UInt8 | Bool) -> float | None:
    """Return the mean of an image (z, y, x) within a mask; None where the mask is empty."""
    inside = image[mask != 0]
    return float(inside.mean(dtype=np.float64)) if inside.size else None
