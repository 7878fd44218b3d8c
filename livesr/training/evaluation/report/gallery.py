"""Pictures kept while stacks are scored: of each structure one place in one plane.

Not chosen by how well it went: the first stack that has enough of the structure, and there the
plane and the place that have most of its outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.analysis.detection import VESICLES
from livesr.training.labelled import pixel_images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.training.labelled import LabelledStack
    from livesr.types import Bool, Float32

ENOUGH = 200
"""Voxels of the truth; stacks with fewer are taken until one with more comes."""
SIDE_UM = 24.0
CLOSE_UM = 12.0
"""Side of the pictures, and of those of structures that are small."""
SMALL = (*VESICLES, "golgi", "nuclear_reticulum", "filopodia")


@dataclass(frozen=True, slots=True)
class Picture:
    """One place.

    Attributes
    ----------
    sample : str
        The stack's name.
    plane : int
    pixel_um : float
    intensity, ratio : ndarray, (y, x), float32
        As networks see them, on the camera's pixels.
    truth, mask : ndarray, (y, x), bool
    voxels : int
        Of the structure, in the whole stack.
    """

    sample: str
    plane: int
    pixel_um: float
    intensity: Float32
    ratio: Float32
    truth: Bool
    mask: Bool
    voxels: int


class Gallery:
    """Looks at each stack that is scored (``look`` of `livesr.training.evaluation.evaluate`).

    Attributes
    ----------
    pictures : dict of str to Picture
        By structure.
    """

    def __init__(self) -> None:
        self.pictures: dict[str, Picture] = {}

    def look(self, stack: LabelledStack, masks: Mapping[str, Bool]) -> None:
        """Keep pictures of the structures that no earlier stack had enough of."""
        counts = {name: int(stack.truth[name].sum()) for name in masks if name in stack.truth}
        wanted = [name for name, count in counts.items() if self._better(name, count)]
        if not wanted:
            return
        images = pixel_images(stack)
        for name in wanted:
            self.pictures[name] = picture(name, stack, images, masks[name])

    def _better(self, name: str, count: int) -> bool:
        held = self.pictures[name].voxels if name in self.pictures else 0
        return held < ENOUGH and count > held


def picture(name: str, stack: LabelledStack, images: list[Float32], mask: Bool) -> Picture:
    """Return the place of a stack that has most of a structure's outline."""
    truth = stack.truth[name]
    outlines = [outline(one) for one in truth]
    plane = int(np.argmax([one.sum() for one in outlines]))
    pixel = stack.grid.voxel_um[1]
    side = round((CLOSE_UM if name in SMALL else SIDE_UM) / pixel)
    rows, columns = densest(outlines[plane], side)
    intensity, ratio = (image[plane, rows, columns] for image in images)
    return Picture(
        stack.name,
        plane,
        pixel,
        intensity,
        ratio,
        truth[plane, rows, columns],
        mask[plane, rows, columns],
        int(truth.sum()),
    )


def outline(plane: Bool) -> Bool:
    """Return the pixels of a mask that touch what is outside; the field's border is none."""
    inside = plane.view(np.uint8)
    shrunk = cv2.erode(inside, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    edge: Bool = plane & (shrunk == 0)
    return edge


def densest(plane: Bool, side: int) -> tuple[slice, slice]:
    """Return rows and columns of the square, at most ``side`` wide, that holds most of a mask."""
    height, width = (min(side, size) for size in plane.shape)
    amount = cv2.integral(plane.astype(np.uint8))
    inside = (
        amount[height:, width:]
        - amount[:-height, width:]
        - amount[height:, :-width]
        + amount[:-height, :-width]
    )
    # of many equal ones the middle, so that what is small does not stand in a corner
    best = np.argwhere(inside == inside.max())
    y, x = best[len(best) // 2].tolist()
    return slice(y, y + height), slice(x, x + width)
