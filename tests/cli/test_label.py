"""``livesr label``: the example runs, and each mistake in a plan is told with its mend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import yaml

from livesr.cli.app import register, run
from livesr.storage.ome_tiff import TiffSeries
from livesr.training.labels import make as labelling
from livesr.training.labels.dataset import open_dataset, read_dataset
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = Path(__file__).parents[2] / "examples" / "label-plan.yaml"
GRID = Grid((4, 48, 56), (0.3, 0.1, 0.1))


@pytest.fixture(autouse=True)
def verbs() -> None:
    register([])


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def save(path: Path, data: Any, channels: Sequence[str] = (), grid: Grid = GRID) -> Path:
    series = TiffSeries(
        path, (1, *data.shape), data.dtype, grid, channels=channels, compressed=not channels
    )
    series.write(0, data)
    series.close()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a small recording with a probe in rods, and its mask."""
    rng = np.random.default_rng(60_000)
    rods = np.zeros(GRID.shape, bool)
    rods[1:3, 12:40:8, 10:44] = True
    rods[1:3, 13:40:8, 10:44] = True
    counts = 106.0 + 2.0 * rng.standard_normal((3, *GRID.shape))
    counts[:2, :, 8:, 8:] += 60.0
    counts[2][rods] += 300.0
    image = np.clip(counts, 0, 65535).astype(np.uint16)
    save(tmp_path / "image.ome.tif", image, ("yellow", "red", "green"))
    save(tmp_path / "rods.ome.tif", rods.astype(np.uint8))
    return tmp_path


def plan(folder: Path, **changes: object) -> Path:
    sample = {
        "name": "cell",
        "image": "image.ome.tif",
        "masks": {"golgi": "rods.ome.tif"},
        **changes,
    }
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({"samples": [sample]}), "utf-8")
    return path


def told(
    capsys: pytest.CaptureFixture[str], folder: Path, *, code: int = 2, **changes: object
) -> str:
    """Return the error that a plan ends with; nothing is written then."""
    got, out, err = call(capsys, "label", plan(folder, **changes), "--out", folder / "made")
    assert got == code, err
    assert not out
    assert "mend:" in err
    assert "Traceback" not in err
    assert not (folder / "made").exists()
    return err


def test_the_example_runs_on_a_simulated_probe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(
        capsys, "simulate", "coloc", "--probe", "mitochondria", "--format", "tiff", "--field", 224,
        "--planes", 6, "--expression", 3, "--set", "sample.most_cells=1", "--out",
        "probe-mitochondria",
    )  # fmt: skip
    assert code == 0, err
    # the Golgi of the example is small: a field that shows it for sure takes long to simulate
    text = EXAMPLE.read_text("utf-8").replace("golgi", "mitochondria")
    (tmp_path / "label-plan.yaml").write_text(text, "utf-8")
    code, out, err = call(capsys, "label", "label-plan.yaml", "--out", "my-cells", "--json")
    assert code == 0, err
    (sample,) = json.loads(out)["samples"]
    assert [sample["name"], *sample["labels"]] == [
        "mitochondria-1",
        "lipid_droplet",
        "mitochondria",
    ]
    how = sample["labels"]["mitochondria"]["colocalisation"]
    assert how["foreground"] == "FG"
    assert len(how["foreground_sha256"]) == 64
    (stack,) = read_dataset(tmp_path / "my-cells")
    labels = tmp_path / "probe-mitochondria" / "labels"
    truth = np.squeeze(tifffile.imread(labels / "mitochondria.ome.tif")) > 0
    found = stack.truth["mitochondria"]
    assert not stack.chromatic.is_identity
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.7


