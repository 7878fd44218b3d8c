"""Where the light ends: the dark margins of a part of the sensor, to the pixel.

A field stop's edge is a straight line: along most of a side the counts leave the dark at the same
pixel. Where cells begin they do so elsewhere in each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from livesr.acquisition.finding.turns import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.types import Float32, Float64

Ports: TypeAlias = "tuple[Sequence[int], Sequence[int]]"
"""Rows and columns at which parts of a sensor meet that are read by ports of their own: a small
step there is none of the light."""

_BANDS = 14
"""Bands along a side; the counts must leave the dark at one place in a share of them."""
_SMOOTH = 3
"""Pixels across an edge that are averaged."""
_INSIDE = 0.45
"""Share of a box in which an edge is looked for from inside."""
_SHORTEST = 4
"""A margin of fewer pixels is not looked for."""
_MOST = 0.75
"""Share of a box that a margin may take."""
_STRAIGHT = 2
"""Pixels by which a band may leave the dark before or behind the others."""
_EARLIER = 0.15
"""Share of the bands that may leave it earlier still."""
_NOISES = 5.0
_LEAST = 0.4
"""Counts leave the dark that are so many times the noise, and so many counts, above it."""
_STEP = 0.9
"""Counts by which an edge that is looked for from inside rises."""
_LASTS = 6
"""Pixels on either side in which it must be such a step: noise makes one between a few."""
_FLAT, _OFFSET = 2.5, 2.5
"""Counts by which a line in the dark may differ between bands, and from the camera's offset."""
_DARK = 1.5
"""Counts by which a dark margin may differ from the camera's offset."""
_PORT = 6.0
"""Counts of the brightest bands behind a step between ports that make it an edge of the light."""
EVERYWHERE = 0.6
"""Share of the bands for pictures that fill the box."""
SOMEWHERE = 0.35
"""Share of them where only a part of each side may be lit."""


