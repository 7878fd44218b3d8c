"""How well one structure's probability and mask agree with the truth, in every way that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livesr.analysis.centreline import TUBULAR, compare_centrelines
from livesr.analysis.detection import VESICLES, count_objects, count_vesicles
from livesr.analysis.joint import counts_at, joint_histogram, pearson
from livesr.analysis.surface import compare_surfaces

if TYPE_CHECKING:
    from livesr.analysis.joint import Int64
    from livesr.analysis.scores import Counts
    from livesr.analysis.shares import Shares
    from livesr.types import Bool, Grid, UInt8


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts of one stack; those of several stacks add up.

    Attributes
    ----------
    voxels : Counts
    histogram : ndarray, (2, 256), int64
        Of truth and probability.
    objects : Counts
        Components that share more than half their union.
    surface : Shares
        Areas within 0.1 µm of the other surface.
    vesicles : Counts, optional
        Small round objects with centroids within 0.2 µm; of structures that consist of them.
    centreline : Shares, optional
        Centre lines within the other's volume; of structures that are tubes.
    """

    voxels: Counts
    histogram: Int64
    objects: Counts
    surface: Shares
    vesicles: Counts | None = None
    centreline: Shares | None = None

    @classmethod
    def of(
        cls, name: str, probability: UInt8, threshold: int, truth: Bool, grid: Grid
    ) -> Agreement:
        """Compare.

        Parameters
        ----------
        name : str
            The structure.
        probability : ndarray, (z, y, x), uint8
            On ``grid``, times 255.
        threshold : int
            From here on a voxel is in the mask.
        truth : ndarray, (z, y, x), bool
            On ``grid``.
        grid : Grid
            The camera's.
        """
        mask = probability >= threshold
        histogram = joint_histogram(probability, truth)
        return cls(
            counts_at(histogram, threshold),
            histogram,
            count_objects(mask, truth),
            compare_surfaces(mask, truth, grid.voxel_um),
            count_vesicles(mask, truth, grid.voxel_um) if name in VESICLES else None,
            compare_centrelines(mask, truth) if name in TUBULAR else None,
        )

    def __add__(self, other: Agreement) -> Agreement:
        """Pool two stacks."""
        return Agreement(
            self.voxels + other.voxels,
            self.histogram + other.histogram,
            self.objects + other.objects,
            self.surface + other.surface,
            self.vesicles + other.vesicles if self.vesicles and other.vesicles else None,
            self.centreline + other.centreline if self.centreline and other.centreline else None,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the scores by the names that ``livesr evaluate --json`` prints."""
        scores: dict[str, Any] = self.voxels.as_dict()
        detected = self.vesicles or self.objects
        scores |= {
            "object_f1": detected.f1,
            "object_precision": detected.precision,
            "object_recall": detected.recall,
            "object_rule": "centroids" if self.vesicles else "overlap",
            "surface_dice": self.surface.dice,
            "pearson": pearson(self.histogram),
        }
        if self.centreline:
            scores["cldice"] = self.centreline.harmonic
        return scores
