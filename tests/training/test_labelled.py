from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from oracles import CAMERA, VOXEL, package, squares

from livesr.catalog import NAMES
from livesr.errors import ConfigError
from livesr.training.labelled import (
    check,
    features_of,
    pixel_images,
    simulate,
    simulate_exposures,
)
from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.training.labelled import LabelledStack

SHAPE = (4, 64, 72)


def test_simulated_stack_is_what_a_session_would_know() -> None:
    one, same = simulate(60_003, shape=SHAPE), simulate(60_003, shape=SHAPE)
    assert one.data.dtype == np.uint16
    assert one.data.shape == (2, *SHAPE)
    assert np.array_equal(one.data, same.data)
    assert one.grid.shape == SHAPE
    assert not one.chromatic.is_identity
    assert set(one.truth) == set(NAMES)
    assert one.name == "standard 60003"


def test_exposures_of_one_state_differ_in_noise_alone() -> None:
    first, second = simulate_exposures(60_004, count=2, shape=SHAPE)
    assert np.array_equal(first.data, simulate(60_004, shape=SHAPE).data)
    apart = first.data.astype(float) - second.data
    assert 0.5 < apart.std() < 30.0
    assert abs(apart.mean()) < 0.2
    assert all(np.array_equal(first.truth[name], second.truth[name]) for name in NAMES)


def test_changes_reach_the_cell() -> None:
    plain = simulate(60_005, shape=SHAPE)
    bright = simulate(60_005, shape=SHAPE, changes='{"light.background_photons": [500, 500]}')
    assert np.median(bright.data) > 2 * np.median(plain.data)


def test_features_without_the_ratio_keep_the_intensity() -> None:
    stack = squares()
    both = features_of(stack, package())
    alone = features_of(stack, package(), without_ratio=True)
    assert both.has_ratio
    assert not alone.has_ratio
    assert np.array_equal(both.data[0], alone.data[0])
    assert not alone.data[1].any()
    assert both.data[1].any()


def test_pixel_images_lie_on_the_camera() -> None:
    intensity, ratio = pixel_images(squares())
    assert intensity.shape == ratio.shape == CAMERA.shape


def of_other_shape(stack: LabelledStack) -> LabelledStack:
    return replace(stack, grid=Grid((8, 48, 47), CAMERA.voxel_um))


def in_nanometres(stack: LabelledStack) -> LabelledStack:
    return replace(stack, grid=Grid(CAMERA.shape, (300.0, 66.8, 66.8)))


def of_unknown_structure(stack: LabelledStack) -> LabelledStack:
    return replace(stack, truth={"mitochondrion": stack.truth["mitochondria"]})


def of_flat_mask(stack: LabelledStack) -> LabelledStack:
    return replace(stack, truth={"golgi": stack.truth["golgi"][0]})


def without_offset(stack: LabelledStack) -> LabelledStack:
    return replace(stack, offset=float("nan"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (of_other_shape, "2 × 8 × 48 × 48, its voxels say 8 × 48 × 47"),
        (in_nanometres, "300 µm along z"),
        (of_unknown_structure, "mitochondrion"),
        (of_flat_mask, "golgi is 48 × 48, its image 8 × 48 × 48"),
        (without_offset, "offset is nan"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(change: object, what: str) -> None:
    stack = squares()
    check(stack, VOXEL)
    with pytest.raises(ConfigError, match=what):
        check(change(stack), VOXEL)  # type: ignore[operator]
