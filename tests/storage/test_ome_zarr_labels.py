"""Masks beside the raw image: on either grid, with metadata that viewers take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from storage_helpers import STRUCTURES, make_info, make_masks, make_stack

from livesr import catalog
from livesr.errors import ConfigError, StorageError
from livesr.storage.image import ImageWriter
from livesr.storage.labels import LabelWriter, label_names
from livesr.types import Grid, Masks, StackIndex

if TYPE_CHECKING:
    from pathlib import Path

CAMERA = make_info().grid
NETWORK = Grid((8, 16, 21), (0.3, 0.1, 0.1))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.ome.zarr"
    writer = ImageWriter.create(path, make_info(), name="test")
    writer.write_raw(0, make_stack(0))
    writer.close()
    return path


def create(image: Path, grid: Grid = CAMERA, timepoints: int = 5) -> LabelWriter:
    return LabelWriter.create(image, STRUCTURES, grid, timepoints, interval_s=30.0)


@pytest.mark.parametrize("grid", [CAMERA, NETWORK], ids=["camera", "network"])
def test_masks_are_readable_as_soon_as_the_call_returns(image: Path, grid: Grid) -> None:
    writer = create(image, grid)
    for t in (1, 0):
        writer.write(t, make_masks(t, grid))
        for name in STRUCTURES:
            array = zarr.open_array(image / "labels" / name / "0", mode="r")
            assert array.shape == (5, *grid.shape)
            assert np.array_equal(array[t], make_masks(t, grid).volumes[name])
    attributes = zarr.open_group(image / "labels" / "er", mode="r").attrs
    dataset = attributes["ome"]["multiscales"][0]["datasets"][0]
    assert dataset["coordinateTransformations"][0]["scale"] == [30.0, *grid.voxel_um]
    writer.close()


def test_writing_masks_leaves_the_raw_image_alone(image: Path) -> None:
    def state() -> dict[str, bytes]:
        files = (path for path in image.rglob("*") if path.is_file())
        return {str(p): p.read_bytes() for p in files if "labels" not in p.parts}

    before = state()
    writer = create(image)
    writer.write(0, make_masks(0, CAMERA))
    writer.trim(1)
    assert state() == before


def test_label_values_are_whole_numbers_with_colour_name_and_ontology(image: Path) -> None:
    create(image)
    for name in STRUCTURES:
        text = (image / "labels" / name / "zarr.json").read_text(encoding="utf-8")
        label = json.loads(text)["attributes"]["ome"]["image-label"]
        structure = catalog.structure(name)
        (color,) = label["colors"]
        (properties,) = label["properties"]
        assert type(color["label-value"]) is int
        assert type(properties["label-value"]) is int
        assert bytes(color["rgba"]).hex().upper() == structure.color + "FF"
        assert (properties["name"], properties["go"]) == (name, structure.go)
        assert label["source"] == {"image": "../../"}


def test_going_on_trimming_and_writing_again(image: Path) -> None:
    create(image).write(0, make_masks(0, CAMERA))
    assert label_names(image) == STRUCTURES
    writer = LabelWriter.open(image)
    assert writer.structures == STRUCTURES
    writer.write(0, make_masks(9, CAMERA))  # a stack segmented again
    writer.write(6, make_masks(6, CAMERA))  # beyond the plan
    assert writer.shape == (7, *CAMERA.shape)
    writer.trim(1)
    array = zarr.open_array(image / "labels" / "er" / "0", mode="r")
    assert array.shape == (1, *CAMERA.shape)
    assert np.array_equal(array[0], make_masks(9, CAMERA).volumes["er"])


def test_an_empty_mask_replaces_an_earlier_one(image: Path) -> None:
    writer = create(image)
    writer.write(0, make_masks(0, CAMERA))
    nothing = {name: np.zeros(CAMERA.shape, np.uint8) for name in STRUCTURES}
    writer.write(0, Masks(nothing, CAMERA, StackIndex(0, 0)))
    assert not zarr.open_array(image / "labels" / "er" / "0", mode="r")[0].any()


def test_labels_are_listed_only_when_they_are_whole(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import livesr.storage.labels as module

    def dies(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_list_labels", dies)
    with pytest.raises(KeyboardInterrupt):
        create(image)
    assert label_names(image) == ()
    with pytest.raises(StorageError, match="no labels"):
        LabelWriter.open(image)
    monkeypatch.undo()
    create(image).write(0, make_masks(0, CAMERA))
    with pytest.raises(StorageError, match="has labels already"):
        create(image)


def test_masks_that_do_not_fit_are_refused_whole(image: Path) -> None:
    writer = create(image)
    masks = make_masks(0, CAMERA)
    for broken in (
        {name: masks.volumes[name] for name in STRUCTURES[:2]},
        masks.volumes | {"er": np.zeros((1, 2, 3), np.uint8)},  # type: ignore[operator]
        masks.volumes | {"er": np.zeros(CAMERA.shape, bool)},  # type: ignore[operator]
    ):
        with pytest.raises(StorageError, match="expected uint8"):
            writer.write(0, Masks(broken, CAMERA, StackIndex(0, 0)))
    assert not zarr.open_array(image / "labels" / STRUCTURES[0] / "0", mode="r")[0].any()


def test_an_unknown_structure_is_told(image: Path) -> None:
    with pytest.raises(ConfigError, match="unknown structure 'mitochondrion'"):
        LabelWriter.create(image, ["mitochondrion"], CAMERA, 2, interval_s=1.0)
    assert not (image / "labels").exists()
