from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from skimage.morphology import skeletonize

from livesr.analysis.centreline import compare_centrelines


def tube(thick: int, *, gap: int = 0) -> np.ndarray:
    volume = np.zeros((7, 20, 60), bool)
    volume[2:5, 10 - thick : 11 + thick, 5:55] = True
    if gap:
        volume[:, :, 30 - gap : 30 + gap] = False
    return volume


def test_thickness_does_not_matter_but_gaps_do() -> None:
    thin, thick = tube(1), tube(3)
    voxels = 2 * (thin & thick).sum() / (thin.sum() + thick.sum())
    assert voxels < 0.65
    assert compare_centrelines(thin, thick).harmonic > 0.95
    broken = compare_centrelines(tube(1, gap=10), tube(1))
    assert broken.found == broken.marked
    assert broken.covered / broken.real == pytest.approx(0.6, abs=0.06)


def test_a_side_branch_costs_precision_alone() -> None:
    truth, mask = tube(1), tube(1)
    mask[2:5, 11:19, 29:32] = True
    shares = compare_centrelines(mask, truth)
    assert shares.covered == shares.real
    assert shares.found < shares.marked


volumes = hnp.arrays(bool, (4, 8, 9))


@given(volumes, volumes)
@settings(max_examples=40)
def test_centre_line_dice_of_the_definition(mask: np.ndarray, truth: np.ndarray) -> None:
    lines = [skeletonize(mask).astype(bool), skeletonize(truth).astype(bool)]
    if not (lines[0].any() and lines[1].any()):
        assert compare_centrelines(mask, truth).harmonic == 0.0
        return
    precision = (lines[0] & truth).sum() / lines[0].sum()
    sensitivity = (lines[1] & mask).sum() / lines[1].sum()
    both = precision + sensitivity
    expected = 2 * precision * sensitivity / both if both else 0.0
    assert compare_centrelines(mask, truth).harmonic == pytest.approx(expected)


def test_nothing_scores_nothing() -> None:
    empty = np.zeros((3, 5, 5), np.uint8)
    assert compare_centrelines(empty, empty).harmonic == 0.0
