"""The raw image: durable when the call returns, and honest about itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from storage_helpers import SHAPE, make_info, make_stack

from livesr.errors import StorageError
from livesr.storage.image import ImageWriter
from livesr.storage.space import check_space, space_needed

if TYPE_CHECKING:
    from pathlib import Path


def create(path: Path, **changes: float) -> ImageWriter:
    return ImageWriter.create(path, make_info(**changes), name="test")  # type: ignore[arg-type]


def test_stacks_are_readable_as_soon_as_the_call_returns(tmp_path: Path) -> None:
    writer = create(tmp_path / "image.ome.zarr")
    assert writer.shape == (5, *SHAPE)
    for t in (0, 2, 1):
        data = make_stack(t)
        writer.write_raw(t, data)
        data[...] = 0  # the caller may use its array again
        array = zarr.open_array(tmp_path / "image.ome.zarr" / "0", mode="r")
        assert np.array_equal(array[t], make_stack(t))
    writer.close()


def test_one_chunk_a_plane_one_file_a_stack_of_a_channel(tmp_path: Path) -> None:
    writer = create(tmp_path / "image.ome.zarr")
    writer.write_raw(0, make_stack(0))
    array = zarr.open_array(tmp_path / "image.ome.zarr" / "0", mode="r")
    assert array.chunks == (1, 1, 1, 24, 32)
    assert array.shards == (1, 1, 3, 24, 32)
    files = [p for p in (tmp_path / "image.ome.zarr" / "0" / "c").rglob("*") if p.is_file()]
    assert len(files) == 2
    (codec,) = array.metadata.to_dict()["codecs"]
    assert "lz4" in json.dumps(codec, default=str)


def test_metadata_says_channels_units_and_what_is_assumed(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.zarr"
    note = {"session": "night", "calibration": "none", "simulated": True}
    given = note | {"objective": np.int64(60)}
    writer = ImageWriter.create(path, make_info(), name="night", attributes=given)
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    ome = attributes["ome"]
    (multiscale,) = ome["multiscales"]
    assert [axis.get("unit") for axis in multiscale["axes"]] == ["second", None] + [
        "micrometer"
    ] * 3
    (transform,) = multiscale["datasets"][0]["coordinateTransformations"]
    assert transform["scale"] == [30.0, 1.0, 0.3, 0.0668, 0.0668]
    assert [c["label"] for c in ome["omero"]["channels"]] == ["yellow", "red"]
    assert [c["color"] for c in ome["omero"]["channels"]] == ["FFD92F", "E41A1C"]
    assert attributes["livesr"] == note | {"objective": 60}
    writer.close()


def test_no_interval_and_a_single_plane_never_give_a_scale_of_zero(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.zarr"
    shape = (1, 1, 24, 32)
    info = make_info(shape=shape, interval_s=0.0, z_step_um=0.0)
    writer = ImageWriter.create(path, info, name="test")
    writer.write_raw(0, make_stack(0, shape))
    writer.close()
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    dataset = attributes["ome"]["multiscales"][0]["datasets"][0]
    assert dataset["coordinateTransformations"][0]["scale"] == [1.0, 1.0, 1.0, 0.0668, 0.0668]
    assert "planes.parquet" in attributes["livesr"]["time_scale"]
    assert "single plane" in attributes["livesr"]["z_scale"]


def test_display_windows_come_from_the_data(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.zarr"
    writer = create(path)
    stack = np.full(SHAPE, 100, np.uint16)
    stack[0, :, 8:16] = 900
    writer.write_raw(0, stack)
    writer.close()
    writer.close()
    channels = zarr.open_group(path, mode="r").attrs["ome"]["omero"]["channels"]
    assert channels[0]["window"] == {"start": 100.0, "min": 0.0, "end": 900.0, "max": 65535.0}
    assert channels[1]["window"]["end"] > channels[1]["window"]["start"]


def test_going_on_after_a_close_and_trimming(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.zarr"
    writer = create(path)
    writer.write_raw(0, make_stack(0))
    writer.close()
    (path / "0" / "c" / "1" / "0" / "0" / "0").mkdir(parents=True)
    (path / "0" / "c" / "1" / "0" / "0" / "0" / "0.__lock").write_bytes(b"left by a kill")
    writer = ImageWriter.open(path)
    assert not list(path.rglob("*.__lock"))
    writer.write_raw(1, make_stack(1))
    writer.trim(2)
    writer.close()
    array = zarr.open_array(path / "0", mode="r")
    assert array.shape == (2, *SHAPE)
    assert all(np.array_equal(array[t], make_stack(t)) for t in range(2))


def test_a_time_point_beyond_the_plan_makes_the_image_longer(tmp_path: Path) -> None:
    writer = create(tmp_path / "image.ome.zarr", timepoints=1)
    writer.write_raw(0, make_stack(0))
    writer.write_raw(3, make_stack(3))
    assert writer.shape == (4, *SHAPE)
    array = zarr.open_array(tmp_path / "image.ome.zarr" / "0", mode="r")
    assert np.array_equal(array[3], make_stack(3))
    assert np.array_equal(array[0], make_stack(0))


@pytest.mark.parametrize("shape", [(2, 3, 24, 31), (1, 3, 24, 32), (3, 24, 32)])
def test_a_stack_of_another_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    writer = create(tmp_path / "image.ome.zarr")
    with pytest.raises(StorageError, match="the stack of t 0"):
        writer.write_raw(0, np.zeros(shape, np.uint16))
    with pytest.raises(StorageError, match="float32"):
        writer.write_raw(0, np.zeros(SHAPE, np.float32))  # type: ignore[arg-type]


def test_an_image_with_data_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.zarr"
    writer = create(path)
    create(path)  # nothing in it yet: a creation that was cut short
    writer = create(path)
    writer.write_raw(0, make_stack(0))
    with pytest.raises(StorageError, match="there is an image already"):
        create(path)
    other = tmp_path / "photographs"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"dear")
    with pytest.raises(StorageError):
        create(other)
    assert (other / "holiday.jpg").exists()


def test_a_creation_cut_short_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "image.ome.zarr"
    create(path)
    (path / "0" / "zarr.json").unlink()
    with pytest.raises(StorageError, match="cannot be opened"):
        ImageWriter.open(path)
    create(path).write_raw(0, make_stack(0))


def test_opening_what_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no readable OME-Zarr"):
        ImageWriter.open(tmp_path)


def test_space_is_checked_before_anything_is_created(tmp_path: Path) -> None:
    info = make_info(shape=(2, 24, 1200, 1200), timepoints=100)
    raw = 100 * 2 * 24 * 1200 * 1200 * 2
    assert space_needed(info, 0) == pytest.approx(raw, rel=0.01)
    assert space_needed(info, 15) == pytest.approx(raw * (1 + 15 / 32), rel=0.01)
    assert space_needed(info, 0, slots=4) - space_needed(info, 0) == 4 * raw // 100
    check_space(tmp_path / "not" / "yet", 1000)
    with pytest.raises(StorageError, match=r"needs up to 1000000\.0 GB"):
        check_space(tmp_path, 10**15)
