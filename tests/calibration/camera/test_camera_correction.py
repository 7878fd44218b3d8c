"""Corrected counts are what an even camera behind an even light would have given."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from uneven import uneven_camera, uneven_maps

from livesr.acquisition.images import Images
from livesr.analysis.masked import mean_intensity
from livesr.calibration.camera.correction import AROUND, PEDESTAL, Correction, HotPixels
from livesr.calibration.warp import ChromaticModel, Warp
from livesr.features import make_features
from livesr.ordered import Followers
from livesr.types import Grid, Normalisation, RecordingInfo, StackIndex

SHAPE = (2, 4, 60, 71)
GRID = Grid(SHAPE[1:], (0.3, 0.0668, 0.0668))
NORM = Normalisation(150.0, 0.5)


def counts(seed: int = 60_701) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(60, 3000, SHAPE, dtype=np.uint16)


def test_counts_are_those_of_the_mean_pixel_in_mean_light() -> None:
    offset, response, hot, flat = uneven_maps((2, 60, 71))
    data = counts()
    out = uneven_camera(SHAPE).stack(data, np.empty_like(data))
    wanted = (data - offset[:, None]) / (response * flat)[:, None] + PEDESTAL
    usable = np.broadcast_to(~hot[:, None], SHAPE)
    assert np.abs(out.astype(float) - wanted)[usable].max() < 0.51
    assert out.dtype == np.uint16


def test_an_even_scene_becomes_even() -> None:
    offset, response, _, flat = uneven_maps((2, 60, 71))
    rng = np.random.default_rng(60_702)
    lit = offset + 500.0 * response * flat + rng.random(offset.shape)
    data = np.repeat(lit[:, None], 4, axis=1).astype(np.uint16)
    out = uneven_camera(SHAPE).stack(data, np.empty_like(data))
    far = np.abs(out - (500.0 + PEDESTAL))
    far[:, :, :3, :3] = 0  # hot all over: nothing near stands in for them
    assert far.max() < 3


def test_a_hot_pixel_becomes_the_mean_of_its_neighbours() -> None:
    hot = np.zeros((1, 5, 6), bool)
    hot[0, 2, 2] = hot[0, 2, 3] = hot[0, 0, 0] = True
    flat = np.ones((1, 5, 6), np.float32)
    none = Correction.of(np.full_like(flat, PEDESTAL), flat, hot, flat)
    raw = np.arange(30, dtype=np.uint16).reshape(5, 6) + 200
    raw[hot[0]] = 60_000
    out = none.plane(0, raw, np.empty_like(raw))
    assert out[2, 2] == (raw[1, 2] + raw[2, 1] + raw[3, 2] + raw[1, 1] + 2) // 4
    assert out[0, 0] == (raw[0, 1] + raw[1, 0] + raw[1, 1] + raw[0, 2] + 2) // 4
    np.testing.assert_array_equal(out[~hot[0]], raw[~hot[0]])


def test_neighbours_are_never_hot_where_there_are_others() -> None:
    hot = np.random.default_rng(60_703).random((40, 50)) < 0.2
    found = HotPixels.of(hot)
    assert len(found.at) == hot.sum()
    assert found.around.shape == (hot.sum(), AROUND)
    assert not hot.ravel()[found.around].any()
    everything = HotPixels.of(np.ones((4, 4), bool))
    np.testing.assert_array_equal(everything.around, np.repeat(everything.at[:, None], 4, axis=1))


def test_an_even_camera_changes_no_bit() -> None:
    ones = np.ones((2, 60, 71), np.float32)
    nothing = Correction.of(PEDESTAL * ones, ones, ones < 0, ones)
    models = {1: ChromaticModel().shifted(0.1, 0.2, -0.1)}
    plain, with_it = (Warp(GRID, (0.3, 0.1, 0.1), models, c) for c in (None, nothing))
    data = counts()
    a, b = (make_features(data, warp, PEDESTAL, NORM).data for warp in (plain, with_it))
    np.testing.assert_array_equal(a, b)


def test_the_warp_takes_corrected_planes_wherever_they_come_from() -> None:
    correction, data = uneven_camera(SHAPE), counts()
    corrected = correction.stack(data, np.empty_like(data))
    for models in ({}, {1: ChromaticModel().shifted(0.1, 0.2, -0.1)}):
        warp = Warp(GRID, (0.3, 0.1, 0.1), models, correction)
        plain = Warp(GRID, (0.3, 0.1, 0.1), models)
        shift = {1: (30, 40, -20)}
        for one, other in ((warp, plain), (warp.shifted(shift), plain.shifted(shift))):
            np.testing.assert_array_equal(
                one.apply(data, PEDESTAL), other.apply(corrected, PEDESTAL)
            )
            np.testing.assert_array_equal(
                mean_intensity(data, one, PEDESTAL), mean_intensity(corrected, other, PEDESTAL)
            )


def test_any_view_of_a_plane_will_do() -> None:
    correction, data = uneven_camera(SHAPE), counts()
    mirrored = np.ascontiguousarray(data[0, 0][:, ::-1])[:, ::-1]
    out = [
        correction.plane(0, plane, np.empty(SHAPE[2:], np.uint16))
        for plane in (data[0, 0], mirrored)
    ]
    np.testing.assert_array_equal(*out)
    with pytest.raises(ValueError, match="not \\(60, 71\\)"):
        correction.plane(0, data[0, 0, 1:], out[0])


def test_counts_stay_within_sixteen_bits() -> None:
    correction, data = uneven_camera(SHAPE), counts()
    data[:, 0], data[:, 1] = 65_535, 0
    out = correction.stack(data, np.empty_like(data))
    assert out[:, 0].min() > 55_000
    assert out[:, 1].max() < 50


def test_it_reaches_the_segmenter_as_it_is() -> None:
    correction = uneven_camera(SHAPE)
    there = pickle.loads(pickle.dumps(correction))  # noqa: S301 - of our own
    data = counts()[0, 0]
    np.testing.assert_array_equal(
        correction.plane(1, data, np.empty_like(data)), there.plane(1, data, np.empty_like(data))
    )


def test_what_is_followed_is_told_from_corrected_counts() -> None:
    correction = uneven_camera((3, *SHAPE[1:]))
    rng = np.random.default_rng(60_704)
    cells = 100 + 900 * (rng.random((3, *SHAPE[1:])) > 0.7)
    data = cells.astype(np.uint16)
    info = RecordingInfo(
        ("yellow", "red", "green"), data.shape, 2, 1, 0.0668, 0.3, 0.0, 70.0, "m", "c", "o", False
    )  # fmt: skip
    even = RecordingInfo(
        ("yellow", "red", "green"), data.shape, 2, 1, 0.0668, 0.3, 0.0, PEDESTAL, "m", "c", "o",
        False,
    )  # fmt: skip
    corrected = correction.stack(data, np.empty_like(data))
    found = Followers(info, Images(info), {}, correction=correction)
    wanted = Followers(even, Images(even), {})
    for t in range(2):
        assert found.update(StackIndex(0, t), data) == wanted.update(StackIndex(0, t), corrected)
