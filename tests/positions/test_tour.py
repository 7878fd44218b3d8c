"""The order of positions: a short way, and never a longer one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from livesr.positions.tour import shortest, travel_um


@pytest.mark.parametrize("seed", range(60_000, 60_006))
@pytest.mark.parametrize("from_a_place", [True, False])
def test_small_lists_are_near_the_best_order(seed: int, *, from_a_place: bool) -> None:
    points = np.random.default_rng(seed).uniform(0, 1000, (7, 2))
    start = np.array([500.0, 500.0]) if from_a_place else None
    order = shortest(points, start)
    assert sorted(order) == list(range(7))
    assert from_a_place or order[0] == 0
    orders = [o for o in permutations(range(7)) if from_a_place or o[0] == 0]
    best = min(travel_um(points[list(o)], start) for o in orders)
    assert travel_um(points[order], start) <= 1.15 * best


def test_a_grid_in_wild_order_becomes_a_meander() -> None:
    points = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0)), axis=-1).reshape(-1, 2) * 100
    wild = np.random.default_rng(60_010).permutation(points)
    order = shortest(wild, np.array([0.0, 0.0]))
    assert travel_um(wild[order], np.array([0.0, 0.0])) < 1.15 * 9900
    assert travel_um(wild) > 4 * 9900


def test_an_order_that_is_short_already_is_not_made_longer() -> None:
    points = np.column_stack([np.arange(50.0), np.zeros(50)])
    assert shortest(points, np.array([0.0, 0.0])) == list(range(50))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_points(count: int) -> None:
    points = np.arange(2.0 * count).reshape(count, 2)
    assert sorted(shortest(points, np.zeros(2))) == list(range(count))
    assert sorted(shortest(points)) == list(range(count))


def test_places_that_are_equal() -> None:
    assert sorted(shortest(np.ones((6, 2)), np.zeros(2))) == list(range(6))
