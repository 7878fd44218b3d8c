from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from livesr.segmentation.windows import Axis, plan, predict


def pooled(x: np.ndarray, _: np.ndarray | None = None) -> np.ndarray:
    """An analytic network: mean over 3, maximum over blocks of 2 x 4 x 4, mean over 3."""
    planes = []
    for channel in x[0]:
        a = uniform_filter(channel, 3, mode="nearest")
        z, r, c = a.shape
        blocks = a.reshape(z // 2, 2, r // 4, 4, c // 4, 4).max((1, 3, 5))
        up = blocks.repeat(2, 0).repeat(4, 1).repeat(4, 2)
        planes.append(uniform_filter(up, 3, mode="nearest"))
    return np.rint(255 * np.stack(planes))[None].astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 70), st.integers(1, 70)),
    max_voxels=st.integers(400, 30_000),
    max_planes=st.sampled_from([12, 16, 64]),
    seed=st.integers(60_000, 60_999),
)
def test_stitched_windows_equal_one_window(
    shape: tuple[int, int, int], max_voxels: int, max_planes: int, seed: int
) -> None:
    data = np.random.default_rng(seed).random((2, *shape), dtype=np.float32)
    options = {"multiple": (2, 4, 4), "halo": (4, 6, 6)}
    whole = predict(pooled, data, 2, max_voxels=10**9, max_planes=10**9, **options)
    parts = predict(pooled, data, 2, max_voxels=max_voxels, max_planes=max_planes, **options)
    np.testing.assert_array_equal(parts, whole)


@settings(max_examples=200, deadline=None)
@given(
    n=st.integers(1, 500),
    multiple=st.sampled_from([1, 2, 8, 16]),
    halo=st.integers(0, 40),
    count=st.integers(1, 8),
)
def test_windows_cover_each_voxel_once_with_the_halo_around(
    n: int, multiple: int, halo: int, count: int
) -> None:
    axis = Axis(n, multiple, halo, count)
    spans = axis.spans()
    kept = [i for span in spans for i in range(span.first, span.last)]
    assert kept == list(range(n))
    for span in spans:
        assert span.stop - span.start == axis.size
        assert span.start % multiple == 0
        assert span.start == 0 or span.first - span.start >= halo
        assert span.stop == axis.padded or span.stop - span.last >= halo


def test_the_whole_field_is_one_window_by_default() -> None:
    seen: list[tuple[int, ...]] = []

    def predictor(x: np.ndarray, _: np.ndarray | None) -> np.ndarray:
        seen.append(x.shape)
        return np.zeros((1, 1, *x.shape[2:]), np.uint8)

    data = np.zeros((2, 24, 50, 50), np.float32)
    out = predict(predictor, data, 1, multiple=(8, 16, 16), halo=(8, 40, 40))
    assert seen == [(1, 2, 24, 64, 64)]
    assert out.shape == (1, 24, 50, 50)


def test_one_window_is_written_where_it_is_returned() -> None:
    """A second copy of fifteen volumes would be memory and time for nothing."""
    given: list[np.ndarray] = []

    def predictor(x: np.ndarray, out: np.ndarray | None) -> np.ndarray:
        assert out is not None
        assert out.shape == (1, 3, *x.shape[2:])
        out[:] = 7
        given.append(out)
        return out

    out = predict(
        predictor, np.zeros((2, 24, 50, 50), np.float32), 3, multiple=(8, 16, 16), halo=(8, 40, 40)
    )
    assert np.shares_memory(out, given[0])
    assert out.shape == (3, 24, 50, 50)
    assert (out == 7).all()


def test_padding_repeats_the_edge_and_is_cropped() -> None:
    def predictor(x: np.ndarray, _: np.ndarray | None) -> np.ndarray:
        assert x.shape == (1, 2, 8, 16, 16)
        np.testing.assert_array_equal(x[0, :, 3:], np.repeat(x[0, :, 2:3], 5, axis=1))
        return x[:, :1].astype(np.uint8)

    data = np.arange(2 * 3 * 5 * 7, dtype=np.float32).reshape(2, 3, 5, 7)
    out = predict(predictor, data, 1, multiple=(8, 16, 16), halo=(0, 0, 0))
    np.testing.assert_array_equal(out[0], data[0])


@pytest.mark.parametrize("planes", [33, 54, 100])
def test_tall_stacks_are_seen_in_windows_of_few_planes(planes: int) -> None:
    z, y, x = plan((planes, 64, 64), (8, 16, 16), (30, 40, 40))
    assert z.size <= 32
    assert (y.count, x.count) == (1, 1)


def test_a_limit_that_cannot_be_kept_ends_the_division() -> None:
    _, y, x = plan((24, 500, 500), (8, 16, 16), (8, 40, 40), max_voxels=1)
    assert y.size == x.size == 2 * 48 + 16