def ports_of(light: Float32) -> Ports:
    """Return the row and the column in the middle of a sensor, where ports may meet."""
    return ((light.shape[0] // 2,), (light.shape[1] // 2,))


def lit_box(
    light: Float32,
    box: Box | None = None,
    *,
    share: float = SOMEWHERE,
    pictures: int = 1,
    ports: Ports = ((), ()),
) -> Box:
    """Return what is left of a box (or of all) once its dark margins are cut off.

    Parameters
    ----------
    light : ndarray, (y, x), float32
        Counts above the camera's offset, or a sum of pictures that end together.
    box : Box, optional
    share : float
        Of each side's length along which the light must end.
    pictures : int
        That ``light`` is the sum of.
    ports : tuple of sequence of int
    """
    box = box or Box(0, 0, *light.shape)
    for needed in (min(share, SOMEWHERE), share):  # along y the dark columns count too, at first
        edges = _Edges(needed, pictures)
        for axis in (0, 1):
            bands = _bands(box.of(light), axis)
            here = [port - box[axis] for port in ports[axis]]
            there = [bands.shape[1] - port for port in here]
            box = _cut(
                box, axis, edges.dark_run(bands, here), edges.dark_run(bands[:, ::-1], there)
            )
    return box


def edges_near(
    light: Float32, box: Box, pad: int, *, pictures: int
) -> tuple[int | None, int | None, int | None, int | None]:
    """Return where the dark begins near each side of a box (y0, x0, y1, x1), if it does.

    Parameters
    ----------
    light : ndarray, (y, x), float32
        Sum of pictures that end together, with the box ``pad`` pixels from each border.
    box : Box
    pad : int
        Pixels outwards that are looked at.
    pictures : int
    """
    edges = _Edges(EVERYWHERE, pictures)
    moved: list[int | None] = [None] * 4
    for axis in (0, 1):
        other = 1 - axis
        lines = [slice(None), slice(None)]
        lines[other] = slice(box[other], box[other + 2])
        bands = _bands(light[tuple(lines)], axis)
        for side, seen in ((axis, bands), (axis + 2, bands[:, ::-1])):
            border = box[side] if side == axis else bands.shape[1] - box[side]
            nearby = seen[:, max(0, border - pad) :]
            inside = int(_INSIDE * (box[axis + 2] - box[axis]))
            found = edges.first_dark(nearby, min(border, pad) + inside)
            if found is not None:
                at = found + max(0, border - pad)
                moved[side] = at if side == axis else bands.shape[1] - at
    return moved[0], moved[1], moved[2], moved[3]


def _cut(box: Box, axis: int, before: int, after: int) -> Box:
    if axis == 0:
        return Box(box.y0 + before, box.x0, box.y1 - after, box.x1)
    return Box(box.y0, box.x0 + before, box.y1, box.x1 - after)


def _bands(part: Float32, axis: int) -> Float64:
    """Return the light along an axis, averaged in bands: (bands, pixels)."""
    lines = part.T if axis == 0 else part
    edges = np.linspace(0, len(lines), _BANDS + 1).astype(int)[:-1]
    counts = np.diff([*edges, len(lines)])[:, None]
    return np.asarray(np.add.reduceat(lines, edges, axis=0) / counts, np.float64)


@dataclass(frozen=True, slots=True)
class _Edges:
    """What makes an edge of the light.

    Attributes
    ----------
    share : float
        Of the bands that must leave the dark at one place.
    pictures : int
    """

    share: float
    pictures: int

    def dark_run(self, bands: Float64, ports: Sequence[int]) -> int:
        """Return how many pixels at the beginning of bands (bands, pixels) are dark."""
        last = int(_MOST * bands.shape[1])
        if last <= 2 * _SHORTEST:
            return 0
        level = float(np.median(bands[:, :_SHORTEST]))
        if abs(level) > self.pictures * _DARK:
            return 0
        smooth = _smoothed(bands)
        noise = 1.4826 * float(np.median(np.abs(np.diff(bands, axis=1)))) / np.sqrt(2 * _SMOOTH)
        above = smooth > level + max(_NOISES * noise, _LEAST * self.pictures)
        leaves = np.where(above.any(axis=1), above.argmax(axis=1), bands.shape[1])
        x = _first_together(leaves, self.share)
        if not _SHORTEST <= x < last or self._is_port(bands, x, level, ports):
            return 0
        if np.abs(np.median(bands[:, :x])) > self.pictures * _DARK:
            return 0
        return _steepest(bands[np.abs(leaves - x) <= _STRAIGHT], x)

    def first_dark(self, bands: Float64, begin: int) -> int | None:
        """Return the pixel, seen from inside, before which the dark begins; None if none does.

        Parameters
        ----------
        bands : ndarray, (bands, pixels)
            The outside first.
        begin : int
            Pixel inside of which nothing is looked for.
        """
        middle = np.median(bands, axis=0)
        rough = np.quantile(np.abs(bands - middle), 0.9, axis=0)
        dark = (rough <= self.pictures * _FLAT) & (np.abs(middle) <= self.pictures * _OFFSET)
        for x in range(min(begin, bands.shape[1] - _SMOOTH), _SHORTEST - 1, -1):
            if not dark[x - _SHORTEST : x - 1].all():
                continue
            level = float(np.median(bands[:, x - _SHORTEST : x - 1]))
            behind = bands[:, x : x + _SMOOTH].mean(axis=1)
            rising = behind > level + _STEP
            if rising.mean() >= self.share and self._lasts(bands, dark, x):
                return _steepest(bands[rising], x)
        return None

    def _lasts(self, bands: Float64, dark: npt.NDArray[np.bool_], x: int) -> bool:
        """Return whether the step at an edge is one beyond its nearest pixels as well."""
        before = dark[max(0, x - _LASTS) : x - 1][::-1]
        run = len(before) if before.all() else int(before.argmin())
        step = bands[:, x : x + _LASTS].mean(axis=1) - bands[:, x - 1 - run : x - 1].mean(axis=1)
        return bool((step > _STEP).mean() >= self.share)

    def _is_port(self, bands: Float64, x: int, level: float, ports: Sequence[int]) -> bool:
        if all(abs(x - port) > _STRAIGHT + 1 for port in ports):
            return False
        behind = np.quantile(bands[:, x + 2 : x + 12].mean(axis=1), 0.9)
        return bool(behind - level < _PORT * self.pictures)


def _smoothed(bands: Float64) -> Float64:
    """Return the mean of each pixel and its neighbours."""
    padded = np.pad(bands, ((0, 0), (_SMOOTH // 2, _SMOOTH // 2)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH, axis=1)
    return np.asarray(windows.mean(axis=2), np.float64)


def _first_together(leaves: np.ndarray, share: float) -> int:
    """Return the first place where a share of the bands leaves the dark, few before; 0 if none."""
    for x in np.unique(leaves):
        if np.mean(leaves < x - _STRAIGHT) > _EARLIER:
            return 0
        together = leaves[np.abs(leaves - x) <= _STRAIGHT]
        if len(together) >= share * len(leaves):
            return int(np.median(together))
    return 0


def _steepest(bands: Float64, x: int) -> int:
    """Return the first pixel behind the steepest rise, each band counted alike."""
    inside, outside = bands[:, x + 3 : x + 8], bands[:, max(0, x - 8) : max(1, x - 3)]
    rise = np.maximum(inside.mean(axis=1) - outside.mean(axis=1), _STEP)
    first = max(1, x - 3)
    steep = np.diff(bands[:, first - 1 : x + 5], axis=1) / rise[:, None]
    return first + int(np.median(steep, axis=0).argmax())
