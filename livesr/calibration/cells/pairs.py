"""Calibration without beads: two channels of the same cells say how one lies on the other.

First the whole shift by correlation, then the field from coarse to fine: the other channel is
resampled by the model so far, each tile says what is left, and a model is fitted to all tiles by
the same ladder that beads are fitted by. As what is left goes to zero, so do the errors of
resampling and of the linear step.

What a tile can tell is limited by structures of unlike colour side by side and by noise; both
scatter from tile to tile and are part of its standard error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.cells.coarse import coarse_shift
from livesr.calibration.cells.overlay import band_passed, equations
from livesr.calibration.cells.resample import Resampled, columns, resampled, spline
from livesr.calibration.cells.tiles import honest, tile_blocks, tile_pairs
from livesr.calibration.fitting.ladder import fit_ladder
from livesr.calibration.fitting.points import Pairs, pooled
from livesr.calibration.warp import ChromaticModel
from livesr.errors import CalibrationError
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Float32, UInt16

FEWEST_PLANES = 5
CONVERGED_UM = 0.001
"""No further round if tiles moved by less than this (median)."""
UNSEEN_NM = (0.3, 1.5)
"""Error (xy, z) that all tiles share, from structures of unlike colour above each other and those
that the first plane cuts: of simulated cells with steps of 0.2 to 0.3 µm, root mean square."""


@dataclass(frozen=True, slots=True)
class Level:
    """One scale of the search.

    Attributes
    ----------
    binned : int
        Pixels that are put together along y and x.
    fine_um, wide_um : float
        Band of the images, standard deviations.
    tile_um : float
        Side of a tile.
    highest : int
        Degree of the model.
    rounds : int
        At most.
    fewest : int
        Tiles without which there is no model.
    """

    binned: int
    fine_um: float
    wide_um: float
    tile_um: float
    highest: int
    rounds: int
    fewest: int


LEVELS = (Level(2, 0.2, 0.6, 8.5, 1, 4, 4), Level(1, 0.067, 0.334, 4.3, 5, 4, 12))


def pairs_from_cells(
    stacks: Sequence[UInt16],
    grid: Grid,
    offset: float,
    *,
    reference: int = 0,
    other: int = 1,
    prior: ChromaticModel | None = None,
) -> Pairs:
    """Return where tiles of the reference channel appear in the other channel.

    Parameters
    ----------
    stacks : sequence of ndarray, (c, z, y, x), uint16
        Of one light path: time points, positions or both. Cells may move between stacks, but not
        between the channels of one.
    grid : Grid
        Of one channel.
    offset : float
        Camera counts without light.
    reference, other : int
        Channels of the stacks.
    prior : ChromaticModel, optional
        Where to begin, an older calibration.

    Returns
    -------
    Pairs
        A point for each tile with structure, at the centre of what it holds.

    Raises
    ------
    CalibrationError
        Too few planes; channels that do not show the same cells; cells in too little of the field.
    """
    _check(stacks, grid)
    channels = [
        (columns(stack[reference], offset), columns(stack[other], offset)) for stack in stacks
    ]
    model = _begin(channels[0], grid, prior or ChromaticModel.identity())
    for level in LEVELS[:-1]:
        model, _ = _settled([_binned(pair, level) for pair in channels], grid, level, model)
    _, pairs = _settled([_binned(pair, LEVELS[-1]) for pair in channels], grid, LEVELS[-1], model)
    return pairs


def _check(stacks: Sequence[UInt16], grid: Grid) -> None:
    if not stacks:
        raise CalibrationError("no stack of cells was given", fix="name a recording of cells")
    if grid.shape[0] < FEWEST_PLANES:
        raise CalibrationError(
            f"the stack has {grid.shape[0]} planes, {FEWEST_PLANES} are needed to find the shift"
            " along z",
            fix="record cells with more planes",
        )
    for number, stack in enumerate(stacks):
        if stack.ndim != 4 or stack.shape[1:] != grid.shape:
            raise CalibrationError(
                f"its shape {stack.shape} is not (channels, *{grid.shape})",
                where=f"stack {number + 1} of {len(stacks)}",
                fix="calibrate from recordings of one size",
            )


def _begin(pair: tuple[Float32, Float32], grid: Grid, start: ChromaticModel) -> ChromaticModel:
    """Return the start with the whole shift that correlation finds."""
    one, two = pair
    if not start.is_identity:
        two = resampled(spline(two), start, grid.voxel_um, _middle(grid)).data
    shift = coarse_shift(one, two, where="cells")
    vz, vy, vx = grid.voxel_um
    return start.shifted(shift.z * vz, shift.y * vy, shift.x * vx)


def _middle(grid: Grid) -> float:
    return (grid.shape[0] - 1) * grid.voxel_um[0] / 2


def _binned(pair: tuple[Float32, Float32], level: Level) -> tuple[Float32, Float32]:
    """Return the reference and the spline of the other channel at the level's pixels."""
    one, two = (_shrunk(data, level.binned) for data in pair)
    return one, spline(two)


def _shrunk(data: Float32, n: int) -> Float32:
    if n == 1:
        return data
    height, width, planes = data.shape
    data = data[: height // n * n, : width // n * n]
    out: Float32 = data.reshape(height // n, n, width // n, n, planes).mean(axis=(1, 3))
    return out


def _settled(
    channels: Sequence[tuple[Float32, Float32]], grid: Grid, level: Level, model: ChromaticModel
) -> tuple[ChromaticModel, Pairs]:
    """Return the model after the rounds of a level, and the pairs that it was fitted to."""
    height, width, planes = channels[0][0].shape
    vz, vy, vx = grid.voxel_um
    binned = Grid((planes, height, width), (vz, vy * level.binned, vx * level.binned))
    field = (height * binned.voxel_um[1], width * binned.voxel_um[2])
    for _ in range(level.rounds):
        before = model
        pairs = pooled([_one_round(pair, binned, level, model) for pair in channels])
        if len(pairs) < level.fewest:
            raise CalibrationError(
                f"only {len(pairs)} tiles of the field show the same structure in both channels,"
                f" {level.fewest} are needed",
                where="cells",
                fix="a field with more cells, several positions, or calibrate with beads",
            )
        model = fit_ladder(pairs, field, highest=level.highest).model
        z, y, x = pairs.reference.T
        moved = np.subtract(model.displacement(y, x, z), before.displacement(y, x, z))
        if np.median(np.abs(moved), axis=1).max() < CONVERGED_UM:
            break
    left = pairs.shift - np.stack(model.displacement(y, x, z), axis=1)
    return model, honest(pairs, left)


def _one_round(
    pair: tuple[Float32, Float32], grid: Grid, level: Level, model: ChromaticModel
) -> Pairs:
    """Return the tiles of one stack: the model's displacement and what is left."""
    one, coefficients = pair
    pixel = grid.voxel_um[1]
    band = level.fine_um / pixel, level.wide_um / pixel
    moved = resampled(coefficients, model, grid.voxel_um, _middle(grid))
    two = Resampled(band_passed(moved.data, *band), moved.first, moved.last)
    tiles = tile_pairs(
        equations(band_passed(one, *band), two), grid, tile_blocks(level.tile_um, pixel)
    )
    _, y, x = tiles.reference.T
    already = np.stack(model.displacement(y, x, _middle(grid)), axis=1)
    return Pairs(tiles.reference, tiles.other + already, tiles.sigma)
