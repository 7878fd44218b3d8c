"""How alike two parts of a sensor are, and where: correlation of the band of membranes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float32, Float64

FINE, WIDE = 1.5, 6.0
"""Band that is compared, pixels: membranes, without noise and haze."""
LOCAL = 12.0
"""Pixels over which brightness is evened out, so that a few droplets do not decide."""
LARGEST = 320
"""Pixels along a side with which parts are compared at first."""
REACH = 0.35
"""Share of a part's side by which two parts may be displaced."""
APART = 12
"""Pixels from a peak, where another one begins: long membranes agree with themselves nearby."""
TILES = 6
TILE = (40, 128)
"""Tiles along each side at most, and the least and greatest side of one, pixels."""
ALIKE = 0.3
"""Correlation above which tiles show the same."""
STRONG = 0.5
"""Tiles with so much of the strongest one's contrast show a structure."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A correlation's peak.

    Attributes
    ----------
    y, x : int
        Where the second image shows what the first one shows at 0, pixels.
    clear : float
        Height in standard deviations of the correlation.
    second : float
        The same of the highest point that is not part of the peak.
    """

    y: int
    x: int
    clear: float
    second: float


@dataclass(frozen=True, slots=True)
class Fit:
    """How the second image lies on the first one, from tiles.

    Attributes
    ----------
    y, x : float
        Displacement in the middle of the first image, pixels.
    turned_deg, larger : float
        Rotation, and magnification beyond 1, of the second.
    tiles, agreeing : int
        Tiles that show a structure, and those of them that the second image shows as well.
    alike : float
        Mean correlation of the tiles that show a structure.
    """

    y: float
    x: float
    turned_deg: float
    larger: float
    tiles: int
    agreeing: int
    alike: float = 0.0

    def at(self, y: float, x: float) -> tuple[float, float]:
        """Return the displacement so far from the middle."""
        turn = np.deg2rad(self.turned_deg)
        return (
            float(self.y + self.larger * y + turn * x),
            float(self.x + self.larger * x - turn * y),
        )


def band(light: Float32, *, even: bool = True) -> Float32:
    """Return the band of membranes of a picture, its local brightness evened out.

    Parameters
    ----------
    light : ndarray, (y, x), float32
        Counts above the offset.
    even : bool
        False leaves the brightness as it is.
    """
    root = np.sqrt(np.maximum(light, 0) + 4.0)  # shot noise alike everywhere
    out = cv2.GaussianBlur(root, (0, 0), FINE, borderType=cv2.BORDER_REFLECT_101)
    out -= cv2.GaussianBlur(root, (0, 0), WIDE, borderType=cv2.BORDER_REFLECT_101)
    if even:
        power = cv2.GaussianBlur(out * out, (0, 0), LOCAL, borderType=cv2.BORDER_REFLECT_101)
        # what is much darker than the rest is noise, and stays so
        out /= np.sqrt(power + np.median(power) + 1e-6)
    return np.asarray(out, np.float32)


