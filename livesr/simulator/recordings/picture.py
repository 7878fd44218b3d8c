"""Draw small pictures with OpenCV: contrast, colours, text, scale bars, panels in a grid.

Pictures are (y, x, 3), uint8, red first. Text is UTF-8 where OpenCV can draw it (version 5), ASCII
elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.catalog import STRUCTURES
from livesr.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from livesr.types import Bool, Float32, Float64, UInt8

Rgb = tuple[int, int, int]
BACKGROUND: Rgb = (13, 15, 19)
TEXT: Rgb = (232, 236, 242)
DIM: Rgb = (172, 180, 192)
ACCENT: Rgb = (76, 157, 255)
GAP = 6
_PLATE = 0.4
"""Light that is left of the picture behind text."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_UNICODE = hasattr(cv2, "FontFace")
_ASCII = str.maketrans({"µ": "u", "–": "-", "×": "x", "−": "-", "·": "*"})
_QUIET = {"extracellular": 0.10, "cytosol": 0.30, "nucleus": 0.45, "plasma_membrane": 0.6}
"""What fills the picture is drawn darker, so that what lies in it stands out."""


def levels(image: Float32, low: float = 1.0, high: float = 99.8) -> tuple[float, float]:
    """Return robust limits of an image: two percentiles, a little apart at least."""
    bottom, top = (float(v) for v in np.percentile(image, (low, high)))
    return bottom, max(top, bottom + 1e-6)


