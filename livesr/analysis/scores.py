"""How well binary masks agree with the truth, and how well one threshold would have done.

Voxels are pooled: scores of many stacks come from the sum of their counts, which weighs every
voxel alike and is defined where a stack lacks a structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from livesr.types import Bool, Float32, UInt8


@dataclass(frozen=True, slots=True)
class Counts:
    """Voxels by what the mask says and what is true; counts of several stacks add up.

    Attributes
    ----------
    tp, fp, fn, tn : int
        True and false positives, false and true negatives.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    @classmethod
    def of(cls, mask: Bool | UInt8, truth: Bool | UInt8) -> Counts:
        """Count the voxels of two binary volumes of one shape; anything but 0 is inside.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        if mask.shape != truth.shape:
            raise ValueError(f"mask {mask.shape} and truth {truth.shape} differ in shape")
        inside, true = mask != 0, truth != 0
        tp = int(np.count_nonzero(inside & true))
        marked, real = int(np.count_nonzero(inside)), int(np.count_nonzero(true))
        return cls(tp, marked - tp, real - tp, mask.size - marked - real + tp)

    def __add__(self, other: Counts) -> Counts:
        """Pool two stacks."""
        return Counts(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )

    @property
    def precision(self) -> float:
        """Share of the mask that is true; 0 for an empty mask."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the truth that the mask holds; 0 for an empty truth."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (Dice)."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard)."""
        return _share(self.tp, self.tp + self.fp + self.fn)

    @property
    def moc(self) -> float:
        """Manders' overlap coefficient, sum(xy) / sqrt(sum(x²) sum(y²)).

        For binary volumes √(precision · recall). (The formula printed in the paper,
        sum(xy) / (sum(x²) + sum(y²)), cannot pass 0.5 and is not the one its values come from.)
        """
        return sqrt(self.precision * self.recall)

    @property
    def pixel_accuracy(self) -> float:
        """Share of voxels that agree; says little of rare structures."""
        return _share(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of recall and specificity: 0.5 for a mask that is empty or full."""
        return (self.recall + _share(self.tn, self.tn + self.fp)) / 2

    def as_dict(self) -> dict[str, float]:
        """Return the scores by the names that ``livesr evaluate --json`` prints."""
        names = ("pixel_accuracy", "precision", "recall", "f1", "iou", "moc", "balanced_accuracy")
        return {name: float(getattr(self, name)) for name in names}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def confusion(
    masks: Mapping[str, Bool | UInt8], truth: Mapping[str, Bool | UInt8], names: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Count voxels by true (row) and found (column) class.

    Classes are ``names`` and, last, none of them; where several hold, the first counts.
    """
    labels = []
    for volumes in (truth, masks):
        index = np.full(volumes[names[0]].shape, len(names), np.uint16)
        for k in reversed(range(len(names))):
            index[volumes[names[k]] != 0] = k
        labels.append(index)
    size = len(names) + 1
    table = np.bincount((labels[0] * np.uint16(size) + labels[1]).ravel(), minlength=size * size)
    return table.reshape(size, size)


class Thresholds:
    """The F1 that every threshold on one scalar image would reach, from histograms.

    Streams over stacks of any number; memory is that of the histograms.

    Parameters
    ----------
    names : sequence of str
        Structures.
    low, high : float
        Range of the image; values beyond it fall into the outermost bins.
    bins : int
        Number of bins, so of thresholds.
    """

    def __init__(self, names: Sequence[str], low: float, high: float, bins: int = 2048) -> None:
        self.edges = np.linspace(low, high, bins + 1)
        self._inside = {name: np.zeros(bins, np.int64) for name in names}
        self._all = {name: np.zeros(bins, np.int64) for name in names}

    def update(self, image: npt.NDArray[np.generic], truth: Mapping[str, Bool]) -> None:
        """Add a stack.

        Parameters
        ----------
        image : ndarray, (z, y, x), any real type
        truth : mapping of str to ndarray, (z, y, x), bool
            Overlap allowed; structures that are missing are unknown in this stack.
        """
        bins = len(self.edges) - 1
        low, high = self.edges[0], self.edges[-1]
        scaled = (np.asarray(image, np.float32) - np.float32(low)) * np.float32(bins / (high - low))
        index = np.clip(scaled, 0, bins - 1).astype(np.uint16)
        everything = np.bincount(index.ravel(), minlength=bins)
        for name in truth.keys() & self._inside.keys():
            self._all[name] += everything
            self._inside[name] += np.bincount(index[truth[name]], minlength=bins)

    def best(self, name: str, *, below: bool = False) -> tuple[float, float]:
        """Return the highest F1 and its threshold (on the image's scale).

        Parameters
        ----------
        name : str
        below : bool
            Take what is under the threshold as inside, instead of what is at or above it.
        """
        inside, everything = self._inside[name], self._all[name]
        if not below:
            inside, everything = inside[::-1], everything[::-1]
        marked = np.cumsum(everything)
        f1 = 2 * np.cumsum(inside) / np.maximum(marked + inside.sum(), 1)
        at = int(np.argmax(f1))
        edge = at + 1 if below else len(marked) - 1 - at
        return float(f1[at]), float(self.edges[edge])


class ThresholdBaseline:
    """The best that one global threshold could do, chosen with the truth in hand.

    For each structure the best of all thresholds, of both signs, on each image offered (for
    example intensity and ratio, plain and smoothed). It is chosen on the scored stacks themselves,
    so it flatters the baseline: a network that does not pass it has learnt nothing.
    """

    def __init__(self, names: Sequence[str], ranges: Mapping[str, tuple[float, float]]) -> None:
        self._images = {key: Thresholds(names, *limits) for key, limits in ranges.items()}

    def update(self, images: Mapping[str, Float32], truth: Mapping[str, Bool]) -> None:
        """Add a stack: each image, (z, y, x), by its key, and the truth on the same grid."""
        for key, image in images.items():
            self._images[key].update(image, truth)

    def f1(self, name: str) -> float:
        """Return the best F1 over images, signs and thresholds."""
        return max(
            thresholds.best(name, below=below)[0]
            for thresholds in self._images.values()
            for below in (False, True)
        )
