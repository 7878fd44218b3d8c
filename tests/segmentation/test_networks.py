"""Which networks a session runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from tiny_network import write_package

from livesr.catalog import NAMES, NETWORKS
from livesr.errors import ConfigError, ModelError
from livesr.segmentation.networks import choose_networks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def package_of(tmp_path: Path) -> Callable[..., str]:
    """Write a tiny package with changes to its ``config.livesr``; returns its folder."""

    def make(name: str, **changes: Any) -> str:
        folder = tmp_path / name
        write_package(folder, np.zeros((2, 2, 1, 1, 1), np.float32))
        path = folder / "rdf.yaml"
        rdf = yaml.safe_load(path.read_text(encoding="utf-8"))
        rdf["config"]["livesr"].update(name=name, **changes)
        path.write_text(yaml.safe_dump(rdf), encoding="utf-8")
        return str(folder)

    return make


def test_one_package_gives_all_that_it_has() -> None:
    networks = choose_networks(["ALL"])
    assert networks.structures == NAMES
    assert [(p.name, names) for p, names in networks.parts] == [("ALL", NAMES)]
    assert networks.name == "ALL"


def test_ten_stands_for_the_papers_networks() -> None:
    networks = choose_networks(["ten"])
    assert [p.name for p in networks.packages] == list(NETWORKS)
    assert sorted(networks.structures) == sorted(NAMES)


def test_the_first_that_knows_a_structure_gives_it() -> None:
    networks = choose_networks(["MITO", "ALL"])
    assert networks.parts[0][1] == ("mitochondria",)
    assert "mitochondria" not in networks.parts[1][1]
    assert len(networks.parts[1][1]) == len(NAMES) - 1
    assert networks.name == "MITO+ALL"


def test_packages_of_which_nothing_is_asked_do_not_run() -> None:
    networks = choose_networks(["ten"], ["lysosome", "er"])
    assert [p.name for p in networks.packages] == ["LYSO", "ER"]
    assert networks.structures == ("lysosome", "er"), "stored as asked for"


def test_a_package_named_twice_runs_once() -> None:
    assert choose_networks(["LD", "ten"], ["lipid_droplet"]).name == "LD"


@pytest.mark.parametrize("names", [["LD"], ["LD", "MITO"]])
def test_a_structure_that_none_gives_is_refused(names: list[str]) -> None:
    with pytest.raises(ConfigError, match="lysosome") as caught:
        choose_networks(names, ["lysosome"])
    assert all(name in caught.value.what for name in names)


def test_networks_of_other_images_are_refused(package_of: Callable[..., str]) -> None:
    images = {"channels": ["intensity", "ratio"], "z_multiple": 4, "xy_multiple": 8}
    other = {**images, "voxel_um": [0.3, 0.2, 0.2], "halo": [1, 1, 1]}
    coarse = package_of("COARSE", input=other)
    with pytest.raises(ConfigError, match="do not see the same images") as caught:
        choose_networks(["ALL", coarse])
    assert "COARSE" in caught.value.what
    with pytest.raises(ConfigError, match="do not see the same images"):
        choose_networks(["ALL", "ALL2D"])


def test_what_makes_labels_is_no_network_of_a_session() -> None:
    with pytest.raises(ModelError, match="colocalisation"):
        choose_networks(["ALL", "FG"])


def test_calibration_and_training_are_those_of_the_package_that_gives_it(
    package_of: Callable[..., str],
) -> None:
    quantities = {"intensity": {"low": 1.0, "middle": 2.0, "high": 3.0, "spread": 1.0}}
    silent = package_of("SILENT")
    sure = package_of(
        "SURE",
        trust={
            "probability": {"lipid_droplet": [1.0, 0.0], "mitochondria": [0.5, -1.0]},
            "seen": {"farthest": 5.0, "quantities": quantities},
        },
    )
    assert choose_networks([silent]).seen() is None
    assert choose_networks([silent]).uncalibrated == ("lipid_droplet", "mitochondria")
    both = choose_networks([silent, sure], ["lipid_droplet"])
    assert both.name == "SILENT"
    assert both.seen() is None, "a package that does not run says nothing"
    one = choose_networks([sure])
    assert one.seen() is not None
    assert not one.uncalibrated
    table = one.tables()["mitochondria"]
    assert table[128] < 128 < choose_networks([silent]).tables()["mitochondria"][129]
