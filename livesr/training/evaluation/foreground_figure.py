"""FG-net's masks beside those of thresholds, a row a structure: a figure like the paper's S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.analysis.scores import Counts
from livesr.simulator.recordings import picture
from livesr.training.evaluation.foreground_scores import FG_NET, RIVALS
from livesr.training.labels.probe import probe_image

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.training.sampling.colocalisation import ProbedCell
    from livesr.types import Bool, Float32, UInt8

SIDE_UM = 14.0
"""Extent of the part of a plane that is shown."""
SIDE_PX = 230
"""Of a picture in the figure."""
TITLES = {"otsu": "Otsu", "triangle": "triangle", "tuned": "tuned threshold", FG_NET: FG_NET}
HIT, MISSED, WRONG = (235, 240, 245), (76, 157, 255), (255, 96, 64)
"""Colours of what mask and truth share, of what the mask lacks, and of what it has too much."""


class ForegroundFigure:
    """Gathers the first cell of each structure; given to `score_foreground` as ``look``."""

    def __init__(self) -> None:
        self._rows: dict[str, list[UInt8]] = {}

    def __call__(self, cell: ProbedCell, masks: dict[str, Bool]) -> None:
        """Keep a structure's first cell that shows something."""
        if cell.structure not in self._rows and cell.truth.any():
            self._rows[cell.structure] = _row(cell, masks)

    def save(self, path: Path) -> Path:
        """Write the figure as PNG and return its path.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        pictures = [one for row in self._rows.values() for one in row]
        columns = len(next(iter(self._rows.values())))
        whole = picture.grid(pictures, columns)
        note = "white: found; blue: missed; red: too much. F1 of the whole stack"
        head = picture.heading("Foreground of a probe, simulated", note, whole.shape[1])
        return picture.save(np.concatenate([head, whole]), path)


def _row(cell: ProbedCell, masks: dict[str, Bool]) -> list[UInt8]:
    z, box = _place(cell)
    image, _ = probe_image(cell.stack, cell.stack.grid.voxel_um)
    green = cell.stack.data[1, z].astype(np.float32)[box]
    truth = cell.truth[z][box]
    title = cell.structure.replace("_", " ")
    row = [
        _shown(picture.tinted(_grey(green)), f"{title}: green"),
        _shown(picture.tinted(_grey(np.maximum(image[z][box], 0.0))), "unmixed"),
        _shown(_compared(truth, truth), "truth"),
    ]
    for kind in (*RIVALS, FG_NET):
        f1 = Counts.of(masks[kind], cell.truth).f1
        row.append(_shown(_compared(masks[kind][z][box], truth), f"{TITLES[kind]} {f1:.2f}"))
    return row


def _place(cell: ProbedCell) -> tuple[int, tuple[slice, slice]]:
    """Return the plane and the square of it that show most of the structure."""
    z = int(np.argmax(cell.truth.sum(axis=(1, 2))))
    side = min(round(SIDE_UM / cell.stack.grid.voxel_um[1]), *cell.truth.shape[1:])
    density = cv2.blur(cell.truth[z].astype(np.float32), (side, side))
    y, x = np.unravel_index(int(np.argmax(density)), density.shape)
    top, left = (
        int(np.clip(at - side // 2, 0, n - side))
        for at, n in zip((y, x), density.shape, strict=True)
    )
    return z, (slice(top, top + side), slice(left, left + side))


def _grey(image: Float32) -> Float32:
    return picture.grey(image, picture.levels(image, 2.0, 99.7))


def _compared(mask: Bool, truth: Bool) -> UInt8:
    out = np.full((*mask.shape, 3), picture.BACKGROUND, np.uint8)
    for where, color in ((mask & truth, HIT), (truth & ~mask, MISSED), (mask & ~truth, WRONG)):
        out[where] = color
    return out


def _shown(image: UInt8, title: str) -> UInt8:
    return picture.captioned(picture.fitted(image, SIDE_PX), title)
