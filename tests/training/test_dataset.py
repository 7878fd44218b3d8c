"""A data set: what is written reads back, in other programs too, and damage is told at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import yaml

from livesr.calibration.warp import ChromaticModel
from livesr.errors import StorageError
from livesr.training.labelled import LabelledStack
from livesr.training.labels import dataset
from livesr.training.labels.dataset import FILE, open_dataset, read_dataset, write_sample
from livesr.training.labels.records import Colocalisation, Label
from livesr.types import Grid

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid((3, 20, 24), (0.3, 0.0668, 0.0668))
CHROMATIC = ChromaticModel.identity().shifted(0.1, 0.05, -0.05)


def stack(name: str = "cell-1", grid: Grid = GRID) -> LabelledStack:
    rng = np.random.default_rng(60_000)
    truth = {"golgi": rng.random(grid.shape) > 0.8, "nucleus": np.zeros(grid.shape, bool)}
    counts = rng.integers(90, 900, (2, *grid.shape)).astype(np.uint16)
    return LabelledStack(counts, grid, 101.0, CHROMATIC, truth, name)


def written(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / FILE).read_text("utf-8"))
    return content


@pytest.mark.parametrize("grid", [GRID, Grid((1, 20, 24), (1.0, 0.0668, 0.0668))])
def test_a_sample_reads_back(tmp_path: Path, grid: Grid) -> None:
    put = stack(grid=grid)
    write_sample(tmp_path, put, sources=["day.stk"])
    assert open_dataset(tmp_path).structures == ("golgi", "nucleus")
    (got,) = read_dataset(tmp_path)
    np.testing.assert_array_equal(got.data, put.data)
    assert (got.grid, got.offset, got.chromatic, got.name) == (grid, 101.0, CHROMATIC, "cell-1")
    for name, mask in put.truth.items():
        np.testing.assert_array_equal(got.truth[name], mask)


def test_the_file_says_how_each_label_was_made_and_what_is_known(tmp_path: Path) -> None:
    how = Label(
        made="colocalisation",
        source="green.tif",
        colocalisation=Colocalisation(
            share=0.2, foreground="FG", foreground_sha256="ab", lipid_droplet="LD"
        ),
    )
    first = stack()
    write_sample(tmp_path, first, {"golgi": how}, sources=["a.tif", "b.tif"])
    write_sample(tmp_path, replace(stack("cell-2"), truth={"nucleus": first.truth["nucleus"]}))
    one, two = written(tmp_path)["samples"]
    assert one["labels"]["golgi"]["colocalisation"]["foreground"] == "FG"
    assert one["labels"]["golgi"]["voxels"] == np.count_nonzero(first.truth["golgi"])
    assert one["labels"]["nucleus"] == {"voxels": 0, "made": "manual", "source": ""}
    assert one["sources"] == ["a.tif", "b.tif"]
    assert list(two["labels"]) == ["nucleus"]
    # what is not listed is not known, which is not empty
    assert [set(sample.truth) for sample in read_dataset(tmp_path)] == [
        {"golgi", "nucleus"},
        {"nucleus"},
    ]


def test_green_is_kept_and_networks_do_not_see_it(tmp_path: Path) -> None:
    put = stack()
    green = put.data[0] + np.uint16(1)
    write_sample(tmp_path, put, green=green)
    made = open_dataset(tmp_path)
    np.testing.assert_array_equal(made.image(made.samples[0])[2], green)
    (got,) = read_dataset(tmp_path)
    np.testing.assert_array_equal(got.data, put.data)


def test_yellow_and_green_without_red(tmp_path: Path) -> None:
    put = replace(stack(), data=stack().data[:1])
    write_sample(tmp_path, put, green=put.data[0] + np.uint16(1))
    assert open_dataset(tmp_path).samples[0].channels == ("yellow", "green")
    (got,) = read_dataset(tmp_path)
    np.testing.assert_array_equal(got.data, put.data)


def test_other_programs_read_image_and_masks(tmp_path: Path) -> None:
    put = stack()
    write_sample(tmp_path, put)
    with tifffile.TiffFile(tmp_path / "cell-1" / "image.ome.tif") as file:
        assert file.is_ome
        assert 'Name="yellow"' in file.ome_metadata
        np.testing.assert_array_equal(np.squeeze(file.asarray()), put.data)
    mask = tifffile.imread(tmp_path / "cell-1" / "labels" / "golgi.ome.tif")
    np.testing.assert_array_equal(np.squeeze(mask), put.truth["golgi"])


def test_names_are_given_once(tmp_path: Path) -> None:
    write_sample(tmp_path, stack())
    with pytest.raises(StorageError, match="sample cell-1 already"):
        write_sample(tmp_path, stack())


def test_an_interrupted_sample_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(tmp_path, stack())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset, "replace_text", killed)
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, stack("cell-2"))
    monkeypatch.undo()
    assert [sample.name for sample in open_dataset(tmp_path).samples] == ["cell-1"]
    write_sample(tmp_path, stack("cell-2"))  # what was left under the name is replaced
    assert len(open_dataset(tmp_path).samples) == 2


def test_a_full_disk_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "free_bytes", lambda _: 1000)
    with pytest.raises(StorageError, match="needs up to 1 MB, the disk has 0 MB"):
        write_sample(tmp_path, stack())
    monkeypatch.undo()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset.TiffSeries, "write", full)
    with pytest.raises(OSError, match="No space"):
        write_sample(tmp_path, stack())
    assert list(tmp_path.iterdir()) == []


def test_every_damage_is_told_at_once(tmp_path: Path) -> None:
    write_sample(tmp_path, stack())
    write_sample(tmp_path, stack("cell-2"))
    (tmp_path / "cell-1" / "labels" / "golgi.ome.tif").unlink()
    image = tmp_path / "cell-2" / "image.ome.tif"
    image.write_bytes(image.read_bytes()[:2000])
    with pytest.raises(StorageError) as caught:
        open_dataset(tmp_path)
    assert "cell-1, golgi: there is no such mask" in caught.value.what
    assert "cell-2, image:" in caught.value.what


def test_files_that_are_not_what_the_list_says(tmp_path: Path) -> None:
    write_sample(tmp_path, stack())
    content = written(tmp_path)
    content["samples"][0]["labels"]["golgi"]["voxels"] += 1
    content["samples"][0]["voxel_um"] = [0.3, 0.1, 0.1]
    (tmp_path / FILE).write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(StorageError) as caught:
        open_dataset(tmp_path)
    assert "voxels of (0.3, 0.0668, 0.0668) µm" in caught.value.what
    content["samples"][0]["voxel_um"] = list(GRID.voxel_um)
    (tmp_path / FILE).write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(StorageError, match=r"voxels, dataset\.yaml says"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("format: 2", "format"),
        ("format: 1\nsamples: [{name: a}]", "channels"),
        ("{", "YAML"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(StorageError, match=word):
        open_dataset(tmp_path)


def test_unknown_structures_are_refused_with_the_nearest(tmp_path: Path) -> None:
    write_sample(tmp_path, stack())
    text = (tmp_path / FILE).read_text("utf-8").replace("golgi:", "golgy:")
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(StorageError, match="did you mean golgi"):
        open_dataset(tmp_path)


def test_another_folder_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no data set"):
        open_dataset(tmp_path)
