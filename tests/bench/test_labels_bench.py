"""The experiment on labels is the one that its example recipe names, and its cells are right."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from livesr.analysis.scores import Counts
from livesr.bench import ON_REQUEST, TOPICS, labels, validation
from livesr.bench.probed import probed_cells
from livesr.training.labels.make import Networks
from livesr.training.recipe import read_recipe

EXAMPLE = Path(__file__).parents[2] / "examples" / "train-desk.yaml"


def test_the_recipe_is_the_example() -> None:
    asked = read_recipe(EXAMPLE, network="MITO")
    ours = labels.recipe_of("MITO")
    assert ours.network == asked.network
    assert ours.schedule == asked.schedule
    assert ours.loss == asked.loss
    assert (ours.fields.count, ours.fields.shape) == (0, asked.fields.shape)


def test_training_runs_only_on_request() -> None:
    assert "labels" in ON_REQUEST
    assert "labels" not in TOPICS


def test_probe_labels_are_near_the_truth_and_a_share_is_found() -> None:
    with closing(Networks()) as networks:
        control, cell = probed_cells(60_300, ("", "mitochondria"), 128)
        np.testing.assert_array_equal(
            control.seen.truth["lipid_droplet"], cell.seen.truth["lipid_droplet"]
        )
        label = labels.labelled(cell, *networks.get("FG"), networks.get("LD"))
        masks = labels.masks_of(control.seen, *networks.get("LD"))
    assert Counts.of(label, cell.seen.truth["mitochondria"]).f1 > 0.6
    for added in (0.0, 0.2):
        found = validation.share([(control, masks)], added)
        assert found.share == pytest.approx(added, abs=0.03)
