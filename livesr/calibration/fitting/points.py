"""Points seen in two channels: what every chromatic model is fitted to, beads or cells alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Float64


@dataclass(frozen=True, slots=True)
class Pairs:
    """The same points in the reference and in another channel.

    Lateral coordinates are µm from the centre of the channel's image, z is µm from the first
    plane.

    Attributes
    ----------
    reference, other : ndarray, (n, 3), float64
        z, y, x.
    sigma : ndarray, (n, 3), float64
        Standard error of ``other - reference``, µm.

    Raises
    ------
    ValueError
        If their shapes differ or an error is not positive.
    """

    reference: Float64
    other: Float64
    sigma: Float64

    def __post_init__(self) -> None:
        shapes = {array.shape for array in (self.reference, self.other, self.sigma)}
        if len(shapes) != 1 or self.reference.ndim != 2 or self.reference.shape[1] != 3:
            raise ValueError(f"pairs need three arrays (n, 3), not {sorted(shapes)}")
        if not np.all(self.sigma > 0):
            raise ValueError("a standard error is not positive")

    def __len__(self) -> int:
        return len(self.reference)

    @property
    def shift(self) -> Float64:
        """How far each point is moved, (n, 3), µm."""
        return self.other - self.reference

    def chosen(self, which: Float64 | Sequence[bool]) -> Pairs:
        """Return those of a mask or of indices."""
        rows = np.asarray(which)
        return Pairs(self.reference[rows], self.other[rows], self.sigma[rows])


def pooled(parts: Sequence[Pairs]) -> Pairs:
    """Return the pairs of several recordings of one light path as one."""
    return Pairs(
        np.concatenate([part.reference for part in parts]),
        np.concatenate([part.other for part in parts]),
        np.concatenate([part.sigma for part in parts]),
    )
