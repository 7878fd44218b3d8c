"""Splitter sensors drawn at random, with simulated cells or beads, to find their channels again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.acquisition.finding.turns import TURNS, Box, Turn, after, turn_of
from livesr.calibration.warp import ChromaticModel
from livesr.config.layouts import SplitterLayout
from livesr.simulator.imaging.beads import Beads
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.sample import Sample
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Float32, UInt16

PIXEL_UM = 0.0668
FIELD = 400
"""Pixels along each side of a simulated field, of which a layout shows a part."""
_SAMPLE_UM = 60.0
_GAIN, _READ, _OFFSET, _QE = 1.2, 1.6 / 1.2, 100.0, 0.95
_TURNED_DEG, _LARGER, _OFF_PX = 0.2, 0.006, 9.0
FAMILIES = ("columns", "rows", "quadrants", "apart")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sensor whose layout is known.

    Attributes
    ----------
    frames : ndarray, (n, y, x), uint16
    layout : SplitterLayout
        Truth: what all channels show, to the pixel.
    family : str
    beads : bool
        Whether it shows beads, not cells.
    """

    frames: UInt16
    layout: SplitterLayout
    family: str
    beads: bool = False

    @property
    def roughly(self) -> SplitterLayout:
        """The layout as somebody knows it who guesses: right names and first turn, wrong places."""
        first, *rest = self.layout.channels
        moved = [r.model_copy(update={"x": r.x + 25, "y": r.y + 17, "flip": "none"}) for r in rest]
        return SplitterLayout.model_construct(kind="splitter", channels=(first, *moved))


def hopeless(kind: str, seed: int) -> UInt16:
    """Return pictures (n, y, x) in which no layout can be found.

    Parameters
    ----------
    kind : str
        ``flat``, ``one black``, ``few features``, ``grid`` or ``saturated``.
    seed : int
    """
    rng = np.random.default_rng([seed, len(kind)])
    yellow, red = (field[:240, :200] for field in _field(seed, 0, 0.0, 0.0, 1.8))
    if kind == "flat":
        yellow, red = np.full_like(yellow, 8.0), np.full_like(red, 4.0)
    elif kind == "one black":
        red = np.zeros_like(red)
    elif kind == "few features":
        yellow, red = np.full_like(yellow, 6.0), np.full_like(red, 3.0)
        yellow[100:102, 100:102] += 8.0
    elif kind == "grid":
        y, x = np.mgrid[:240, :200]
        yellow = (60.0 * (np.sin(y / 3.0) > 0.7) * (np.sin(x / 3.0) > 0.7)).astype(np.float32) + 5
        red = yellow / 2
    elif kind == "saturated":
        yellow = yellow * np.float32(3e4)
    return _exposed(np.concatenate([yellow, red], axis=1), rng)


def error_px(found: SplitterLayout, truth: SplitterLayout) -> float:
    """Return by how many pixels any edge is off; not finite where a channel stands otherwise."""
    worst = 0.0
    for one, two in zip(found.channels, truth.channels, strict=True):
        if turn_of(one) != turn_of(two):
            return float("inf")
        a, b = (np.array([r.x, r.y, r.x + r.width, r.y + r.height]) for r in (one, two))
        worst = max(worst, float(np.abs(a - b).max()))
    return worst


