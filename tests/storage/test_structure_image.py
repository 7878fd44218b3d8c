"""Images with a channel a structure: probabilities, masks × intensity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
import zarr
from storage_helpers import STRUCTURES, make_info

from livesr import catalog
from livesr.errors import StorageError
from livesr.storage.folder import MASKED, PROBABILITY, beside_path, image_number
from livesr.storage.space import space_beside
from livesr.storage.structure_image import StructureImageWriter
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRID = Grid((4, 16, 21), (0.3, 0.1, 0.1))


def create(path: Path, dtype: Literal["uint8", "uint16"] = "uint8") -> StructureImageWriter:
    return StructureImageWriter.create(
        path, STRUCTURES, GRID, 3, dtype, name="probability", interval_s=30.0, brightest=255,
        attributes={"package": "ALL"},
    )  # fmt: skip


def volumes(t: int, dtype: str = "uint8") -> list[np.ndarray]:
    rng = np.random.default_rng(60_020 + t)
    return [rng.integers(0, 255, GRID.shape).astype(dtype) for _ in STRUCTURES]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_is_written_stands_there_with_scale_and_names(
    tmp_path: Path, dtype: Literal["uint8", "uint16"]
) -> None:
    path = tmp_path / "probability.ome.zarr"
    writer = create(path, dtype)
    writer.write(1, volumes(1, dtype))
    array = zarr.open_array(path / "0", mode="r")
    assert array.shape == (3, 3, *GRID.shape)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array[1], volumes(1, dtype))
    assert not array[0].any()
    attributes = zarr.open_group(path, mode="r").attrs
    ome = attributes["ome"]
    (transform,) = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    assert transform["scale"] == [30.0, 1.0, *GRID.voxel_um]
    assert [c["label"] for c in ome["omero"]["channels"]] == list(STRUCTURES)
    assert [c["color"] for c in ome["omero"]["channels"]] == [
        catalog.structure(name).color for name in STRUCTURES
    ]
    assert attributes["livesr"]["package"] == "ALL"


def test_volumes_are_asked_for_one_at_a_time(tmp_path: Path) -> None:
    """Fifteen volumes of a large stack would not fit into memory together."""
    path = tmp_path / "masked.ome.zarr"
    writer = create(path)
    shown: list[int] = []

    def made() -> Iterator[np.ndarray]:
        for k, volume in enumerate(volumes(0)):
            shown.append(int(zarr.open_array(path / "0", mode="r")[0].any(axis=(1, 2, 3)).sum()))
            assert shown[-1] == k, "the volume before stands on disk"
            yield volume

    writer.write(0, made())
    assert shown == [0, 1, 2]


def test_going_on_trimming_and_writing_again(tmp_path: Path) -> None:
    path = tmp_path / "probability.ome.zarr"
    create(path).write(0, volumes(0))
    writer = StructureImageWriter.open(path)
    writer.write(0, volumes(9))
    writer.write(4, volumes(4))  # beyond the plan
    assert writer.shape[0] == 5
    writer.trim(1)
    array = zarr.open_array(path / "0", mode="r")
    assert array.shape[0] == 1
    np.testing.assert_array_equal(array[0], volumes(9))
    writer.show_up_to(77.0)
    channels = zarr.open_group(path, mode="r").attrs["ome"]["omero"]["channels"]
    assert {channel["window"]["end"] for channel in channels} == {77.0}


def test_an_image_is_never_written_over_and_half_a_one_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import livesr.storage.structure_image as module

    path = tmp_path / "probability.ome.zarr"

    def dies(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "sync_groups", dies)
    with pytest.raises(KeyboardInterrupt):
        create(path)
    assert not path.exists()
    monkeypatch.undo()
    create(path).write(0, volumes(0))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    with pytest.raises(StorageError, match="an image already"):
        create(path)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    writer = create(tmp_path / "probability.ome.zarr")
    with pytest.raises(StorageError, match="the image takes uint8"):
        writer.write(0, [np.zeros(GRID.shape, np.uint16)] * 3)
    with pytest.raises(StorageError, match=r"\(4, 16, 22\)"):
        writer.write(0, [np.zeros((4, 16, 22), np.uint8)] * 3)


def test_other_programs_read_it(tmp_path: Path) -> None:
    yaozarrs = pytest.importorskip("yaozarrs")
    models = pytest.importorskip("ome_zarr_models.v05")
    io, reader = pytest.importorskip("ome_zarr.io"), pytest.importorskip("ome_zarr.reader")
    path = tmp_path / "probability.ome.zarr"
    create(path).write(2, volumes(2))
    yaozarrs.validate_zarr_store(path)
    group = models.Image.from_zarr(zarr.open_group(path, mode="r"))
    assert [axis.name for axis in group.ome_attributes.multiscales[0].axes] == list("tczyx")
    (node,) = reader.Reader(io.parse_url(path))()
    np.testing.assert_array_equal(np.asarray(node.data[0][2]), volumes(2))
    assert node.metadata["channel_names"] == list(STRUCTURES)


def test_names_beside_the_image_are_not_taken_for_images(tmp_path: Path) -> None:
    assert beside_path(tmp_path, MASKED, 0).name == "masked.ome.zarr"
    path = beside_path(tmp_path, PROBABILITY, 2)
    assert path.name == "probability-2.ome.zarr"
    assert image_number(path) is None


def test_room_is_counted_for_what_is_asked_for() -> None:
    info = make_info(timepoints=10)
    assert space_beside(info, 15, probability=None, masked=None) == 0
    voxels = 4 * 16 * 21
    assert space_beside(info, 15, probability=GRID, masked=None) >= 10 * 15 * voxels / 10
    assert space_beside(info, 1, probability=None, masked=GRID) == 10 * 2 * voxels
