"""Label images of any numbers and images without noise, as OME-Zarr and as OME-TIFF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import zarr
from storage_helpers import STRUCTURES, make_info, make_masks, make_stack

from livesr.errors import StorageError
from livesr.storage.image import ImageWriter
from livesr.storage.labels import LabelWriter, label_names
from livesr.storage.ngff import read_attributes
from livesr.storage.ome_tiff import TiffSeries
from livesr.storage.recording import open_recording
from livesr.storage.truth import create_clean_image, create_label_image

if TYPE_CHECKING:
    from pathlib import Path

INFO = make_info(timepoints=2)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.ome.zarr"
    writer = ImageWriter.create(path, INFO, name="test")
    writer.write_raw(0, make_stack(0))
    writer.close()
    labels = LabelWriter.create(path, STRUCTURES, INFO.grid, 2, interval_s=30.0)
    labels.write(0, make_masks(0, INFO.grid))
    labels.close()
    return path


def identities(t: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    rng = np.random.default_rng(62_000 + t)
    return rng.integers(0, 2**31 - 1, INFO.grid.shape, dtype=np.int32)


def test_labels_of_objects_stand_beside_the_masks(image: Path) -> None:
    writer = create_label_image(
        image, "golgi_identity", "int32", INFO.grid, 2, interval_s=30.0,
        colors={5: "FF8000"}, names={5: "five"},
    )  # fmt: skip
    for t in range(2):
        writer.write(t, identities(t))
    stored = zarr.open_array(image / "labels" / "golgi_identity" / "0", mode="r")
    for t in range(2):
        np.testing.assert_array_equal(stored[t], identities(t))
    assert label_names(image) == (*STRUCTURES, "golgi_identity")
    look = read_attributes(image / "labels" / "golgi_identity")["ome"]["image-label"]
    assert look["colors"] == [{"label-value": 5, "rgba": [255, 128, 0, 255]}]
    assert look["properties"] == [{"label-value": 5, "name": "five"}]


def test_other_programs_take_them(image: Path) -> None:
    models = pytest.importorskip("ome_zarr_models.v05")
    create_label_image(image, "exclusive", "uint8", INFO.grid, 2, interval_s=30.0)
    group = models.Image.from_zarr(zarr.open_group(image, mode="r"))
    assert "exclusive" in group.labels.ome_attributes.labels
    models.ImageLabel.from_zarr(zarr.open_group(image / "labels" / "exclusive", mode="r"))


def test_a_name_is_taken_once(image: Path) -> None:
    create_label_image(image, "exclusive", "uint8", INFO.grid, 2, interval_s=0.0)
    with pytest.raises(StorageError, match="of this name"):
        create_label_image(image, "exclusive", "uint8", INFO.grid, 2, interval_s=0.0)


def test_what_does_not_fit_is_refused(image: Path) -> None:
    writer = create_label_image(image, "exclusive", "uint8", INFO.grid, 2, interval_s=0.0)
    with pytest.raises(StorageError, match="expected uint8"):
        writer.write(0, identities(0))


def test_light_is_kept_to_the_last_bit(tmp_path: Path) -> None:
    writer = create_clean_image(tmp_path / "clean.ome.zarr", INFO, name="test")
    light = np.random.default_rng(62_000).uniform(0, 1e4, INFO.shape).astype(np.float32)
    writer.write(1, light)
    stored = zarr.open_array(tmp_path / "clean.ome.zarr" / "0", mode="r")
    assert stored.shape == (2, *INFO.shape)
    np.testing.assert_array_equal(stored[1], light)


def counts_tiff(path: Path, identity: str = "one") -> Path:
    series = TiffSeries(
        path, (2, *INFO.shape), "uint16", INFO.grid,
        interval_s=30.0, channels=INFO.channels, identity=identity,
    )  # fmt: skip
    for t in range(2):
        series.write(t, make_stack(t))
    series.close()
    return path


def test_a_tiff_of_counts_can_be_played(tmp_path: Path) -> None:
    with open_recording(counts_tiff(tmp_path / "image.ome.tif")) as recording:
        assert recording.shape == (2, *INFO.shape)
        assert recording.channels == ("yellow", "red")
        assert recording.pixel_um == pytest.approx(0.0668)
        assert recording.z_step_um == pytest.approx(0.3)
        assert recording.interval_s == pytest.approx(30.0)
        np.testing.assert_array_equal(recording.plane(1, 1, 2), make_stack(1)[1, 2])


def test_equal_recordings_make_equal_files(tmp_path: Path) -> None:
    one, two, other = (
        counts_tiff(tmp_path / f"{k}.ome.tif", identity).read_bytes()
        for k, identity in enumerate(("one", "one", "two"))
    )
    assert one == two
    assert one != other


def test_labels_are_small_as_tiff(tmp_path: Path) -> None:
    mask = np.zeros(INFO.grid.shape, np.uint8)
    mask[1, 4:9] = 1
    path = tmp_path / "er.ome.tif"
    series = TiffSeries(path, (2, *mask.shape), "uint8", INFO.grid, compressed=True)
    series.write(0, mask)
    series.write(1, 1 - mask)
    series.close()
    with tifffile.TiffFile(path) as file:
        assert file.series[0].axes == "TZYX"
        np.testing.assert_array_equal(file.asarray(), [mask, 1 - mask])
    assert path.stat().st_size < 2 * mask.size


def test_a_tiff_is_not_overwritten(tmp_path: Path) -> None:
    path = counts_tiff(tmp_path / "image.ome.tif")
    with pytest.raises(StorageError, match="already"):
        counts_tiff(path)
