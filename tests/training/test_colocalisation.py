"""Simulated probes: fields on disk, and patches that pass through what labels are made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.simulator.coloc import PROBES
from livesr.simulator.imaging.camera import CameraModel
from livesr.training.plan import Augmentation, FieldPlan
from livesr.training.sampling.colocalisation import (
    DROPLET_BIT,
    FOREGROUND_BIT,
    ColocField,
    make_coloc_fields,
    read_coloc_field,
    simulate_coloc_field,
    simulate_probes,
)
from livesr.training.sampling.colocalisation_patches import ColocalisationMaker
from livesr.training.sampling.fields import made_fields

if TYPE_CHECKING:
    from pathlib import Path

PLAN = FieldPlan(shape=(176, 176), varied=0.0, dividing=0.0, usual_z_step=1.0)
SEED = 60_000 + PROBES.index("er") - 60_000 % len(PROBES)
"""A cell whose probe is in the ER."""


@pytest.fixture(scope="module")
def field() -> ColocField:
    return simulate_coloc_field(SEED, PLAN, CameraModel())


def maker(augmentation: Augmentation, planes: int = 4) -> ColocalisationMaker:
    return ColocalisationMaker((planes, 64, 64), (0.3, 0.1, 0.1), augmentation, CameraModel())


def test_seeds_take_turns_with_the_probes(field: ColocField) -> None:
    assert field.structure == "er"
    assert PROBES[(SEED + 1) % len(PROBES)] != "er"


def test_the_probe_shines_where_the_truth_is(field: ColocField) -> None:
    inside = (field.truth & FOREGROUND_BIT) > 0
    yellow, green = field.photons.astype(np.float32)
    assert green[inside].mean() > 4 * green[~inside].mean()
    assert 0.005 < inside.mean() < 0.3
    assert ((field.truth & DROPLET_BIT) > 0).mean() < 0.01
    assert field.empty[1] < field.empty[0] < yellow.mean()
    assert field.bright > 3 * field.empty[1]


def test_fields_are_made_once_and_read_back(field: ColocField, tmp_path: Path) -> None:
    make_coloc_fields(tmp_path, [SEED], PLAN)
    (place,) = made_fields(tmp_path)
    made = place.stat().st_mtime_ns
    make_coloc_fields(tmp_path, [SEED], PLAN)
    assert place.stat().st_mtime_ns == made
    read = read_coloc_field(place)
    np.testing.assert_array_equal(read.photons, field.photons)
    np.testing.assert_array_equal(read.truth, field.truth)
    assert (read.grid, read.chromatic, read.empty, read.bright, read.structure) == (
        field.grid,
        field.chromatic,
        field.empty,
        field.bright,
        field.structure,
    )
    assert tuple(read.centres[0]) == field.centres[0]


def test_patches_show_one_channel_and_coverage(field: ColocField) -> None:
    patch = maker(Augmentation()).draw(field, np.random.default_rng(1))
    assert patch.features.shape == patch.target.shape == (1, 4, 64, 64)
    assert patch.features.dtype == np.float32
    assert patch.target.dtype == np.uint8
    again = maker(Augmentation()).draw(field, np.random.default_rng(1))
    np.testing.assert_array_equal(patch.features, again.features)
    assert maker(Augmentation()).draw(field, np.random.default_rng(1), 2).target.shape[1] == 2


def test_what_is_covered_is_bright(field: ColocField) -> None:
    """Registered: half a voxel off, an ER tube would lie beside its truth."""
    inside, outside = [], []
    for seed in range(4):
        patch = maker(Augmentation.none()).draw(field, np.random.default_rng(seed))
        inside.append(patch.features[patch.target > 250])
        outside.append(patch.features[patch.target == 0])
    assert np.median(np.concatenate(inside)) > 0.45
    assert np.median(np.concatenate(outside)) < 0.15


def test_augmentation_changes_the_image_and_never_its_range(field: ColocField) -> None:
    seen = [maker(Augmentation()).draw(field, np.random.default_rng(k)).features for k in range(6)]
    assert all(np.isfinite(one).all() and one.min() > -0.5 and one.max() < 30.0 for one in seen)
    calm = maker(Augmentation.none())
    first, second = (calm.draw(field, np.random.default_rng(k)) for k in (3, 3))
    np.testing.assert_array_equal(first.features, second.features)


def test_an_exposure_three_times_longer_looks_alike_to_the_network(field: ColocField) -> None:
    levels = []
    for gain in (1.0, 3.0):
        calm = Augmentation((gain, gain), *([0.0] * 9))
        patch = maker(calm).draw(field, np.random.default_rng(5))
        levels.append(float(np.median(patch.features[patch.target > 250])))
    assert levels[1] == pytest.approx(levels[0], rel=0.15)


def test_the_same_cells_carry_one_probe_after_the_other() -> None:
    cells = list(simulate_probes(60_001, ("golgi", "er"), shape=(3, 96, 96)))
    assert [cell.structure for cell in cells] == ["golgi", "er"]
    golgi, er = cells
    assert golgi.stack.grid == er.stack.grid
    np.testing.assert_array_equal(golgi.stack.droplets, er.stack.droplets)
    assert er.truth.sum() > golgi.truth.sum()
    assert (golgi.stack.data[1] != er.stack.data[1]).any()
