from __future__ import annotations

import numpy as np
import pytest
from anatomy_pieces import QUIET, figure

from livesr.simulator.anatomy.spread import Creep, Waves, draw_outline, long_axis
from livesr.simulator.parameters import parameters

SEEDS = range(61_020, 61_030)
P = parameters()


@pytest.mark.parametrize("seed", SEEDS)
def test_spread_cell_has_the_literature_sizes(seed: int) -> None:
    made = figure(seed, QUIET)
    body, nucleus = made.mother.body, made.mother.nucleus
    assert body.volume() == pytest.approx(made.volume_um3, rel=1e-3)
    assert 2000.0 < made.volume_um3 < 6000.0
    assert 1000.0 < body.area() < 2000.0
    assert 5.5 < body.height() < 8.5
    assert 700.0 <= nucleus.volume <= 1000.0
    assert 0.18 <= nucleus.volume / made.volume_um3 <= 0.251
    # the lamella, 2 µm inside the edge and far from the nucleus
    y, x = body.outline()
    y, x = (c + 2.0 / 20.0 * (m - c) for c, m in ((y, body.center[0]), (x, body.center[1])))
    far = nucleus.radial(y, x) > 1.6
    low, high, _ = body.surfaces(y[far], x[far])
    assert 0.4 < np.median(high - low) < 2.5


@pytest.mark.parametrize("seed", SEEDS)
def test_nucleus_lies_inside_with_cytoplasm_above_and_below(seed: int) -> None:
    mother = figure(seed, QUIET).mother
    _, ny, nx = mother.nucleus.center
    y, x = np.meshgrid(ny + np.arange(-12, 12, 0.2), nx + np.arange(-12, 12, 0.2), indexing="ij")
    bottom, top = mother.nucleus.surfaces(y, x)
    there = top > bottom
    low, high, share = mother.body.surfaces(y, x)
    assert (share[there] < 1.0).all()
    assert (high - top)[there].min() > 0.0
    assert (bottom - low)[there].min() > 0.3


def test_organizer_lies_beside_the_nucleus() -> None:
    for seed in SEEDS:
        mother = figure(seed, QUIET).mother
        y, x = (np.array([c]) for c in mother.organizer)
        assert 1.1 < mother.nucleus.radial(y, x)[0] < 1.8


def test_edge_creeps_at_the_literature_speed() -> None:
    rng = np.random.default_rng(61_120)
    speeds = []
    for _ in range(40):
        creep = Creep.draw(rng, P.cell, 20.0)
        assert np.abs(creep.at(0.0)).max() == 0.0
        edge = 20.0 * np.array([creep.at(t) for t in np.arange(0.0, 3000.0, 60.0)])
        speeds.append(np.sqrt((np.diff(edge, axis=0) ** 2).mean()))
    assert 0.05 < min(speeds) < 0.2
    assert 0.35 < max(speeds) < 0.6


def test_outline_has_its_area_and_long_axis() -> None:
    rng = np.random.default_rng(61_121)
    for _ in range(20):
        radius = draw_outline(rng, P.cell, 1300.0)
        assert 0.5 * (radius**2).mean() * 2.0 * np.pi == pytest.approx(1300.0, rel=1e-9)
        assert radius.min() > 5.0
        axis = np.round((long_axis(radius) + np.pi) / (2 * np.pi) * radius.size).astype(int)
        across = (axis + radius.size // 4) % radius.size
        along = radius[axis % radius.size] + radius[(axis + radius.size // 2) % radius.size]
        assert along > radius[across] + radius[(across + radius.size // 2) % radius.size]


def test_waves_have_their_root_mean_square() -> None:
    waves = Waves.draw(np.random.default_rng(61_122), 12, (2.0, 6.0), 0.3)
    y, x = np.meshgrid(np.arange(0, 60, 0.3), np.arange(0, 60, 0.3), indexing="ij")
    field = waves(y, x)
    assert field.std() == pytest.approx(0.3, rel=0.1)
    assert waves(y[3], x[5]) == pytest.approx(waves(y[3], x[5]))
