from __future__ import annotations

import numpy as np
import pytest

from livesr.catalog import NAMES
from livesr.errors import ConfigError
from livesr.simulator.parameters import parameters
from livesr.training.evaluation.published import published
from livesr.training.evaluation.samples import SimulatedCells


def test_simulated_cells_are_made_as_asked() -> None:
    cells = SimulatedCells(range(60_006, 60_008), "oil", (3, 64, 64))
    first, second = cells
    assert len(cells) == 2
    assert (first.name, second.name) == ("oil 60006", "oil 60007")
    assert not np.array_equal(first.data, second.data)
    about = cells.about()
    assert about["seeds"] == [60_006, 60_007]
    assert about["simulator"]["hash"] == parameters("oil").hash()


def test_what_cannot_be_simulated_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="no seeds"):
        SimulatedCells([])
    with pytest.raises(ConfigError, match="no such preset"):
        SimulatedCells([60_000], "standart")
    with pytest.raises(ConfigError):
        SimulatedCells([60_000], changes='{"er.mash_um": [1, 2]}')


def test_the_papers_figures() -> None:
    assert {name: published(name)["moc"] for name in NAMES} == {
        **dict.fromkeys(NAMES, 0.5),
        **dict.fromkeys(("er", "lipid_droplet", "cytosol", "nucleus", "extracellular"), 0.7),
        "golgi": 0.61,
    }
    assert all(published(name)["pixel_accuracy"] == 0.917 for name in NAMES)
    f1 = {name: published(name).get("f1") for name in NAMES}
    assert {k: v for k, v in f1.items() if v} == {"early_endosome": 0.59, "mitochondria": 0.63}
    assert published("early_endosome", without_ratio=True) == {"f1": 0.43}
    assert published("foreground") == {}
