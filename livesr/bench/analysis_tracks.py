"""Tracks of simulated vesicles and dividing cells, beside a plain nearest neighbour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.tracks.link import Reach, link, nearest_neighbour
from livesr.analysis.tracks.scores import Tracked, score_tracks
from livesr.bench.rows import Row
from livesr.simulator.sample import Sample
from livesr.training.evaluation.samples import FIRST_TEST_SEED

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_SEED = FIRST_TEST_SEED + 5_500
INTERVALS_S = (0.5, 2.0, 10.0)
STRUCTURES = ("lysosome", "early_endosome", "peroxisome", "lipid_droplet")
MISSED = 0.1
"""Of the points, at random."""
SPURIOUS = 0.05
NOISE_UM = (0.1, 0.03, 0.03)
"""Localisation, (z, y, x)."""
GATE_UM, ZERO_UM = 0.2, 1.0
CELL_GATE_UM, CELL_ZERO_UM = 5.0, 20.0
CELL_NOISE_UM = 0.5
CELL_INTERVAL_S = 300.0


def tracking(stacks: int) -> Iterator[Row]:
    """Return rows of vesicles at several intervals, and of cells that divide."""
    sample = Sample(FIRST_SEED)
    for interval in INTERVALS_S:
        times = [interval * t for t in range(stacks)]
        for name in STRUCTURES:
            yield from _rows(
                f"{name}_{interval:g}s",
                _vesicles(sample, name, times),
                Reach.of_vesicles(interval),
                NOISE_UM,
                (GATE_UM, ZERO_UM),
            )
    cells = _cells(stacks)
    yield from _rows(
        "cell_300s", cells, Reach.of_cells(), (CELL_NOISE_UM,) * 3, (CELL_GATE_UM, CELL_ZERO_UM)
    )


def _vesicles(sample: Sample, name: str, times: list[float]) -> Tracked:
    """Return where the first cell's vesicles are."""
    found = [
        (t, row.z_um, row.y_um, row.x_um, row.identity)
        for t, time_s in enumerate(times)
        for row in sample.objects(time_s)
        if row.structure == name and row.cell == 10
    ]
    table = np.array(found)
    return Tracked(table[:, 0].astype(int), table[:, 1:4], table[:, 4].astype(int), {})


def _cells(stacks: int) -> Tracked:
    """Return where cells are that divide in a large field: daughters are 11 and 12, of 10."""
    from livesr.simulator.parameters import parameters

    changed = parameters("standard", '{"sample.dividing": 1.0, "sample.window_min": [20, 90]}')
    sample = Sample(FIRST_SEED, parameters=changed, field_um=(200.0, 200.0))
    found = [
        (t, 0.0, row.y_um, row.x_um, row.cell)
        for t in range(max(stacks, 30))
        for row in sample.stages(CELL_INTERVAL_S * t)
    ]
    table = np.array(found)
    track = table[:, 4].astype(int)
    parent = {int(k): int(k) // 10 * 10 for k in np.unique(track) if k % 10}
    return Tracked(table[:, 0].astype(int), table[:, 1:4], track, parent)


def _rows(
    name: str,
    true: Tracked,
    reach: Reach,
    noise_um: tuple[float, ...],
    scales: tuple[float, float],
) -> Iterator[Row]:
    """Score laptrack and the nearest neighbour on points with misses, noise and spurious ones."""
    rng = np.random.default_rng(FIRST_SEED)
    kept = rng.random(len(true.frame)) >= MISSED
    frame, points = true.frame[kept], true.points[kept]
    points = points + rng.normal(size=points.shape) * noise_um
    extra = rng.choice(len(frame), int(SPURIOUS * len(frame)))
    low, high = points.min(axis=0), points.max(axis=0)
    points = np.concatenate([points, rng.uniform(low, high, (len(extra), 3))])
    frame = np.concatenate([frame, frame[extra]])
    scale = np.array([1 / reach.axial, 1.0, 1.0])
    truth = Tracked(true.frame, true.points * scale, true.track, true.parent)
    ours, plain = (
        score_tracks(Tracked(frame, points * scale, links.track, links.parent), truth, *scales)
        for links in (how(frame, points, reach) for how in (link, nearest_neighbour))
    )
    many = len(np.unique(true.track))
    for metric in ("mota", "hota", "idf1", "tra"):
        yield Row(
            f"{metric}_{name}",
            ours[metric],
            "",
            peer="nearest neighbour",
            peer_value=plain[metric],
            ratio=ours[metric] / plain[metric] if plain[metric] > 0 else None,
            bound="1",
            attained=max(ours[metric], 0.0),
            detail=f"{many} tracks over {len(np.unique(true.frame))} stacks, {MISSED:.0%} "
            f"missed, {SPURIOUS:.0%} spurious; z over {reach.axial:g}",
        )