def test_a_row_a_sample_and_a_column_a_structure(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = plan(
        folder, colocalisation={"mitochondria": {"foreground": 0.5, "lipid_droplet": "none"}}
    )
    code, out, err = call(capsys, "label", path, "--out", folder / "made")
    assert (code, out) == (0, "")
    heads, _, row = err.splitlines()[-4:-1]
    assert heads.split() == ["sample", "golgi", "mitochondria"]
    (stack,) = read_dataset(folder / "made")
    golgi = stack.truth["golgi"]
    assert row.split()[:2] == ["cell", f"{golgi.sum():,}"]
    assert (stack.truth["mitochondria"] == golgi).mean() > 0.99
    assert open_dataset(folder / "made").samples[0].channels == ("yellow", "red", "green")


def test_samples_are_added_and_names_not_given_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(capsys, "label", plan(folder), "--out", folder / "made")[0] == 0
    assert call(capsys, "label", plan(folder, name="two"), "--out", folder / "made")[0] == 0
    assert len(open_dataset(folder / "made").samples) == 2
    code, _, err = call(capsys, "label", plan(folder), "--out", folder / "made")
    assert code == 2
    assert "sample of this name already" in err


def test_an_empty_mask_is_not_known_unless_said_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder / "none.ome.tif", np.zeros(GRID.shape, np.uint8))
    masks = {"golgi": "rods.ome.tif", "filopodia": "none.ome.tif"}
    code, out, err = call(
        capsys, "label", plan(folder, masks=masks), "--out", folder / "a", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["structures"] == ["golgi"]
    assert "the mask of filopodia is empty" in json.loads(out)["warnings"][0]
    assert "empty: true" in err
    masks["filopodia"] = {"file": "none.ome.tif", "empty": True}
    code, out, _ = call(capsys, "label", plan(folder, masks=masks), "--out", folder / "b", "--json")
    assert json.loads(out)["structures"] == ["golgi", "filopodia"]
    assert json.loads(out)["warnings"] == []


def test_masks_of_other_voxels_are_refused_with_both_numbers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = np.ones((4, 48, 40), np.uint8)
    save(folder / "narrow.ome.tif", mask, grid=Grid((4, 48, 40), GRID.voxel_um))
    err = told(capsys, folder, masks={"golgi": "narrow.ome.tif"})
    assert "4 × 48 × 40 voxels of 0.3 × 0.1 × 0.1 µm" in err
    assert "4 × 48 × 56" in err
    assert "sample cell" in err
    assert "narrow.ome.tif" in err
    save(
        folder / "other.ome.tif",
        np.ones(GRID.shape, np.uint8),
        grid=Grid(GRID.shape, (0.5, 0.1, 0.1)),
    )
    err = told(capsys, folder, masks={"golgi": "other.ome.tif"})
    assert "0.5 × 0.1 × 0.1 µm" in err


def test_masks_with_several_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = np.zeros(GRID.shape, np.int32)
    numbers[0, :10], numbers[1, :10], numbers[2, :20] = 1, 2, 7
    tifffile.imwrite(folder / "numbers.tif", numbers, photometric="minisblack")
    err = told(capsys, folder, masks={"golgi": "numbers.tif"})
    assert "the mask holds 3 labels: 1, 2, 7" in err
    assert "label: N" in err
    err = told(capsys, folder, masks={"golgi": {"file": "numbers.tif", "label": 5}})
    assert "no label 5" in err
    path = plan(folder, masks={"golgi": {"file": "numbers.tif", "label": 7}})
    assert call(capsys, "label", path, "--out", folder / "one")[0] == 0
    (stack,) = read_dataset(folder / "one")
    np.testing.assert_array_equal(stack.truth["golgi"], numbers == 7)
    path = plan(folder, masks={"golgi": {"file": "numbers.tif", "label": "any"}})
    assert call(capsys, "label", path, "--out", folder / "all")[0] == 0
    (stack,) = read_dataset(folder / "all")
    np.testing.assert_array_equal(stack.truth["golgi"], numbers > 0)


def test_masks_with_nan_or_colours(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = np.ones(GRID.shape, np.float32)
    mask[0, 0, :3] = np.nan
    tifffile.imwrite(folder / "nan.tif", mask, photometric="minisblack")
    assert "3 of the mask's 10752 voxels are NaN" in told(capsys, folder, masks={"er": "nan.tif"})
    tifffile.imwrite(folder / "rgb.tif", np.zeros((48, 56, 3), np.uint8), photometric="rgb")
    assert "one number a voxel" in told(capsys, folder, masks={"er": "rgb.tif"})


@pytest.mark.parametrize(
    ("value", "word"),
    [(100, "every pixel of the red channel is 100"), (65535, "saturated")],
)
def test_channels_that_show_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], value: int, word: str
) -> None:
    image = np.squeeze(tifffile.imread(folder / "image.ome.tif"))
    image[1, :, : 20 if value > 100 else None] = value
    (folder / "image.ome.tif").unlink()
    save(folder / "image.ome.tif", image, ("yellow", "red", "green"))
    assert word in told(capsys, folder)


