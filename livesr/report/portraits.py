"""Small pictures of each cell, first seen in a stage: its light, its structures in colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr import html
from livesr.errors import StorageError
from livesr.report.words import clock
from livesr.storage.folder import CELLS_FILE
from livesr.viewer import state
from livesr.viewer.loader import Loader, flattened
from livesr.viewer.state import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.report.lives import Life, Moment, Spell
    from livesr.report.told import Told
    from livesr.types import UInt8

SIDE = 150
"""Pixels of a picture."""
MOST = 60
"""Stages that are shown; cells that divide come first."""
MARGIN_UM = 1.0
_QUALITY = 86
_LIFTED = np.rint(255 * (np.arange(256) / 255) ** 0.6).astype(np.uint8)
"""Greys of the light, so that dim membranes are seen beside bright ones."""
_BOX = tuple(f"bbox_{end}_{axis}_um" for end in ("min", "max") for axis in "yx")
_COLUMNS = ("image", "t", "label", "centroid_z_um", *_BOX)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell is within its stack, µm from the first voxel's centre."""

    z: float
    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Portrait:
    """A cell in the first stack that shows a stage: data addresses of two JPEG pictures."""

    stage: str
    caption: str
    light: str
    structures: str


class Portraits:
    """Takes pictures of cells.

    Parameters
    ----------
    told : Told
        Its ``cells.parquet`` says where each cell is.

    Raises
    ------
    StorageError
        If the table is damaged.
    """

    def __init__(self, told: Told) -> None:
        self._told = told
        self._places = places_of(told)
        self._loader = Loader(told.reader)
        self._loader.refresh()

    def all(self) -> Iterator[tuple[Life, list[Portrait]]]:
        """Yield cells with their pictures, those that divide first; stacks without masks have none.

        Raises
        ------
        StorageError
            If an image is damaged.
        """
        lives = sorted(self._told.lives, key=lambda one: (not one.divides, one.position, one.cell))
        taken = 0
        for life in lives:
            known = [spell for spell in life.spells() if self._place(spell.first)]
            if taken + len(known) > MOST:
                return
            if known:
                taken += len(known)
                yield life, [self._portrait(spell, self._side_um(known)) for spell in known]

    def _place(self, moment: Moment) -> Place | None:
        return self._places.get((moment.index.image, moment.index.t, moment.label))

    def _side_um(self, spells: Sequence[Spell]) -> float:
        """Return the side of a square that holds the cell whenever it is shown."""
        places = [self._place(spell.first) for spell in spells]
        sides = [
            high - low for place in places if place
            for low, high in zip(place.low, place.high, strict=True)
        ]  # fmt: skip
        return max(sides) + 2 * MARGIN_UM

    def _portrait(self, spell: Spell, side_um: float) -> Portrait:
        moment = spell.first
        place = self._place(moment)
        image = self._told.reader.images[moment.index.image]
        assert place is not None  # noqa: S101 - only known ones are shown
        z = max(0, min(round(place.z / image.voxel_um[0]), image.shape[2] - 1))
        scene = self._loader.scenes[image.number]
        channel = state.INTENSITY if state.INTENSITY in scene.pictures else scene.pictures[0]
        view = View(image=image.number, t=moment.index.t, z=z, channel=channel)
        shown = [self._cut(view, masked, place, side_um) for masked in (False, True)]
        words = f"{clock(moment.time_s)} {spell.stage}"
        if clock(spell.begin_s) != clock(moment.time_s):
            words += f" (since {clock(spell.begin_s)})"
        return Portrait(spell.stage, words, *shown)

    def _cut(self, view: View, masked: bool, place: Place, side_um: float) -> str:
        picture = self._loader.load(replace(view, masked=masked, labels=masked))
        if picture is None:
            raise StorageError("the stack is not stored", where=str(self._told.folder))
        pixels = flattened(picture, 1.0)
        if not masked:
            pixels = _LIFTED[pixels]
        middle = [(a + b) / 2 for a, b in zip(place.low, place.high, strict=True)]
        return html.address(jpeg(cut(pixels, middle, side_um, picture.pixel_um)), "image/jpeg")


def places_of(told: Told) -> dict[tuple[int, int, int], Place]:
    """Return where each cell (image, t, label) is; empty where cells were not measured."""
    rows = told.rows(CELLS_FILE, _COLUMNS)
    if not rows:
        return {}
    columns = [rows[name].tolist() for name in _COLUMNS]
    return {
        (image, t, label): Place(z, (y0, x0), (y1, x1))
        for image, t, label, z, y0, x0, y1, x1 in zip(*columns, strict=True)
    }


def cut(
    pixels: UInt8, middle: Sequence[float], side_um: float, pixel_um: tuple[float, float]
) -> UInt8:
    """Return a square of `SIDE` pixels around a place, black beyond the picture.

    Parameters
    ----------
    pixels : ndarray, (y, x, 3), uint8
    middle : sequence of float
        (y, x), µm from the first pixel's centre.
    side_um : float
    pixel_um : tuple of float
        Of the picture along (y, x).
    """
    scales = [SIDE * size / side_um for size in pixel_um]
    places = zip(middle, pixel_um, scales, strict=True)
    shift = [(SIDE - 1) / 2 - at / size * scale for at, size, scale in places]
    matrix = np.array([[scales[1], 0, shift[1]], [0, scales[0], shift[0]]])
    if max(scales) < 1:
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.4 / max(scales))
    square: UInt8 = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return square


def jpeg(pixels: UInt8) -> bytes:
    """Return a picture (y, x, 3) as JPEG."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(content.tobytes())