def draw(seed: int, number: int) -> Drawn:
    """Return the ``number``-th drawn sensor of a sample's seed.

    Every fifth one shows beads, and every fifth one three channels, unless these lie apart.
    """
    rng = np.random.default_rng([seed, number])
    family = FAMILIES[number % len(FAMILIES)]
    beads = (seed + number) % 5 == 4
    channels = 3 if (seed + number) % 5 == 2 and family != "apart" else 2
    place = int(rng.integers(100))
    y, x = (round(float(v), 1) for v in rng.uniform(-4, 4, 2))
    z = float(rng.choice([0.9, 1.8, 2.7, 3.6]))
    yellow, red = _beads(seed, number) if beads else _field(seed, place, y, x, z)
    green = [0.5 * yellow] * (channels - 2)  # as a wider band of the dye would show it
    red = red * float(rng.uniform(0.8, 2.0))  # dyes, filters and dichroics differ
    cells, turns, shape, gap = _arranged(family, channels, rng)
    height, width = turns[0].box(cells[0], shape).shape
    images = [_looked_at(yellow, (height, width), (0.0, 0.0), 0.0, 0.0)]
    offs = []
    for field in (red, *green):
        y, x = rng.uniform(-_OFF_PX, _OFF_PX, 2) if not gap else rng.uniform(-0.5, 0.5, 2)
        turned, larger = rng.uniform(-_TURNED_DEG, _TURNED_DEG), rng.uniform(-_LARGER, _LARGER)
        offs.append((float(y), float(x)))
        images.append(_looked_at(field, (height, width), offs[-1], float(turned), float(larger)))
    sensor = np.zeros(shape, np.float32)
    for cell, turn, image in zip(cells, turns, images, strict=True):
        cell.of(sensor)[...] = turn.inverse.of(image)
    if gap:  # the field stop's edge is not sharp
        sensor = np.asarray(cv2.GaussianBlur(sensor, (0, 0), 0.8), np.float32)
    frames = _exposed(sensor, rng)
    return Drawn(frames, _truth(cells, turns, shape, offs), family, beads)


def _arranged(
    family: str, channels: int, rng: np.random.Generator
) -> tuple[tuple[Box, ...], tuple[Turn, ...], tuple[int, int], int]:
    """Return the cells of a sensor, how the channels stand in them, its shape, and their gap."""
    long, short = int(rng.integers(230, 330)), int(rng.integers(180, 260))
    first = TURNS[int(rng.integers(4))]
    flips = TURNS[: 8 if family in ("quadrants", "apart") else 4]
    turns = (first, *(after(first, flips[k]) for k in rng.integers(len(flips), size=channels - 1)))
    if family == "apart":
        return _apart(rng, long, short, turns)
    if family == "columns":
        cells = tuple(Box(0, k * short, long, (k + 1) * short) for k in range(channels))
        return cells, turns, (long, channels * short), 0
    if family == "rows":
        cells = tuple(Box(k * short, 0, (k + 1) * short, long) for k in range(channels))
        return cells, turns, (channels * short, long), 0
    corners = [(0, 0), (0, long), (long, 0), (long, long)]
    used = (corners[k] for k in sorted(rng.choice(4, channels, replace=False).tolist()))
    cells = tuple(Box(y, x, y + long, x + long) for y, x in used)
    return cells, turns, (2 * long, 2 * long), 0


def _apart(
    rng: np.random.Generator, long: int, short: int, turns: tuple[Turn, ...]
) -> tuple[tuple[Box, ...], tuple[Turn, ...], tuple[int, int], int]:
    """Return two rectangles with dark gaps between and around them."""
    if sum(turn.quarters for turn in turns) % 2:
        long = short
    gap, aside = int(rng.integers(8, 40)), int(rng.integers(-25, 25))
    margins = rng.integers(6, 45, 4).tolist()
    one = Box(max(0, -aside), 0, max(0, -aside) + long, short).moved(margins[0], margins[1])
    two = one.moved(aside, short + gap)
    shape = (max(one.y1, two.y1) + margins[2], two.x1 + margins[3])
    if rng.random() < 0.5:
        one, two = (Box(b.x0, b.y0, b.x1, b.y1) for b in (one, two))
        shape = shape[::-1]
    return (one, two), turns, shape, gap


