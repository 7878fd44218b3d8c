"""``livesr simulate``: one command makes a folder, twice the same, never over another."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
import zarr

from livesr.catalog import NAMES
from livesr.cli.app import register, run
from livesr.cli.options import read_changes, read_range, read_sampling, read_shape
from livesr.config import read_session
from livesr.errors import ConfigError
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.storage.labels import label_names

QUICK = (
    "--field", "72", "--pixel", "0.12", "--planes", "5", "--set", "sample.most_cells=1"
)  # fmt: skip


CYTOSOL = NAMES.index("cytosol") + 1


@pytest.fixture(autouse=True)
def verbs() -> None:
    register(["simulate"])


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["simulate", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return what ``--json`` says of a recording that was made."""
    code, out, err = call(capsys, *arguments, "--json")
    assert code == 0, err
    said: dict[str, Any] = json.loads(out)
    return said


def read(image: str | Path, label: str = "") -> np.ndarray[Any, Any]:
    path = Path(image) / "labels" / label / "0" if label else Path(image) / "0"
    return np.asarray(zarr.open_array(path, mode="r")[:])


def rows(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_help_leads_to_a_picture_in_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--help")
    assert code == 0
    assert "livesr simulate cell" in out
    assert "preview.png" in out
    for command in ("cell", "mitosis", "coloc", "beads", "dark", "flat"):
        assert command in out
        code, text, _ = call(capsys, command, "--help")
        assert code == 0
        assert "--out" in text


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders made by one command."""
    register(["simulate"])
    folder = tmp_path_factory.mktemp("cells")
    for name in ("one", "two"):
        out = str(folder / name)
        assert run(["simulate", "cell", "--out", out, "--identities", "--clean", *QUICK]) == 0
    return folder / "one", folder / "two"


def test_a_cell_has_its_truth_beside_it(cells: tuple[Path, Path]) -> None:
    folder, _ = cells
    image = folder / "image.ome.zarr"
    counts = read(image)
    assert counts.shape == (1, 2, 5, 72, 72)
    assert counts.dtype == np.uint16
    assert label_names(image)[:16] == (*NAMES, "exclusive")
    masks = {name: read(image, name)[0] for name in NAMES}
    assert {name for name, mask in masks.items() if mask.any()} >= {"er", "mitochondria", "cytosol"}
    exclusive = read(image, "exclusive")[0]
    assert np.all(exclusive > 0)
    for number, name in enumerate(NAMES, start=1):
        assert np.all(masks[name][exclusive == number] == 1)
    light = counts[0, 0] - 100.0
    assert light[masks["er"] == 1].mean() > 1.5 * light[exclusive == CYTOSOL].mean()
    for name in ("preview.png", "masks.png"):
        assert cv2.imread(str(folder / name)).std() > 10


def test_objects_have_one_identity_in_image_and_table(cells: tuple[Path, Path]) -> None:
    folder, _ = cells
    image = folder / "image.ome.zarr"
    objects = read(image, "mitochondria_identity")[0]
    table = [r for r in rows(folder / "objects.csv") if r["structure"] == "mitochondria"]
    assert set(np.unique(objects)) - {0} <= {int(row["identity"]) for row in table}
    assert np.unique(objects).size > 2
    assert np.count_nonzero(objects[read(image, "mitochondria")[0] == 0]) == 0
    pairs = {(r["structure_a"], r["structure_b"]) for r in rows(folder / "contacts.csv")}
    assert any("er" in pair for pair in pairs)
    (stage,) = rows(folder / "stages.csv")
    assert (stage["stage"], stage["nuclei"]) == ("interphase", "1")


def test_counts_are_light_and_the_cameras_noise(cells: tuple[Path, Path]) -> None:
    folder, _ = cells
    light = np.asarray(zarr.open_array(folder / "clean.ome.zarr" / "0", mode="r")[:])
    assert light.dtype == np.float32
    expected = 100.0 + 0.95 * light / 1.2
    error = (read(folder / "image.ome.zarr") - expected) / np.sqrt(expected - 100.0 + 5.0)
    assert abs(np.median(error)) < 0.05
    assert 0.7 < np.diff(np.percentile(error, (16, 84)))[0] / 2 < 1.3


def test_the_same_command_makes_the_same_bit_for_bit(cells: tuple[Path, Path]) -> None:
    one, two = cells
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    for file in files:
        if file.name != "recording.yaml":  # names its folder
            assert (one / file).read_bytes() == (two / file).read_bytes(), file


def test_a_folder_is_never_overwritten(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious", "utf-8")
    code, out, err = call(capsys, "dark", "--out", str(tmp_path / "mine"), "--json")
    assert code == 5
    assert "nothing was written" in json.loads(out)["what"]
    assert "--out" in err
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_parameters_are_changed_checked_and_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "dark"
    options = ("--field", "32", "--frames", "2", "--set", "camera.offset=200")
    said = made(capsys, "dark", "--out", str(out), *options)
    kept = yaml.safe_load((out / "parameters.yaml").read_text("utf-8"))
    assert kept["parameters"]["camera"]["offset"] == 200.0
    assert kept["simulator"]["hash"] == said["hash"] != parameters().hash()
    assert json.loads(kept["setup"]["changes"]) == {"camera.offset": 200}
    assert read(said["image"]).mean() == pytest.approx(200, abs=2)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("cell", "--set", "er.mash_um=3"), "er.mesh_um"),
        (("cell", "--set", "er.mesh_um"), "--set"),
        (("cell", "--preset", "standart"), "standard"),
        (("cell", "--shape", "640"), "--shape"),
        (("coloc", "--probe", "cytosol"), "no green probe"),
        (("mitosis", "--timepoints", "3"), "cannot show all stages"),
        (("beads", "--photons", "6000-2000"), "--photons"),
        (("flat", "--levels", "bright"), "--levels"),
        (("flat", "--format", "png"), "--format"),
    ],
)
def test_wrong_calls_say_how_to_mend_and_write_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    code, _, err = call(capsys, *arguments, "--out", str(tmp_path / "out"))
    assert code == 2
    assert word in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def without_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the tables of the whole sample: of small fields they take most of the time."""
    monkeypatch.setattr(Sample, "objects", lambda *_: [])
    monkeypatch.setattr(Sample, "contacts", lambda *_: [])


@pytest.mark.usefixtures("without_objects")
def test_a_division_from_before_to_after(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ("--field", "64", "--pixel", "0.3", "--planes", "6", "--z-step", "2.5")
    said = made(
        capsys, "mitosis", "--out", str(tmp_path / "m"), "--timepoints", "8",
        "--set", "sample.most_cells=1", *options,
    )  # fmt: skip
    assert read(said["image"]).shape == (8, 2, 6, 64, 64)
    stages = [row["stage"] for row in rows(said["tables"]["stages"]) if row["cell"] in ("10", "11")]
    assert stages == [
        "interphase", "prophase", "prometaphase", "metaphase", "anaphase", "anaphase",
        "telophase", "interphase",
    ]  # fmt: skip
    nuclei = read(said["image"], "nucleus").reshape(8, -1).any(axis=1)
    assert nuclei[0]
    assert nuclei[-1]
    assert not nuclei[3], "no nucleus in metaphase"


@pytest.mark.usefixtures("without_objects")
def test_a_probe_in_the_golgi(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = made(
        capsys, "coloc", "--out", str(tmp_path / "c"), "--probe", "golgi", "--expression", "2",
        "--field", "160", "--pixel", "0.2", "--planes", "5", "--set", "sample.most_cells=1",
    )  # fmt: skip
    assert said["channels"] == ["yellow", "red", "green"]
    assert said["labels"] == ["golgi", "lipid_droplet"]
    green = read(said["image"])[0, 2].astype(float)
    golgi = read(said["image"], "golgi")[0] == 1
    assert green[golgi].mean() > 3 * green[~golgi].mean() - 200
    assert green[golgi].mean() - 100 > 5 * (np.median(green) - 100)


@pytest.mark.usefixtures("without_objects")
def test_a_tiff_recording_that_livesr_can_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = made(capsys, "cell", "--out", str(tmp_path / "t"), "--format", "tiff", *QUICK)
    register(["run"])
    session = read_session(Path(said["session"]))
    assert session.calibration == said["calibration"]
    code = run(["run", said["session"], "--dry-run", "--set", "segmentation.enabled=false"])
    _, err = capsys.readouterr()
    assert code == 0, err
    assert "simulated-60000" in err


def test_text_is_read_as_it_is_meant() -> None:
    assert read_shape(64, "") == (64, 64)
    assert read_shape(64, "512,640") == read_shape(64, "512x640") == (512, 640)
    assert read_range("100-200") == (100.0, 200.0)
    assert read_range("150") == (150.0, 150.0)
    assert json.loads(read_changes("standard", ["er.mesh_um=[0.8, 1.2]"])) == {
        "er.mesh_um": [0.8, 1.2]
    }
    base = {"sample.dividing": 1.0}
    assert json.loads(read_changes("standard", ["sample.dividing=0.5"], base)) == {
        "sample.dividing": 0.5
    }
    with pytest.raises(ConfigError):
        read_shape(64, "20,500")


def test_sampling_is_the_presets_unless_given() -> None:
    assert read_sampling("standard", "{}", None, None) == pytest.approx((0.0668, 0.3))
    low, high = parameters("shifted").sampling.pixel_um
    assert read_sampling("shifted", "{}", None, 0.5) == pytest.approx(((low + high) / 2, 0.5))
    assert read_sampling("sim", "{}", 0.05, None)[0] == 0.05
