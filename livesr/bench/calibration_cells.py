"""Calibration and offset from cells, against the optics that recorded them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.rows import Row, attained
from livesr.calibration.cells.pairs import UNSEEN_NM, pairs_from_cells
from livesr.calibration.fitting.axis_fit import rms
from livesr.calibration.fitting.field import field_cells
from livesr.calibration.fitting.ladder import fit_ladder
from livesr.calibration.following.follower import OffsetFollower
from livesr.calibration.following.offset import estimate_offset
from livesr.simulator.recordings.instrument import Instrument, Setup
from livesr.simulator.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.types import UInt16

CELLS_NM = (25.0, 60.0)
LATER_NM = (10.0, 20.0)
SHAPE = (640, 640)
DRIFT_UM = (0.2, 0.0668, 0.0668)
"""Largest drift between days along z, y, x: a pixel laterally."""


def cell_rows(seeds: Sequence[int]) -> Iterator[Row]:
    """Measure both on one stack a seed."""
    recorded = [record_cells(seed) for seed in seeds]
    yield from _without_beads(seeds, recorded)
    yield from _a_day_later(seeds, recorded)


def record_cells(seed: int) -> tuple[UInt16, Instrument]:
    """Return a stack (2, z, y, x) of a cell, through the camera, and the microscope."""
    setup = Setup(seed=seed, optics_seed=seed, shape=SHAPE)
    instrument = Instrument(setup)
    sample = Sample(seed, parameters=setup.numbers, field_um=setup.field_um)
    cell = sample.stages(0.0)[0]
    view = setup.view((cell.y_um, cell.x_um))
    photons = sample.emission(0.0, instrument.heights(), view, instrument.optics)
    return instrument.channels_of(instrument.expose(photons, 0)), instrument


def _without_beads(
    seeds: Sequence[int], recorded: Sequence[tuple[UInt16, Instrument]]
) -> Iterator[Row]:
    errors, claims = [], []
    for stack, instrument in recorded:
        setup = instrument.setup
        pairs = pairs_from_cells([stack], setup.grid, instrument.camera.offset)
        fit = fit_ladder(pairs, setup.view_um)
        y, x = field_cells(setup.view_um)
        inside = fit.inside(y, x)
        middle = float(pairs.reference[:, 0].mean())
        off = 1e3 * np.subtract(
            fit.model.displacement(y, x, middle), instrument.models[1].displacement(y, x, middle)
        )
        z, dy, dx = off[:, inside]
        errors.append((rms(np.hypot(dy, dx)), rms(z)))
        claims.append(np.hypot(fit.model_nm, UNSEEN_NM))
    for k, axis in enumerate(("xy", "z")):
        values = [one[k] for one in errors]
        value = float(np.median(values))
        yield Row(
            f"error of a calibration from one stack of cells: {axis}",
            value,
            "nm",
            bound=f"{CELLS_NM[k]:g} nm",
            attained=attained(value, CELLS_NM[k]),
            detail=f"seeds {_each(seeds, values)}; claimed {np.median([c[k] for c in claims]):.2f}",
        )


def _a_day_later(
    seeds: Sequence[int], recorded: Sequence[tuple[UInt16, Instrument]]
) -> Iterator[Row]:
    """Let the stored calibration be a drift away, and a session's first stack find it."""
    errors, before = [], []
    for seed, (stack, instrument) in zip(seeds, recorded, strict=True):
        setup = instrument.setup
        drift = np.random.default_rng(seed).uniform(-1, 1, 3) * DRIFT_UM
        stored = instrument.models[1].shifted(*(-drift).tolist())
        found = estimate_offset(stack, setup.grid, instrument.camera.offset, {1: stored})
        follower = OffsetFollower(setup.grid.voxel_um, {1: "red"})
        z, y, x = np.array(follower.update(found)[1]) - 1e3 * drift
        errors.append((float(np.hypot(y, x)), abs(float(z))))
        before.append((1e3 * float(np.hypot(*drift[1:])), 1e3 * abs(float(drift[0]))))
    for k, axis in enumerate(("xy", "z")):
        values = [one[k] for one in errors]
        value = float(np.median(values))
        yield Row(
            f"error a day later, after the session's first stack: {axis}",
            value,
            "nm",
            peer="without following the offset",
            peer_value=float(np.median([one[k] for one in before])),
            ratio=float(np.median([one[k] for one in before])) / max(value, 0.1),
            bound=f"{LATER_NM[k]:g} nm",
            attained=attained(value, LATER_NM[k]),
            detail=f"seeds {_each(seeds, values)}; shift alone, the field's shape is the stored",
        )


def _each(seeds: Sequence[int], values: Sequence[float]) -> str:
    return f"{seeds[0]}–{seeds[-1]}: " + " ".join(f"{value:.2f}" for value in values)
