"""One frame: the picture, its scale bar, clock, stages, and below it what the colours mean."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from livesr.catalog import BY_NAME
from livesr.report.words import clock
from livesr.viewer.compose import HUES, STAGE_COLOURS, round_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.movie.shots import Shot, Stage
    from livesr.types import UInt8
    from livesr.viewer.compose import Levels

BAR_SHARE = 0.22
"""Of the picture's width, that the scale bar takes at most."""
WHITE, DIM, BLACK = (255, 255, 255), (190, 198, 208), (0, 0, 0)
_PAD = 0.018


@cache
def font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return DejaVu Sans, which Matplotlib brings; else the font that Pillow has."""
    import matplotlib as mpl

    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    try:
        return ImageFont.truetype(path, pixels)
    except OSError:
        return ImageFont.load_default(pixels)


class Drawn:
    """Makes frames of one size.

    Parameters
    ----------
    shape : sequence of int
        (y, x) of the pictures.
    pixel_um : tuple of float
        Of the pictures along (y, x).
    size : int
        Longer side of a frame without what stands below it, pixels.
    structures : sequence of str
        That are drawn in colours.
    hues : Levels or None
        Ratios at the ends of the hue scale, of a ratio movie.

    Attributes
    ----------
    bar_um : float
        Length of the scale bar.
    bar_pixels : int
        The same in pixels of a frame.
    """

    def __init__(
        self,
        shape: Sequence[int],
        pixel_um: tuple[float, float],
        size: int,
        structures: Sequence[str],
        hues: Levels | None = None,
    ) -> None:
        rows, columns = shape
        high, wide = rows * pixel_um[0], columns * pixel_um[1]
        um = max(high, wide) / min(size, max(rows, columns))
        self.shape = _even(high / um), _even(wide / um)
        self._um = um
        self.bar_um = round_length(BAR_SHARE * wide)
        self.bar_pixels = round(self.bar_um / um)
        self._font = max(11, round(0.026 * min(self.shape)))
        self._pad = max(6, round(_PAD * self.shape[1]))
        self._below = _hue_scale(self.shape[1], self._font, hues) if hues else None
        if self._below is None and structures:
            self._below = _legend(self.shape[1], self._font, structures)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame."""
        below = 0 if self._below is None else self._below.shape[0]
        return self.shape[0] + below, self.shape[1]

    def frame(self, picture: UInt8, shot: Shot) -> UInt8:
        """Return a frame (y, x, 3) of a picture (y, x, 3)."""
        shrinks = picture.shape[0] > self.shape[0]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        scaled = cv2.resize(picture, self.shape[::-1], interpolation=how)
        image = Image.fromarray(np.ascontiguousarray(scaled, np.uint8))
        draw = ImageDraw.Draw(image)
        self._clock(draw, shot)
        for stage in shot.stages:
            self._stage(draw, stage)
        self._bar(draw)
        out = np.asarray(image, np.uint8)
        return out if self._below is None else np.vstack([out, self._below])

    def _clock(self, draw: ImageDraw.ImageDraw, shot: Shot) -> None:
        wide = self.shape[1]
        big = font(round(1.35 * self._font))
        _text(draw, (self._pad, self._pad), clock(shot.time_s), big, "lt", WHITE)
        if shot.words:
            at = (wide - self._pad, self._pad)
            _text(draw, at, shot.words, font(self._font), "rt", DIM)

    def _stage(self, draw: ImageDraw.ImageDraw, stage: Stage) -> None:
        """Write a cell's stage above it, or at the frame's edge if the cell goes beyond it."""
        high, wide = self.shape
        (y, x0), x1 = stage.place.low, stage.place.high[1]
        at_x = min(max((x0 + x1) / 2 / self._um, 0.14 * wide), 0.86 * wide)
        at_y = min(max(y / self._um - 4, 3.2 * self._font + self._pad), high - self._pad)
        colour = STAGE_COLOURS.get(stage.stage, "#ffffff")
        light = tuple(int(0.6 * 255 + 0.4 * int(colour[k : k + 2], 16)) for k in (1, 3, 5))
        _text(
            draw, (at_x, at_y), stage.words, font(self._font), "mb", (light[0], light[1], light[2])
        )

    def _bar(self, draw: ImageDraw.ImageDraw) -> None:
        high, wide = self.shape
        thick = max(3, round(0.008 * high))
        right, bottom = wide - self._pad, high - self._pad
        left = right - self.bar_pixels
        draw.rectangle((left - 1, bottom - thick - 1, right, bottom), fill=BLACK)
        draw.rectangle((left, bottom - thick, right - 1, bottom - 1), fill=WHITE)
        at = ((left + right) / 2, bottom - thick - 4)
        _text(draw, at, f"{self.bar_um:g} µm", font(self._font), "mb", WHITE)


def _even(pixels: float) -> int:
    """Return the next even number: codecs halve the colours' resolution."""
    return max(2 * round(pixels / 2), 2)


def _text(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    words: str,
    face: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    anchor: str,
    colour: tuple[int, int, int],
) -> None:
    draw.text(at, words, fill=colour, font=face, anchor=anchor, stroke_width=2, stroke_fill=BLACK)


def _legend(wide: int, size: int, structures: Sequence[str]) -> UInt8:
    """Return what the colours mean, in as many lines as they need."""
    face, gap = font(size), size
    places, x, line = [], gap, 0
    step = round(1.6 * size)
    for name in structures:
        width = size + round(face.getlength(BY_NAME[name].title)) + gap
        if x + width > wide and x > gap:
            x, line = gap, line + 1
        places.append((name, x, line))
        x += width
    image = Image.new("RGB", (wide, _even((line + 1) * step + 0.6 * size)), BLACK)
    draw = ImageDraw.Draw(image)
    for name, x, line in places:
        middle = line * step + 0.3 * size + step / 2
        radius = 0.36 * size
        dot = (x, middle - radius, x + 2 * radius, middle + radius)
        draw.ellipse(dot, fill=f"#{BY_NAME[name].color}")
        draw.text((x + 1.1 * size, middle), BY_NAME[name].title, fill=DIM, font=face, anchor="lm")
    return np.asarray(image, np.uint8)


def _hue_scale(wide: int, size: int, hues: Levels) -> UInt8:
    """Return the hues from the lower to the upper ratio, with their numbers."""
    face = font(size)
    image = Image.new("RGB", (wide, _even(2.2 * size)), BLACK)
    draw = ImageDraw.Draw(image)
    low, high = f"ratio {hues.low:.2f}", f"{hues.high:.2f}"
    left, length = size + round(face.getlength(low)) + size // 2, round(0.3 * wide)
    bar = np.repeat(HUES[None, np.linspace(0, 255, length).astype(int)], size, axis=0)
    image.paste(Image.fromarray(np.ascontiguousarray(bar)), (left, round(0.6 * size)))
    draw.text((size, 1.1 * size), low, fill=DIM, font=face, anchor="lm")
    draw.text((left + length + size // 2, 1.1 * size), high, fill=DIM, font=face, anchor="lm")
    return np.asarray(image, np.uint8)
