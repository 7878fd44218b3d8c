"""How a mask and a probe agree: overlap, and Manders' coefficients, with intervals over stacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from livesr.analysis.bootstrap import DRAWS, SEED, interval95
from livesr.validation.record import Interval, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Bool, Float32, Float64

LEAST_POSITIONS = 3
"""With fewer positions the stacks themselves are drawn."""
Drawn = Literal["positions", "stacks", "none"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one stack says; those of several are pooled.

    Attributes
    ----------
    position : int
        Image of the session: its stacks show the same cells.
    both, mask, probe : float
        Voxels in both, in the mask, in the probe's foreground.
    light_within, light : float
        The probe's light in its foreground and the mask, and in its foreground.
    yellow_within, yellow : float
        Yellow light in the mask and the probe's foreground, and in the mask.
    """

    position: int
    both: float
    mask: float
    probe: float
    light_within: float
    light: float
    yellow_within: float
    yellow: float

    @classmethod
    def of(
        cls, position: int, mask: Bool, foreground: Bool, light: Float32, yellow: Float32
    ) -> Agreement:
        """Compare a mask with a probe.

        Parameters
        ----------
        position : int
        mask, foreground : ndarray, (z, y, x), bool
        light : ndarray, (z, y, x), float32
            The probe's, without Nile Red's.
        yellow : ndarray, (z, y, x), float32
            Counts above the empty field's.
        """
        both = mask & foreground
        lit, dyed = np.maximum(light, 0), np.maximum(yellow, 0)
        return cls(
            position,
            float(np.count_nonzero(both)),
            float(np.count_nonzero(mask)),
            float(np.count_nonzero(foreground)),
            float(lit[both].sum(dtype=np.float64)),
            float(lit[foreground].sum(dtype=np.float64)),
            float(dyed[both].sum(dtype=np.float64)),
            float(dyed[mask].sum(dtype=np.float64)),
        )

    @property
    def sums(self) -> tuple[float, ...]:
        """All that adds up."""
        return (
            self.both,
            self.mask,
            self.probe,
            self.light_within,
            self.light,
            self.yellow_within,
            self.yellow,
        )


def pooled(each: Sequence[Agreement]) -> Scores:
    """Return the scores over the voxels of all stacks."""
    found = _scores(np.array([one.sums for one in each], np.float64).sum(axis=0, keepdims=True))
    return Scores(**{name: float(values[0]) for name, values in found.items()})


def intervals(each: Sequence[Agreement]) -> tuple[dict[str, Interval], Drawn]:
    """Return where 95 % of the scores of other stacks like these would lie, and what was drawn.

    Positions are drawn where there are enough of them, else stacks; nothing of a single stack.
    """
    table = np.array([one.sums for one in each], np.float64)
    positions = np.array([one.position for one in each])
    drawn: Drawn = "stacks"
    if len(set(positions.tolist())) >= LEAST_POSITIONS:
        table = np.stack([table[positions == p].sum(axis=0) for p in np.unique(positions)])
        drawn = "positions"
    if len(table) < 2:
        return {}, "none"
    chosen = np.random.default_rng(SEED).integers(len(table), size=(DRAWS, len(table)))
    scores = _scores(table[chosen].sum(axis=1))
    return {name: interval95(values) for name, values in scores.items()}, drawn


def _scores(sums: Float64) -> dict[str, Float64]:
    """Return the scores of sums (n, 7); 0 where there is nothing to divide by."""
    both, mask, probe, light_within, light, yellow_within, yellow = sums.T
    precision, recall = _share(both, mask), _share(both, probe)
    return {
        "precision": precision,
        "recall": recall,
        "f1": _share(2 * both, mask + probe),
        "iou": _share(both, mask + probe - both),
        "moc": np.sqrt(precision * recall),
        "m1": _share(light_within, light),
        "m2": _share(yellow_within, yellow),
    }


def _share(part: Float64, whole: Float64) -> Float64:
    out: Float64 = np.zeros_like(part)
    np.divide(part, whole, out=out, where=whole > 0)
    return np.clip(out, 0.0, 1.0)
