"""Other programs take the files: yaozarrs, ome-zarr-models, ome-zarr-py (which napari reads by)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from storage_helpers import STRUCTURES, make_info, make_masks, make_stack

from livesr import catalog
from livesr.storage.image import ImageWriter
from livesr.storage.labels import LabelWriter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of three planned stacks of which two were taken, with masks of the first."""
    path = tmp_path_factory.mktemp("session") / "image.ome.zarr"
    info = make_info(timepoints=3)
    raw = ImageWriter.create(path, info, name="night", attributes={"simulated": True})
    labels = LabelWriter.create(path, STRUCTURES, info.grid, 3, interval_s=info.interval_s)
    for t in range(2):
        raw.write_raw(t, make_stack(t))
    labels.write(0, make_masks(0, info.grid))
    raw.trim(2)
    labels.trim(2)
    raw.close()
    labels.close()
    return path


def test_yaozarrs_validates(image: Path) -> None:
    yaozarrs = pytest.importorskip("yaozarrs")
    yaozarrs.validate_zarr_store(image)
    for name in STRUCTURES:
        yaozarrs.validate_zarr_store(image / "labels" / name)


def test_ome_zarr_models_validates(image: Path) -> None:
    models = pytest.importorskip("ome_zarr_models.v05")
    group = models.Image.from_zarr(zarr.open_group(image, mode="r"))
    (multiscale,) = group.ome_attributes.multiscales
    assert [axis.name for axis in multiscale.axes] == list("tczyx")
    assert tuple(group.labels.ome_attributes.labels) == STRUCTURES
    for name in STRUCTURES:
        label = models.ImageLabel.from_zarr(zarr.open_group(image / "labels" / name, mode="r"))
        (color,) = label.attributes.ome.image_label.colors
        assert color.label_value == 1


def test_ome_zarr_py_reads_image_masks_and_colours(image: Path) -> None:
    io = pytest.importorskip("ome_zarr.io")
    reader = pytest.importorskip("ome_zarr.reader")
    nodes = list(reader.Reader(io.parse_url(image))())
    raw = nodes[0]
    assert np.array_equal(np.asarray(raw.data[0][1]), make_stack(1))
    assert raw.metadata["channel_names"] == ["yellow", "red"]
    masks = {node.metadata["name"]: node for node in nodes if node.data and node is not raw}
    assert set(masks) == set(STRUCTURES)
    expected = make_masks(0, make_info().grid).volumes
    for name, node in masks.items():
        assert np.array_equal(np.asarray(node.data[0][0]), expected[name])
        rgba = [*bytes.fromhex(catalog.structure(name).color), 255]
        assert node.metadata["color"] == {1: [value / 255 for value in rgba]}
        assert node.metadata["properties"][1]["go"] == catalog.structure(name).go