def test_images_that_no_camera_gave(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite(
        folder / "float.tif", np.zeros((2, 4, 48, 56), np.float32), photometric="minisblack"
    )
    err = told(capsys, folder, code=3, image="float.tif", axes="czyx")
    assert "float32" in err


def test_missing_files_and_channels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no such mask" in told(capsys, folder, masks={"golgi": "gone.tif"})
    assert "no such recording" in told(capsys, folder, image="gone.tif")
    assert "no channel 5 for red" in told(capsys, folder, channels={"yellow": 0, "red": 5})
    assert "no stack 3: the recording has 1" in told(capsys, folder, t=3)
    two = np.squeeze(tifffile.imread(folder / "image.ome.tif"))[:2]
    save(folder / "two.ome.tif", two, ("yellow", "red"))
    err = told(
        capsys, folder, image="two.ome.tif", masks={},
        colocalisation={"golgi": {"foreground": "otsu", "lipid_droplet": "none"}},
    )  # fmt: skip
    assert "no green channel" in err


def test_scales_that_nobody_knows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = np.squeeze(tifffile.imread(folder / "image.ome.tif"))
    tifffile.imwrite(folder / "plain.tif", image, photometric="minisblack")
    err = told(capsys, folder, image="plain.tif", axes="czyx")
    assert "set `voxel_um` in the plan" in err
    path = plan(folder, image="plain.tif", axes="czyx", voxel_um=[0.3, 0.1, 0.1])
    assert call(capsys, "label", path, "--out", folder / "made")[0] == 0


def test_plans_with_mistakes_name_line_and_spelling(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "did you mean golgi" in told(capsys, folder, masks={"golgy": "rods.ome.tif"})
    err = told(capsys, folder, ofset=3)
    assert "ofset: there is no such key" in err
    assert "did you mean offset" in err
    assert "plan.yaml:" in err
    probe = {"lipid_droplet": "mask"}
    assert "the sample has no mask of 'lipid_droplet'" in told(
        capsys, folder, colocalisation={"er": probe}
    )
    assert "twice" in told(capsys, folder, colocalisation={"golgi": {}})
    err = told(capsys, folder, colocalisation={"er": {"foregrund": "FG"}})
    assert "did you mean foreground" in err
    assert "nothing is known" in told(capsys, folder, masks={})


def test_packages_of_another_kind_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe = {"foreground": "ALL", "lipid_droplet": "none"}
    err = told(capsys, folder, code=4, colocalisation={"er": probe})
    assert "colocalisation" in err
    probe = {"foreground": "otsu", "lipid_droplet": "FGG"}
    assert "no model package 'FGG'" in told(capsys, folder, code=4, colocalisation={"er": probe})


def test_all_mistakes_of_all_samples_are_told_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = [
        {"name": "a", "image": "image.ome.tif", "masks": {"er": "gone.tif"}},
        {"name": "b", "image": "lost.tif", "masks": {"er": "rods.ome.tif"}},
    ]
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({"samples": samples}), "utf-8")
    code, _, err = call(capsys, "label", path, "--out", folder / "made")
    assert code == 2
    assert "2 samples cannot be used" in err
    assert "sample a" in err
    assert "lost.tif" in err
    assert not (folder / "made").exists()


def test_no_room_on_the_disk(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling.dataset, "free_bytes", lambda _: 10)
    assert "the disk has 0 MB" in told(capsys, folder, code=5)


def test_the_green_channel_may_be_a_file_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.squeeze(tifffile.imread(folder / "image.ome.tif"))
    save(folder / "cells.ome.tif", image[:2], ("yellow", "red"))
    save(folder / "green.ome.tif", image[2:], ("green",))
    probe = {"channel": "green.ome.tif", "foreground": "otsu", "lipid_droplet": "none"}
    path = plan(folder, image="cells.ome.tif", masks={}, colocalisation={"golgi": probe})
    code, _, err = call(capsys, "label", path, "--out", folder / "made")
    assert code == 0, err
    (stack,) = read_dataset(folder / "made")
    rods = np.squeeze(tifffile.imread(folder / "rods.ome.tif")) > 0
    assert (stack.truth["golgi"] == rods).mean() > 0.99


def test_what_else_shines_is_cut_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rods = np.squeeze(tifffile.imread(folder / "rods.ome.tif")) > 0
    half = rods & (np.arange(GRID.shape[2]) > 25)
    save(folder / "half.ome.tif", half.astype(np.uint8))
    probe = {"foreground": "otsu", "lipid_droplet": "none", "without": ["nuclear_membrane"]}
    masks = {"nuclear_membrane": "half.ome.tif"}
    path = plan(folder, masks=masks, colocalisation={"er": probe})
    code, _, err = call(capsys, "label", path, "--out", folder / "made")
    assert code == 0, err
    (stack,) = read_dataset(folder / "made")
    assert not (stack.truth["er"] & half).any()
    assert (stack.truth["er"] == rods & ~half).mean() > 0.99


def test_a_splitter_s_sensor_and_a_session_s_zarr(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.squeeze(tifffile.imread(folder / "image.ome.tif"))
    sensor = np.concatenate(list(image), axis=2)[None]
    save(folder / "sensor.ome.tif", sensor, ("sensor",), Grid((4, 48, 168), GRID.voxel_um))
    size = {"y": 0, "width": 56, "height": 48}
    layout = {
        "kind": "splitter",
        "channels": [
            {"name": name, "x": 56 * k, **size} for k, name in enumerate(("yellow", "red", "green"))
        ],
    }
    path = plan(folder, image="sensor.ome.tif", layout=layout)
    code, _, err = call(capsys, "label", path, "--out", folder / "made")
    assert code == 0, err
    (stack,) = read_dataset(folder / "made")
    np.testing.assert_array_equal(stack.data, image[:2])