def _truth(
    cells: tuple[Box, ...],
    turns: tuple[Turn, ...],
    shape: tuple[int, int],
    offs: Sequence[tuple[float, float]],
) -> SplitterLayout:
    """Return what all cells show: the further ones show the first's content, displaced."""
    first, *others = (turn.box(cell, shape) for cell, turn in zip(cells, turns, strict=True))
    shifts = [(0, 0)]
    for box, (y, x) in zip(others, offs, strict=True):
        shifts.append((box.y0 - first.y0 + round(y), box.x0 - first.x0 + round(x)))
    common = first
    for box, (y, x) in zip(others, shifts[1:], strict=True):
        common = common.cut(box.moved(-y, -x))
    channels = tuple(
        after(turn, Turn()).rectangle(name, turn.back(common.moved(*shift), shape))
        for name, turn, shift in zip(("yellow", "red", "green"), turns, shifts, strict=False)
    )
    return SplitterLayout(kind="splitter", channels=channels)


def _looked_at(
    field: Float32,
    shape: tuple[int, int],
    off: tuple[float, float],
    turned_deg: float,
    larger: float,
) -> Float32:
    """Return the middle of a field, displaced, turned and magnified about its own middle."""
    height, width = shape
    scale, turn = 1.0 + larger, np.deg2rad(turned_deg)
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    inverse = np.linalg.inv(np.array([[c, -s], [s, c]]))
    # pixel p shows the field at M⁻¹ (p - middle - off) + middle of the field
    middle = np.array([(width - 1) / 2 + off[1], (height - 1) / 2 + off[0]])
    centre = np.array([(field.shape[1] - 1) / 2, (field.shape[0] - 1) / 2])
    matrix = np.concatenate([inverse, (centre - inverse @ middle)[:, None]], axis=1)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(field, matrix, (width, height), flags=flags)
    return np.asarray(np.maximum(out, 0), np.float32)


def _exposed(photons: Float32, rng: np.random.Generator) -> UInt16:
    """Return a few frames of a sensor: shot and read noise, patterns of offset and ports."""
    light = float(rng.choice([0.6, 1.0, 2.0]))
    count = int(rng.choice([1, 2, 4]))
    height, width = photons.shape
    pattern = _OFFSET + rng.normal(0, 1.5, photons.shape) + rng.normal(0, 0.3, width)
    ports = rng.normal(0, 0.7, (2, 2))
    pattern += np.kron(ports, np.ones((height, width)))[
        height // 2 : height // 2 + height, width // 2 : width // 2 + width
    ]
    pattern[rng.random(photons.shape) < 1e-4] += 150.0
    electrons = rng.poisson(light * _QE * photons, (count, height, width)).astype(np.float32)
    counts = electrons / _GAIN + rng.normal(0, _READ, electrons.shape) + pattern
    frames: UInt16 = np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
    return frames


@lru_cache(maxsize=4)
def _field(seed: int, place: int, y: float, x: float, z: float) -> tuple[Float32, Float32]:
    """Return photons of a plane near a cell, yellow and red, (y, x), not displaced by colour."""
    sample, optics = _sample(seed)
    stages = sample.stages(0.0)
    cell = stages[place % len(stages)]
    view = View((cell.y_um + y, cell.x_um + x), PIXEL_UM, (FIELD, FIELD))
    yellow, red = sample.emission(0.0, [z], view, optics)[:, 0]
    return yellow.copy(), red.copy()


def _beads(seed: int, number: int) -> tuple[Float32, Float32]:
    """Return the same of beads on a cover slip, yellow and red, in a little stray light."""
    rng = np.random.default_rng([seed, number, 1])
    extent = FIELD * PIXEL_UM
    beads = Beads(
        int(rng.integers(2**31)),
        count=int(rng.integers(40, 250)),
        photons=(500.0, 3000.0),
        field_um=(extent, extent),
        background=(4.0, 4.0, 4.0),
    )
    view = View((0.0, 0.0), PIXEL_UM, (FIELD, FIELD))
    yellow, red = beads.emission([0.0], view, _sample(seed)[1])[:, 0]
    return yellow, red


@lru_cache(maxsize=2)
def _sample(seed: int) -> tuple[Sample, Optics]:
    optics = Optics.from_seed(seed, pixel_um=PIXEL_UM)
    straight = replace(optics, chromatic=ChromaticModel())
    return Sample(seed, field_um=(_SAMPLE_UM, _SAMPLE_UM), motion=0.0), straight