def grey(image: Float32, limits: tuple[float, float], gamma: float = 0.65) -> Float32:
    """Return brightness 0 to 1 between the limits; a gamma below 1 lifts what is dim."""
    low, high = limits
    share: Float32 = np.clip((image - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return share**gamma


def tinted(brightness: Float32, color: Rgb = (255, 255, 255)) -> UInt8:
    """Return a brightness 0 to 1 in one colour."""
    return np.rint(brightness[..., None] * np.array(color, np.float32)).astype(np.uint8)


def merged(*pictures: UInt8) -> UInt8:
    """Return the sum of pictures: overlaid channels."""
    total = np.sum([picture.astype(np.uint16) for picture in pictures], axis=0)
    picture: UInt8 = np.minimum(total, 255).astype(np.uint8)
    return picture


def hue(ratio: Float32, brightness: Float32, limits: tuple[float, float]) -> UInt8:
    """Return a picture whose colour is the ratio (blue low, red high) and whose light is given."""
    low, high = limits
    place = np.clip((ratio - low) / (high - low), 0.0, 1.0)
    hsv = np.stack([225.0 * (1.0 - place), np.full_like(place, 0.85), brightness], axis=-1)
    rgb: Float32 = cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB)
    picture: UInt8 = np.rint(rgb * 255.0).astype(np.uint8)
    return picture


def color_of(name: str) -> Rgb:
    """Return a structure's colour."""
    red, green, blue = next(bytes.fromhex(s.color) for s in STRUCTURES if s.name == name)
    return red, green, blue


def painted(labels: UInt8) -> UInt8:
    """Return an exclusive label image (y, x) in the catalogue's colours."""
    table = np.zeros((256, 3), np.float32)
    for number, structure in enumerate(STRUCTURES, start=1):
        table[number] = np.array(color_of(structure.name)) * _QUIET.get(structure.name, 1.0)
    picture: UInt8 = np.rint(table[labels]).astype(np.uint8)
    return picture


def thickness(mask: Bool) -> Float32:
    """Return how thick a mask (z, y, x) is seen from above, 0 to 1, with thin parts lifted."""
    depth = mask.sum(axis=0, dtype=np.float32)
    share: Float32 = depth / max(float(depth.max()), 1.0)
    return np.where(share > 0, 0.25 + 0.75 * share**0.7, 0.0).astype(np.float32)


def fitted(picture: UInt8, width: int) -> UInt8:
    """Return the picture that wide, with its own proportions."""
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    shrinks = width < picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
    resized: UInt8 = cv2.resize(picture, (width, height), interpolation=how)
    return resized


def captioned(picture: UInt8, title: str, note: str = "") -> UInt8:
    """Return the picture with a title, and a note below it, in its upper left corner."""
    out = picture.copy()
    write(out, title, (10, 24), 0.55)
    if note:
        write(out, note, (10, 44), 0.42, DIM)
    return out


def with_scale_bar(picture: UInt8, um_per_pixel: float, length_um: float) -> UInt8:
    """Return the picture with a bar of that length in its lower right corner."""
    out = picture.copy()
    height, width = out.shape[:2]
    length = round(length_um / um_per_pixel)
    left, right, y = width - 12 - length, width - 12, height - 12
    cv2.rectangle(out, (left - 1, y - 4), (right + 1, y + 1), (0, 0, 0), -1)
    cv2.rectangle(out, (left, y - 3), (right, y), TEXT, -1)
    label = f"{length_um:g} µm"
    write(out, label, ((left + right) // 2 - _width(label, 0.42) // 2, y - 9), 0.42, TEXT)
    return out


def write(
    picture: UInt8, text: str, at: tuple[int, int], size: float = 0.5, color: Rgb = TEXT
) -> None:
    """Write a line whose base line begins at (x, y); a picture is darkened behind it."""
    line = text if _UNICODE else text.translate(_ASCII)
    (width, height), below = cv2.getTextSize(line, _FONT, size, 1)
    x, y = at
    plate = picture[max(y - height - 1, 0) : y + below, max(x - 4, 0) : x + width + 4]
    plate[:] = np.where(plate == BACKGROUND, plate, plate * _PLATE)
    cv2.putText(picture, line, at, _FONT, size, color, 1, cv2.LINE_AA)


def line(picture: UInt8, start: Float64, end: Float64, color: Rgb = ACCENT) -> None:
    """Draw a line between two places (y, x)."""
    (y0, x0), (y1, x1) = (np.round(place).astype(int).tolist() for place in (start, end))
    cv2.line(picture, (x0, y0), (x1, y1), color, 1, cv2.LINE_AA)


def heading(text: str, note: str, width: int) -> UInt8:
    """Return a strip with a title on the left and a note behind it."""
    strip = np.full((40, width, 3), BACKGROUND, np.uint8)
    write(strip, text, (10, 27), 0.65)
    write(strip, note, (26 + _width(text, 0.65), 27), 0.45, DIM)
    return strip


def with_hue_bar(picture: UInt8, limits: tuple[float, float]) -> UInt8:
    """Return the picture with the scale of `hue` in its lower right corner."""
    out = picture.copy()
    height, width = out.shape[:2]
    place = np.linspace(0.0, 1.0, 100, dtype=np.float32)[None].repeat(8, axis=0)
    left, top = width - 112, height - 18
    out[top : top + 8, left : left + 100] = hue(place, np.ones_like(place), (0.0, 1.0))
    for text, x in zip((f"{v:.2f}" for v in limits), (left - 2, width - 38), strict=True):
        write(out, text, (x, top - 6), 0.4)
    return out


def legend(width: int) -> UInt8:
    """Return a strip with the name and colour of every structure."""
    columns = max(1, min(len(STRUCTURES), width // 175))
    step, lines = width // columns, -(-len(STRUCTURES) // columns)
    strip = np.full((24 * lines + 8, width, 3), BACKGROUND, np.uint8)
    for number, structure in enumerate(STRUCTURES):
        x, y = 10 + step * (number % columns), 22 + 24 * (number // columns)
        cv2.rectangle(strip, (x, y - 10), (x + 11, y + 1), color_of(structure.name), -1)
        write(strip, structure.title, (x + 18, y), 0.42, DIM)
    return strip


def grid(pictures: Sequence[UInt8], columns: int) -> UInt8:
    """Return pictures in rows of so many, each row as high and each column as wide as needed."""
    rows = [pictures[at : at + columns] for at in range(0, len(pictures), columns)]
    heights = [max(p.shape[0] for p in row) for row in rows]
    widths = [max(row[k].shape[1] for row in rows if k < len(row)) for k in range(len(rows[0]))]
    size = (sum(heights) + GAP * (len(rows) - 1), sum(widths) + GAP * (len(widths) - 1))
    out = np.full((*size, 3), BACKGROUND, np.uint8)
    for r, row in enumerate(rows):
        for k, picture in enumerate(row):
            y, x = sum(heights[:r]) + GAP * r, sum(widths[:k]) + GAP * k
            out[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return out


def save(picture: UInt8, path: Path) -> Path:
    """Write a PNG, with a margin, and return the path.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    framed = cv2.copyMakeBorder(picture, GAP, GAP, GAP, GAP, cv2.BORDER_CONSTANT, value=BACKGROUND)
    whole, encoded = cv2.imencode(".png", cv2.cvtColor(framed, cv2.COLOR_RGB2BGR))
    try:
        if whole:
            path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise StorageError(
            f"the picture cannot be written: {error}",
            where=str(path),
            fix="choose a folder that you may write to",
        ) from error
    return path


def _width(text: str, size: float) -> int:
    line = text if _UNICODE else text.translate(_ASCII)
    (width, _), _ = cv2.getTextSize(line, _FONT, size, 1)
    return int(width)
