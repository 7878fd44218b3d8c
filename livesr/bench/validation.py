"""What `livesr validate` would say of simulated cells, beside what is true of them.

Its measure is not the truth: FG-net errs, too. These figures say by how much, and are what the
command prints for orientation.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.scores import Counts
from livesr.bench.labels import masks_of
from livesr.bench.probed import probed_cells
from livesr.bench.rows import Row, attained
from livesr.calibration.warp import ChromaticModel, Warp
from livesr.simulator.coloc import PROBES
from livesr.training.labels.make import Networks
from livesr.training.labels.sessions import SessionStack
from livesr.training.labels.unmixing import share_of, squares
from livesr.types import StackIndex
from livesr.validation.agreement import Agreement, pooled
from livesr.validation.probes import DROPLETS, FG, GREEN, Probe, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.bench.probed import Probed
    from livesr.training.labels.unmixing import Unmixing
    from livesr.types import Bool, UInt16

SEEDS = range(70_100, 70_104)
SIDE = 320
SHARE_ADDED = 0.2
"""Of yellow, added to green: what the paper's rig has."""
SHARE_ASKED = 0.01
"""Error of the unmixing factor at most."""


def rows(seeds: Sequence[int] = SEEDS, side: int = SIDE) -> Iterator[Row]:
    """Measure all; each row's value is livesr's own measure, its peer the truth."""
    controls: list[tuple[Probed, dict[str, Bool]]] = []
    agreements: dict[str, list[Agreement]] = {}
    truths: dict[str, Counts] = {}
    with closing(Networks()) as networks:
        package, engine = networks.get("ALL")
        for number, seed in enumerate(seeds):
            for cell in probed_cells(seed, ("", *PROBES), side):
                masks = masks_of(cell.seen, package, engine)
                name = cell.structure or DROPLETS
                probe = Probe(name, GREEN, "probe" if cell.structure else "leak", 0.0, FG)
                stack = stack_of(cell, masks, number)
                told = tell(probe, stack, cell.chromatic_green, networks)
                mask = masks[name]
                agreements.setdefault(name, []).append(
                    Agreement.of(number, mask, told.foreground, told.light, told.yellow)
                )
                counts = Counts.of(mask, cell.seen.truth[name])
                truths[name] = truths.get(name, Counts()) + counts
                if not cell.structure:
                    controls.append((cell, masks))
    for name, each in agreements.items():
        yield _row(name, pooled(each).f1, truths[name].f1, len(each))
    for added in (0.0, SHARE_ADDED):
        yield _share_row(added, controls)


def stack_of(cell: Probed, masks: dict[str, Bool], number: int, added: float = 0.0) -> SessionStack:
    """Return a cell as a session gives it, with a share of yellow added to green."""
    green = cell.green
    if added:
        green = leaking(cell, added)
    channels = {"yellow": cell.seen.data[0], GREEN: green}
    return SessionStack(StackIndex(number, 0), cell.seen.grid, cell.seen.offset, channels, masks)


def leaking(cell: Probed, added: float) -> UInt16:
    """Return green with a share of Nile Red's yellow light, where green shows it."""
    seen, grid = cell.seen, cell.seen.grid
    dz, dy, dx = (float(d) for d in cell.chromatic_green.displacement(0.0, 0.0))
    place = ChromaticModel.identity().shifted(
        -dz, -dy, -dx
    )  # green shows at p what yellow at p - d
    moved = Warp(grid, grid.voxel_um, {0: place}).apply(seen.data[:1], seen.offset)[0]
    rng = np.random.default_rng(grid.shape)
    light = np.maximum(moved * np.float32(added), 0)
    noisy = cell.green + rng.normal(light, np.sqrt(light))
    counts: UInt16 = np.clip(np.rint(noisy), 0, 65_535).astype(np.uint16)
    return counts


def share(controls: Sequence[tuple[Probed, dict[str, Bool]]], added: float) -> Unmixing:
    """Return the unmixing factor as a control gives it."""
    found = []
    for number, (cell, masks) in enumerate(controls):
        stack = stack_of(cell, masks, number, added)
        warp = Warp(stack.grid, stack.grid.voxel_um, {1: cell.chromatic_green})
        found.append(squares(stack, warp))
    return share_of(found, Path("simulated"))


def _share_row(added: float, controls: Sequence[tuple[Probed, dict[str, Bool]]]) -> Row:
    found = share(controls, added)
    error = abs(found.share - added)
    return Row(
        f"unmixing factor of a control, true factor {added:g}",
        found.share,
        "",
        bound=f"an error of {SHARE_ASKED}",
        attained=attained(error, SHARE_ASKED),
        detail=f"standard error said {found.error:.4f}; {found.droplets:.3f} in lipid droplets; "
        f"{found.stacks} stacks",
    )


def _row(name: str, f1: float, truth: float, cells: int) -> Row:
    how = "green light" if name == DROPLETS else "probe"
    return Row(
        f"F1 of ALL's {name} against its {how}, as FG-net tells it",
        f1,
        "",
        peer="the same masks against the truth",
        peer_value=truth,
        ratio=f1 / truth if truth else None,
        detail=f"{cells} cells; without lipid droplets, Nile Red's share 0",
    )
