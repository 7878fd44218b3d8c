"""A simulated recording on disk: both formats hold the same, and `livesr run` takes it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
import tifffile
import yaml
import zarr

from livesr.calibration.profile import load_profile
from livesr.catalog import NAMES
from livesr.config import read_session
from livesr.errors import StorageError
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.recordings.files import Contents, begin_recording
from livesr.simulator.recordings.instrument import Instrument, Setup
from livesr.simulator.recordings.sidecars import (
    write_calibration,
    write_session,
    write_table,
    write_yaml,
)
from livesr.storage.ngff import read_attributes
from livesr.storage.recording import open_recording

if TYPE_CHECKING:
    from pathlib import Path

SETUP = Setup(shape=(40, 48), planes=3)
RNG = np.random.default_rng(60_000)
COUNTS = RNG.integers(90, 3000, (2, 3, 40, 48), dtype=np.uint16)
LIGHT = RNG.uniform(0, 500, COUNTS.shape).astype(np.float32)
MASKS = {name: RNG.uniform(size=COUNTS.shape[1:]) < 0.3 for name in ("er", "golgi")}
LABELS = RNG.integers(0, 16, COUNTS.shape[1:]).astype(np.uint8)


def write(folder: Path, form: Literal["zarr", "tiff"]) -> Path:
    """Write one time point of everything."""
    info = Instrument(SETUP).info(1, 0.0)
    contents = Contents(info, ("er", "golgi"), (("exclusive", "uint8"),), clean=True)
    files = begin_recording(folder, contents, form, "test-60000")
    files.raw(0, COUNTS)
    files.clean(0, LIGHT)
    files.masks(0, MASKS)
    files.numbers(0, "exclusive", LABELS)
    files.close()
    return files.image


@pytest.mark.parametrize("form", ["zarr", "tiff"])
def test_the_image_can_be_played(tmp_path: Path, form: Literal["zarr", "tiff"]) -> None:
    with open_recording(write(tmp_path / "made", form)) as recording:
        assert recording.shape == (1, *COUNTS.shape)
        assert recording.channels == ("yellow", "red")
        assert recording.pixel_um == pytest.approx(0.0668)
        assert recording.z_step_um == pytest.approx(0.3)
        np.testing.assert_array_equal(recording.plane(0, 1, 2), COUNTS[1, 2])


def test_zarr_and_tiff_hold_the_same_truth(tmp_path: Path) -> None:
    image = write(tmp_path / "zarr", "zarr")
    write(tmp_path / "tiff", "tiff")
    expected = {**{n: m.astype(np.uint8) for n, m in MASKS.items()}, "exclusive": LABELS}
    for name, labels in expected.items():
        as_zarr = zarr.open_array(image / "labels" / name / "0", mode="r")[0]
        as_tiff = tifffile.imread(tmp_path / "tiff" / "labels" / f"{name}.ome.tif")
        np.testing.assert_array_equal(as_zarr, labels)
        np.testing.assert_array_equal(as_tiff.reshape(labels.shape), labels)
    clean = zarr.open_array(tmp_path / "zarr" / "clean.ome.zarr" / "0", mode="r")[0]
    np.testing.assert_array_equal(clean, LIGHT)
    tiff = tifffile.imread(tmp_path / "tiff" / "clean.ome.tif")
    np.testing.assert_array_equal(tiff.reshape(LIGHT.shape), LIGHT)


def test_exclusive_labels_are_named_and_coloured_by_the_catalogue(tmp_path: Path) -> None:
    image = write(tmp_path / "made", "zarr")
    look = read_attributes(image / "labels" / "exclusive")["ome"]["image-label"]
    names = {entry["label-value"]: entry["name"] for entry in look["properties"]}
    assert names == dict(enumerate(NAMES, start=1))


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b", "zarr")
    with pytest.raises(StorageError) as error:
        write(tmp_path / "a" / "b", "zarr")
    assert "--out" in str(error.value)


def test_what_does_not_fit_on_the_disk_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livesr.storage.space.free_bytes", lambda _: 1000)
    with pytest.raises(StorageError, match="needs up to"):
        write(tmp_path / "full", "tiff")
    assert not (tmp_path / "full").exists()


def test_tables_have_a_head_even_without_rows(tmp_path: Path) -> None:
    @dataclass
    class Row:
        name: str
        size_um: float

    path = write_table(
        tmp_path / "a.csv", [Row("er", 1 / 3), Row("golgi", float("inf"))], ("name", "size_um")
    )
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["name", "size_um"], ["er", "0.3333333"], ["golgi", "inf"],
        ]  # fmt: skip
    assert write_table(tmp_path / "b.csv", [], ("t", "x")).read_text("utf-8") == "t,x\n"


def test_yaml_holds_plain_values_only(tmp_path: Path) -> None:
    content = {"a": (1, np.float64(2.5)), "setup": SETUP, 3: {"b": None}}
    path = write_yaml(tmp_path / "p.yaml", content, "a comment")
    read = yaml.safe_load(path.read_text("utf-8"))
    assert read["a"] == [1, 2.5]
    assert read["setup"]["shape"] == [40, 48]
    assert read["3"] == {"b": None}
    assert path.read_text("utf-8").startswith("# a comment\n")


def test_a_session_that_runs_on_the_recording_takes_the_calibration(tmp_path: Path) -> None:
    """The chromatic truth fits the recording, and nothing that does not say what it is."""
    image = write(tmp_path / "made", "zarr")
    instrument = Instrument(SETUP)
    info = instrument.info(1, 0.0)
    models = {"red": instrument.models[1]}
    calibration = write_calibration(image.parent / "calibration.yaml", models, SETUP.grid, 60_000)
    session = read_session(write_session(image.parent / "recording.yaml", image, calibration, info))
    profile = load_profile(session.calibration)
    assert profile.models()["red"] == Optics.from_seed(60_000).chromatic
    profile.check(info, session.layout.kind)
    assert session.recording is not None
    assert session.recording.name == "simulated microscope"
    assert [path.name for path in session.recording.paths] == ["image.ome.zarr"]
