"""How much of Nile Red's yellow light the green channel shows: from a recording without a probe.

The paper subtracts 0.2 of yellow from green. That is a matter of filters and camera, so it is
measured: cells with Nile Red alone, and the slope of green against yellow over the cell outside
lipid droplets, which alone shine green by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.warp import Warp
from livesr.errors import ConfigError
from livesr.features import NO_FOREGROUND, estimate_normalisation
from livesr.training.labels.probe import empty_light

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from livesr.training.labels.sessions import SessionStack, SessionStacks
    from livesr.types import Bool, Float32, Float64, Grid, Int64

DROPLETS = "lipid_droplet"
GREEN = "green"
BIN_UM = 0.2
"""Counts are averaged over squares of this side before they are compared: noise in yellow would
flatten the slope."""
AROUND_UM = 0.6
"""What lies so near to a droplet is left out, too: its haze is green."""
CELL = 0.3
"""Cell is what has this share of the membranes' yellow light."""
LEAST = 2000
"""Squares of cell outside droplets that a control needs."""
TUKEY = 4.685
"""Residuals beyond so many standard deviations do not count (Tukey's biweight)."""
ROUNDS = 30
SAME = 1e-6
MAD = 1.4826
TILES = 4
"""Parts of each side of a field, whose slopes say how far the slope can be trusted."""
MOST_UNEXPLAINED = 0.15
"""A larger share of the cell that is greener than Nile Red explains means a probe."""
GREENER = 6.0
"""Standard deviations."""


@dataclass(frozen=True, slots=True)
class Unmixing:
    """Nile Red's share.

    Attributes
    ----------
    share : float
        Green over yellow outside lipid droplets; never below 0.
    error : float
        Standard error, from parts of the fields.
    droplets : float
        Green over yellow within lipid droplets: what tells them in green. NaN without any.
    stacks, squares : int
        What it was measured on.
    unexplained : float
        Share of the squares that are greener than that.
    """

    share: float
    error: float
    droplets: float
    stacks: int
    squares: int
    unexplained: float


@dataclass(frozen=True, slots=True)
class Squares:
    """Averaged light of one stack's cells.

    Attributes
    ----------
    yellow, green : ndarray, (n,), float32
        Counts above the empty field, outside droplets.
    tile : ndarray, (n,), int
        Part of the field.
    droplets : tuple of float
        Summed yellow and green light within droplets.
    cell : int
        Squares of cell, droplets included.
    """

    yellow: Float32
    green: Float32
    tile: Int64
    droplets: tuple[float, float]
    cell: int


def control_share(session: SessionStacks) -> Unmixing:
    """Return Nile Red's share of a session without a probe.

    Raises
    ------
    ConfigError
        If it has no green channel or no masks of lipid droplets, shows no cells, or only droplets,
        or seems to carry a probe.
    """
    session.require(GREEN)
    if DROPLETS not in session.structures:
        raise ConfigError(
            "the control has no masks of lipid droplets, which must be left out",
            where=str(session.folder),
            fix="record it with `structures: all`, or with lipid_droplet among them",
        )
    model = session.model(GREEN)
    found = [
        squares(stack, Warp(stack.grid, stack.grid.voxel_um, {1: model}))
        for stack in session.stacks(("yellow", GREEN), (DROPLETS,))
    ]
    return share_of(found, session.folder)


def squares(stack: SessionStack, warp: Warp) -> Squares:
    """Return the light of a stack's cells, averaged over squares of `BIN_UM`."""
    counts = np.stack([stack.channels["yellow"], stack.channels[GREEN]])
    membranes = counts[:1].copy()  # droplets are far brighter, and would be taken for all there is
    membranes[0][stack.masks[DROPLETS]] = np.median(membranes)
    norm = estimate_normalisation(membranes, stack.grid, stack.offset)
    yellow, green = warp.apply(counts, stack.offset)
    yellow -= np.float32(empty_light(yellow, stack.grid))
    green -= np.float32(empty_light(green, stack.grid))
    y, g = _binned(yellow, stack.grid), _binned(green, stack.grid)
    inside = _binned(stack.masks[DROPLETS].astype(np.float32), stack.grid) > 0
    level = np.inf if norm == NO_FOREGROUND else CELL * norm.intensity
    cell = y > level
    chosen = cell & ~_grown(inside)
    return Squares(
        y[chosen],
        g[chosen],
        _tiles(y.shape)[chosen],
        (float(yellow[stack.masks[DROPLETS]].sum()), float(green[stack.masks[DROPLETS]].sum())),
        int(np.count_nonzero(cell)),
    )


