from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.catalog import NAMES
from livesr.errors import ConfigError
from livesr.training.plan import Recipe, Schedule
from livesr.training.recipe import dump_recipe, read_recipe, recipe_from

if TYPE_CHECKING:
    from pathlib import Path


def test_recipe_survives_yaml(tmp_path: Path) -> None:
    recipe = Recipe("ALL", schedule=Schedule(steps=3, patch=(8, 32, 32)))
    path = tmp_path / "recipe.yaml"
    path.write_text(dump_recipe(recipe), encoding="utf-8")
    assert read_recipe(path) == recipe


def test_missing_keys_keep_their_defaults() -> None:
    assert recipe_from({"name": "ALL", "schedule": {"steps": 7}}) == Recipe(
        "ALL", schedule=Schedule(steps=7)
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "name"),
        ([1], "recipe"),
        ({"name": "my net"}, "cannot be called 'my net'"),
        ({"name": "A", "schedule": {"stepz": 3}}, "schedule.stepz: there is no such key"),
        ({"name": "A", "network": {"dims": "4d"}}, "network.dims"),
        ({"name": "A", "sampling": {"golgy": 1.0}}, "unknown structures: golgy"),
        ({"name": "A", "schedule": {"patch": [24, 192]}}, "schedule.patch"),
    ],
)
def test_wrong_recipes_are_told_where(data: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe_from(data)


@pytest.mark.parametrize("text", [b"a: [1", b"\xff\xfe\x00", None])
def test_unreadable_recipes_are_refused(tmp_path: Path, text: bytes | None) -> None:
    path = tmp_path / "recipe.yaml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read_recipe(path)
    assert str(path) in caught.value.where


def test_the_defaults_are_the_papers() -> None:
    plan = Schedule()
    assert (plan.optimizer, plan.learning_rate, plan.shape) == ("adam", 1e-4, "plateau")
    assert plan.patch == (24, 256, 256)
    assert Recipe("A").loss.dice == 0.0


def test_one_of_the_papers_networks_has_its_own_outputs_and_folders(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("{name: '{network}', run: 'runs/{network}', initial: ALL}", encoding="utf-8")
    recipe = read_recipe(path, network="ER")
    assert (recipe.name, recipe.run) == ("ER", "runs/ER")
    (head,) = recipe.network.heads
    assert head.structures == ("er", "nuclear_membrane", "nuclear_reticulum")
    assert (head.activation, head.background) == ("softmax", True)
    volume = read_recipe(path, network="VOLUME").network.heads[0]
    assert not volume.background
    with pytest.raises(ConfigError, match="no network 'LDD'"):
        read_recipe(path, network="LDD")
    with pytest.raises(ConfigError, match="one network at a time"):
        read_recipe(path)


def test_a_fine_tuning_takes_the_form_of_its_package(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: MINE", encoding="utf-8")
    recipe = read_recipe(path, start="ALL2D")
    assert recipe.initial == "ALL2D"
    assert recipe.network.dims == "2d"
    assert recipe.network.structures == NAMES


@pytest.mark.parametrize("name", ["train-all.yaml", "train-all2d.yaml", "fine-tune.yaml"])
def test_shipped_recipes_are_valid_and_keep_to_the_training_seeds(name: str) -> None:
    from pathlib import Path

    import livesr

    path = Path(livesr.__file__).parents[1] / "examples" / name
    if not path.exists():
        pytest.skip("examples do not travel with an installed livesr")
    fields = read_recipe(path).fields
    assert fields.seeds + fields.count <= 60_000
    assert 65_000 <= fields.validation_seeds <= 70_000 - fields.validation_count
