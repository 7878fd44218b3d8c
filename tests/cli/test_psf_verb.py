"""``livesr psf``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from livesr.cli.app import register, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def verbs() -> None:
    register([])


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["psf", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    register([])
    path = tmp_path_factory.mktemp("beads") / "beads"
    arguments = ("--field", "224", "--count", "45", "--seed", "60451", "--optics-seed", "60451",
                 "--layout", "side-by-side", "--format", "tiff")  # fmt: skip
    assert run(["simulate", "beads", "--out", str(path), *arguments]) == 0
    return path


@pytest.fixture(scope="module")
def optics(folder: Path) -> dict[str, Any]:
    notes = yaml.safe_load((folder / "parameters.yaml").read_text("utf-8"))
    found: dict[str, Any] = notes["optics"]
    return found


def test_a_simulated_folder_is_measured(
    capsys: pytest.CaptureFixture[str], folder: Path, optics: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "report"
    options = ("--na", "1.49", "--emission", "yellow=617, red=685", "-o", str(out), "--json")
    code, said, err = call(capsys, str(folder), *options)
    assert code == 0, err
    told = json.loads(said)
    for number, name in enumerate(("yellow", "red")):
        channel = told["channels"][name]
        for key in ("lateral_fwhm_um", "axial_fwhm_um"):
            assert channel[key]["median"] == pytest.approx(optics[key][number], rel=0.03)
        assert set(channel["expected_um"]) == {"widefield", "confocal", "Live-SR"}
    assert "lateral nm" in err
    assert (out / "index.html").is_file()
    assert (out / "beads.csv").is_file()
    assert json.loads((out / "psf.json").read_text("utf-8"))["channels"] == told["channels"]


def test_without_a_folder_a_free_one_is_made(
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "livesr-psf").mkdir()
    code, _, err = call(capsys, str(folder), "--channels", "a,b")
    assert code == 0, err
    assert (tmp_path / "livesr-psf-2" / "b-field.png").is_file()
    assert not list((tmp_path / "livesr-psf").iterdir())


def test_a_wrong_pixel_is_warned_of(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    code, _, err = call(capsys, str(folder), "--pixel", "0.14", "-o", str(tmp_path))
    assert code == 0
    assert "warning: yellow: images of points are" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--na", "1.49"), "--emission yellow=617,red=685"),
        (("--emission", "yellow=617"), "--na 1.49"),
        (("--na", "1.6", "--emission", "yellow=617"), "not below the immersion's index"),
        (("--na", "1.4", "--emission", "yellow=0.617"), "no wavelength of 300 to 1200 nm"),
        (("--na", "1.4", "--emission", "yellow"), "no wavelength"),
        (("--na", "1.4", "--emission", "yelow=617"), "did you mean yellow"),
        (("--channels", "yellow"), "2 channels, 1 are named"),
        (("--channels", "yellow,yellow"), "not names of channels"),
        (("--diameter", "0.9"), "make most of the width"),
        (("--session", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    said: str,
) -> None:
    code, _, err = call(capsys, str(folder), *options, "-o", str(tmp_path / "report"))
    assert code == 2
    assert said in err
    assert not (tmp_path / "report" / "index.html").exists()


def test_files_that_are_missing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, str(tmp_path / "beads.tif"))
    assert code == 2
    assert "there is no" in err
    assert "livesr simulate beads" in err


def test_a_single_plane_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    flat = str(tmp_path / "flat")
    assert run(["simulate", "beads", "--planes", "1", "--field", "96", "--count", "5",
                "--out", flat]) == 0  # fmt: skip
    code, _, err = call(capsys, flat, "-o", str(tmp_path / "report"))
    assert code == 2
    assert "planes" in err


def test_a_dark_recording_has_no_beads(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    dim = str(tmp_path / "dim")
    assert run(["simulate", "beads", "--photons", "1-2", "--field", "128", "--count", "5",
                "--out", dim]) == 0  # fmt: skip
    code, _, err = call(capsys, dim, "-o", str(tmp_path / "report"))
    assert code == 2
    assert "usable beads" in err