def shrunk(light: Float32, factor: int) -> Float32:
    """Return a picture with pixels so many times as large."""
    if factor == 1:
        return light
    height, width = light.shape[0] // factor, light.shape[1] // factor
    whole = light[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def factor_for(shape: tuple[int, int]) -> int:
    """Return by how much a part is shrunk before it is compared."""
    return max(1, round(max(shape) / LARGEST))


def peak(one: Float32, two: Float32) -> Peak:
    """Return where two evened bands agree best; corners count as displacement 0."""
    size = [cv2.getOptimalDFTSize(a + b) for a, b in zip(one.shape, two.shape, strict=True)]
    spectra = [np.fft.rfft2(_windowed(image), s=size) for image in (one, two)]
    whole = np.fft.irfft2(spectra[0].conj() * spectra[1], s=size)
    reach = [int(REACH * min(a, b)) for a, b in zip(one.shape, two.shape, strict=True)]
    near = np.roll(whole, reach, axis=(0, 1))[: 2 * reach[0] + 1, : 2 * reach[1] + 1]
    at = np.unravel_index(int(near.argmax()), near.shape)
    mean, spread = float(near.mean()), max(float(near.std()), 1e-12)
    rest = near.copy()
    y, x = int(at[0]), int(at[1])
    rest[max(0, y - APART) : y + APART + 1, max(0, x - APART) : x + APART + 1] = mean
    clear, second = ((float(v) - mean) / spread for v in (near[at], rest.max()))
    return Peak(y - reach[0], x - reach[1], clear, second)


def fit(one: Float32, two: Float32, slack: int) -> Fit:
    """Return how the second picture lies on the first one, which it equals but for a few pixels.

    Parameters
    ----------
    one, two : ndarray, (y, x), float32
        Counts above the offset, of one shape.
    slack : int
        Pixels by which a tile may be displaced.
    """
    bands = [band(light, even=False) for light in (one, two)]
    height, width = one.shape
    side = int(np.clip(min(height, width) // 5, *TILE))
    rows, columns = (
        np.unique(np.linspace(slack, n - slack - side, TILES).astype(int)) for n in one.shape
    )
    found = []
    contrasts = []
    for top in rows[rows >= slack]:
        for left in columns[columns >= slack]:
            tile = bands[0][top : top + side, left : left + side]
            around = bands[1][top - slack : top + side + slack, left - slack : left + side + slack]
            middle = (top + (side - height) / 2, left + (side - width) / 2)
            contrasts.append(float(tile.std()))
            found.append((*middle, *_match(tile, around, slack)))
    return _fitted(np.array(found), np.array(contrasts))


def _match(tile: Float32, around: Float32, slack: int) -> tuple[float, float, float]:
    """Return the displacement (y, x) of a tile and the correlation there."""
    scores = cv2.matchTemplate(around, tile, cv2.TM_CCOEFF_NORMED)
    y, x = (int(i) for i in np.unravel_index(int(scores.argmax()), scores.shape))
    best = float(scores[y, x])
    fine = [
        _vertex(scores[y - 1 : y + 2, x]) if 0 < y < len(scores) - 1 else 0.0,
        _vertex(scores[y, x - 1 : x + 2]) if 0 < x < scores.shape[1] - 1 else 0.0,
    ]
    return y - slack + fine[0], x - slack + fine[1], best


def _vertex(three: Float32) -> float:
    """Return where the parabola through three neighbours is highest, pixels from the middle."""
    below, here, above = (float(v) for v in three)
    bend = below - 2 * here + above
    return float(np.clip((below - above) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


def _fitted(found: Float64, contrasts: Float64) -> Fit:
    """Return the similarity through the tiles that agree; those far off it are left out."""
    if not len(found):
        return Fit(0.0, 0.0, 0.0, 0.0, 0, 0)
    alike = found[:, 4] > ALIKE
    structured = contrasts > STRONG * contrasts.max()
    used = found[alike]
    numbers = np.zeros(4)
    for _ in range(4):
        if not len(used):
            break
        numbers = _similarity(used)
        off = np.hypot(*(_predicted(numbers, used[:, 0], used[:, 1]) - used[:, 2:4].T))
        kept = off <= max(1.5, 2.5 * float(np.median(off)))
        used = used[kept]
    dy, dx, larger, turn = (float(v) for v in numbers)
    return Fit(
        dy,
        dx,
        float(np.rad2deg(turn)),
        larger,
        int(structured.sum()),
        int((structured & alike).sum()),
        float(found[structured, 4].mean()),
    )


def _similarity(tiles: Float64) -> Float64:
    """Return shift (y, x), magnification and turn; of few tiles the shift alone."""
    y, x, dy, dx, score = tiles.T
    weight = score**2
    if len(tiles) < 4 or max(np.ptp(y), np.ptp(x)) < 1:
        return np.array([np.average(dy, weights=weight), np.average(dx, weights=weight), 0.0, 0.0])
    zero, one = np.zeros_like(y), np.ones_like(y)
    rows = np.concatenate([np.stack([one, zero, y, x], 1), np.stack([zero, one, x, -y], 1)])
    scale = np.sqrt(np.concatenate([weight, weight]))
    values = np.concatenate([dy, dx])
    # held near none: a splitter turns and magnifies by little
    held = np.diag([0.0, 0.0, 1.0, 1.0]) * float(np.hypot(y, x).mean()) * 0.5
    solved = np.linalg.lstsq(
        np.concatenate([rows * scale[:, None], held]),
        np.concatenate([values * scale, np.zeros(4)]),
        rcond=None,
    )
    return np.asarray(solved[0], np.float64)


def _predicted(numbers: Float64, y: Float64, x: Float64) -> Float64:
    dy, dx, larger, turn = numbers
    return np.stack([dy + larger * y + turn * x, dx + larger * x - turn * y])


def _windowed(image: Float32) -> Float32:
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in image.shape))
    return np.asarray((image - image.mean()) * window, np.float32)
