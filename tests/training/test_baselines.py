from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracles import CAMERA, VOXEL, package, squares

from livesr.calibration.warp import target_grid
from livesr.catalog import NAMES
from livesr.training.evaluation.baselines import RANGES, Baselines, baseline_images
from livesr.training.evaluation.forest import ForestPlan, PixelForest, training_voxels
from livesr.training.labelled import features_of, pixel_images
from livesr.types import Features


def test_baseline_images_lie_on_the_camera() -> None:
    network = target_grid(CAMERA, VOXEL)
    ramp = np.broadcast_to(np.arange(network.shape[2], dtype=np.float32), (2, *network.shape))
    images = baseline_images(Features(ramp.copy(), network, has_ratio=True), CAMERA)
    assert set(images) == {f"{key} {how}" for key in RANGES for how in ("plain", "smooth")}
    for image in images.values():
        assert image.shape == CAMERA.shape
        expected = (np.arange(48) + 0.5) * 0.668 - 0.5
        assert np.allclose(image[0, 24, 8:40], expected[8:40], atol=0.02)


def test_a_threshold_needs_the_image_that_tells() -> None:
    stack = squares()
    data = stack.data.copy()
    data[0] += 400
    data[1] += 200
    data[1, stack.truth["golgi"]] += 400
    data[0, stack.truth["golgi"]] -= 400
    coloured = replace(stack, data=data)
    features = features_of(coloured, package())
    both, alone = Baselines(NAMES), Baselines(NAMES, ("intensity",))
    for baselines in (both, alone):
        baselines.add(coloured, features)
    assert both.scores("golgi")["threshold_f1"] > 0.8 > 0.4 > alone.scores("golgi")["threshold_f1"]
    assert both.scores("lipid_droplet")["threshold_f1"] > 0.8
    assert "forest_f1" not in both.scores("golgi")


def test_a_forest_is_scored_where_the_truth_is_known() -> None:
    pytest.importorskip("sklearn")
    stack = squares()
    plan = ForestPlan(trees=3, positives=50, others=100, scored=2000)
    images = pixel_images(stack)
    rng = np.random.default_rng(60_000)
    names = ("lipid_droplet", "golgi")
    forest = PixelForest(names, 2, plan)
    masks = [stack.truth[name] for name in names]
    forest.fit([training_voxels(images, masks, stack.grid, plan, rng)])
    baselines = Baselines(names, forest=forest)
    known = replace(stack, truth={"lipid_droplet": stack.truth["lipid_droplet"]})
    baselines.add(known, features_of(known, package()))
    assert baselines.scores("lipid_droplet")["forest_f1"] > 0.8
    assert baselines.scores("golgi")["forest_f1"] == 0.0
