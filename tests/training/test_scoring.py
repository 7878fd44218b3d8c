from __future__ import annotations

import numpy as np
from oracles import CAMERA

from livesr.training.evaluation.scoring import _confused


def test_a_voxel_that_several_classes_hold_counts_as_the_rarer() -> None:
    """A filopodium is plasma membrane too: it must not vanish from the table."""
    membrane, thin = np.zeros(CAMERA.shape, bool), np.zeros(CAMERA.shape, bool)
    membrane[:, :10] = True
    thin[:, 8:12] = True
    masks = {"plasma_membrane": membrane, "filopodia": thin}
    table = _confused(masks, masks, ("plasma_membrane", "filopodia"))
    rows = 8 * 48
    assert table.tolist() == [[8 * rows, 0, 0], [0, 4 * rows, 0], [0, 0, 36 * rows]]


def test_classes_keep_the_order_of_the_head() -> None:
    names = ("er", "nuclear_membrane", "nuclear_reticulum")
    truth, masks = ({name: np.zeros(CAMERA.shape, bool) for name in names} for _ in range(2))
    for k, name in enumerate(names):
        truth[name][k] = True
        masks[name][(k + 1) % 3] = True
    table = _confused(masks, truth, names)
    plane = 48 * 48
    assert table.tolist() == [
        [0, 0, plane, 0],
        [plane, 0, 0, 0],
        [0, plane, 0, 0],
        [0, 0, 0, 5 * plane],
    ]


def test_other_classes_count_in_their_order() -> None:
    both = np.zeros(CAMERA.shape, bool)
    both[0] = True
    masks = {"one": both, "two": both}
    assert _confused(masks, masks, ("one", "two"))[0, 0] == 48 * 48