def share_of(found: Iterable[Squares], folder: Path) -> Unmixing:
    """Return the slope of green against yellow over all stacks; raises as `control_share` does."""
    found = list(found)
    yellow, green = (
        np.concatenate([getattr(one, name) for one in found]).astype(np.float64)
        for name in ("yellow", "green")
    )
    cell = sum(one.cell for one in found)
    if cell < LEAST:
        raise ConfigError(
            f"the control shows no cells in yellow ({cell} squares of {BIN_UM} µm, {LEAST} needed)",
            where=str(folder),
            fix="record cells with Nile Red and no probe, as bright as you record them with one",
        )
    if len(yellow) < LEAST:
        raise ConfigError(
            f"the control shows little but lipid droplets: {len(yellow)} of {cell} squares of cell "
            f"lie outside them, {LEAST} are needed",
            where=str(folder),
            fix="record whole cells, not fed with fatty acids; or look at the masks of lipid "
            "droplets: livesr view",
        )
    slope, spread = slope_of(yellow, green)
    unexplained = float(np.mean(green - slope * yellow > GREENER * spread))
    if unexplained > MOST_UNEXPLAINED:
        raise ConfigError(
            f"{unexplained:.0%} of the control's cells are greener than Nile Red explains",
            where=str(folder),
            fix="a control has Nile Red alone: is there a probe in these cells?",
        )
    in_yellow, in_green = (sum(one.droplets[k] for one in found) for k in (0, 1))
    return Unmixing(
        max(slope, 0.0),
        _error(found, slope),
        in_green / in_yellow if in_yellow > 0 else float("nan"),
        len(found),
        len(yellow),
        unexplained,
    )


def slope_of(x: Float64, y: Float64) -> tuple[float, float]:
    """Return slope and spread of y against x, robust against a minority that lies elsewhere.

    Iteratively reweighted least squares with Tukey's biweight, through the origin: both are counts
    above the empty field's, and a free level would take the slope of cells that are all alike.

    Parameters
    ----------
    x, y : ndarray, (n,)
        x mostly above 0.
    """
    slope, spread = float(np.median(y) / max(np.median(x), 1e-9)), 0.0
    for _ in range(ROUNDS):
        rest = y - slope * x
        spread = max(MAD * float(np.median(np.abs(rest - np.median(rest)))), 1e-9)
        weight = np.clip(1 - (rest / (TUKEY * spread)) ** 2, 0, None) ** 2
        across = float(weight @ x**2)
        if across <= 0:
            break
        before, slope = slope, float((weight * x) @ y) / across
        if abs(slope - before) < SAME:
            break
    return slope, spread


def _error(found: list[Squares], slope: float) -> float:
    """Return the standard error from the slopes of the fields' parts."""
    parts = [
        slope_of(one.yellow[one.tile == k].astype(np.float64), one.green[one.tile == k])[0]
        for one in found
        for k in range(TILES**2)
        if np.count_nonzero(one.tile == k) >= LEAST // TILES**2
    ]
    if len(parts) < 2:
        return abs(slope)
    return float(MAD * np.median(np.abs(np.array(parts) - np.median(parts))) / np.sqrt(len(parts)))


def _binned(image: Float32, grid: Grid) -> Float32:
    by, bx = (max(1, round(BIN_UM / v)) for v in grid.voxel_um[1:])
    _, ny, nx = image.shape
    size = (max(nx // bx, 1), max(ny // by, 1))
    cut = image[:, : size[1] * by, : size[0] * bx]
    return np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in cut])


def _grown(inside: Bool) -> Bool:
    """Return squares within `AROUND_UM`, and one plane, of those inside."""
    reach = 2 * round(AROUND_UM / BIN_UM) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    planes = np.stack([cv2.dilate(plane.view(np.uint8), disk) for plane in inside])
    out = planes.copy()
    out[1:] |= planes[:-1]
    out[:-1] |= planes[1:]
    return out.astype(bool)


def _tiles(shape: tuple[int, ...]) -> Int64:
    y, x = (np.arange(n) * TILES // n for n in shape[1:])
    return np.broadcast_to(y[:, None] * TILES + x[None, :], shape)
