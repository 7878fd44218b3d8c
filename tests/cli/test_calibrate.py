"""``livesr calibrate``: beads in, a calibration out that sessions use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import yaml

from livesr.calibration.profile import load_profile
from livesr.cli.app import register, run
from livesr.simulator.recordings.cells import simulate_cell
from livesr.simulator.recordings.instrument import Setup
from livesr.simulator.recordings.targets import simulate_beads

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of other beads on one microscope, and one as a splitter shows it."""
    folder = tmp_path_factory.mktemp("beads")
    for seed, layout in ((60_000, "channels"), (60_001, "channels"), (60_002, "side-by-side")):
        setup = Setup(seed=seed, shape=(320, 320), z_step_um=0.2, layout=layout)
        simulate_beads(setup, folder / f"{seed}", count=120)
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    register(["calibrate"])
    code = run(["calibrate", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def made(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    code, out, err = call(capsys, *arguments, "--json")
    assert code == 0, err
    said: dict[str, Any] = json.loads(out)
    return said


def test_a_calibration_with_its_errors(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "mine.yaml"
    said = made(
        capsys, recordings / "60000", "--held-out", recordings / "60001", "-o", target,
        "--compare", recordings / "60000" / "calibration.yaml",
    )  # fmt: skip
    assert said["profile"] == str(target)
    assert said["beads"] > 60
    assert said["heldout_nm"]["xy"] == pytest.approx(said["tre_nm"]["xy"], rel=0.3)
    assert said["fre_nm"]["xy"] < said["tre_nm"]["xy"] < 5.0
    assert said["tre_nm"]["z"] < 10.0
    moved = said["moved"]["red"]  # against the truth
    assert max(map(abs, moved["shift_nm"])) < 2.0
    assert moved["worst_nm"] < 10.0
    profile = load_profile(target)
    assert profile.simulated
    assert profile.valid_for.microscope == "simulated microscope"
    assert profile.provenance.by == "livesr calibrate 60000 -o mine.yaml"
    assert (tmp_path / profile.error_map).is_file()


def test_the_sensor_of_a_splitter(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = made(capsys, recordings / "60002", "-o", tmp_path / "split.yaml")
    assert said["tre_nm"]["xy"] < 5.0
    assert list(said["channels"]) == ["red"]


def test_a_session_file_gives_layout_and_names(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.asarray(_image(recordings / "60002"))
    tifffile.imwrite(tmp_path / "sensor.ome.tif", image, metadata={"axes": "ZYX"})
    session = tmp_path / "session.yaml"
    session.write_text(
        yaml.safe_dump(
            {
                "microscope": {"config": "any.cfg", "name": "Bench 3", "objective": "100x/1.49"},
                "layout": "simulated",
                "calibration": "none",
            }
        )
    )
    sensor = (tmp_path / "sensor.ome.tif", "--session", session)
    said = call(capsys, *sensor, "-o", tmp_path / "a")
    assert said[0] == 2
    assert "--pixel 0.0668" in said[2]
    scales = ("--pixel", "0.0668", "--z-step", "0.2")
    said = call(capsys, *sensor, *scales, "-o", tmp_path / "a")
    assert said[0] == 2  # the preset's rectangles are wider than this sensor
    assert "rectangles" in said[2]
    half = image.shape[2] // 2
    layout = {
        "kind": "splitter",
        "channels": [
            {"name": name, "x": x, "y": 0, "width": half, "height": half, "flip": flip}
            for name, x, flip in (("yellow", 0, "none"), ("red", half, "horizontal"))
        ],
    }
    session.write_text(yaml.safe_dump({**yaml.safe_load(session.read_text()), "layout": layout}))
    made(capsys, *sensor, *scales, "-o", tmp_path / "b")
    profile = load_profile(tmp_path / "b.yaml")
    assert profile.valid_for.microscope == "Bench 3"
    assert profile.valid_for.objective == "100x/1.49"
    assert profile.valid_for.layout == "splitter"
    assert not profile.simulated


def test_one_file_a_channel(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sensor = np.asarray(_image(recordings / "60002"))
    half = sensor.shape[2] // 2
    names = []
    for name, part in (("y", sensor[:, :, :half]), ("r", sensor[:, :, : half - 1 : -1])):
        names.append(tmp_path / f"{name}.tif")
        tifffile.imwrite(names[-1], part, metadata={"axes": "ZYX"}, ome=True)
    said = made(
        capsys, *names, "-o", tmp_path / "two.yaml", "--channels", "yellow,red",
        "--pixel", "0.0668", "--z-step", "0.2",
    )  # fmt: skip
    assert said["tre_nm"]["xy"] < 5.0


def test_two_calibrations_are_compared(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(capsys, recordings / "60000", "-o", tmp_path / "a.yaml")
    made(capsys, recordings / "60001", "-o", tmp_path / "b.yaml")
    said = made(capsys, tmp_path / "b.yaml", "--compare", tmp_path / "a.yaml")
    assert said["moved"]["red"]["worst_nm"] < 10.0


def test_cells_instead_of_beads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate_cell(Setup(seed=60_011, shape=(400, 400), planes=20), tmp_path / "cell")
    truth = tmp_path / "cell" / "calibration.yaml"
    said = made(
        capsys, tmp_path / "cell", "--cells", "-o", tmp_path / "cells.yaml", "--compare", truth
    )
    moved = said["moved"]["red"]
    assert max(map(abs, moved["shift_nm"][1:])) < 10.0
    assert abs(moved["shift_nm"][0]) < 25.0
    assert said["beads"] == 0
    assert said["channels"]["red"]["points"] > 12
    assert load_profile(tmp_path / "cells.yaml").provenance.source == "tiles of cells: cell"


def test_to_chromagnon_and_back(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "mine.chromagnon.csv"
    beads = recordings / "60000"
    made(capsys, beads, "-o", tmp_path / "mine.yaml", "--chromagnon", table)
    code, _, err = call(capsys, table, "-o", tmp_path / "back.yaml")
    assert (code, "--image" in err) == (2, True)
    said = made(capsys, table, "--image", beads, "-o", tmp_path / "back.yaml")
    assert said["tre_nm"] is None
    said = made(capsys, tmp_path / "back.yaml", "--compare", tmp_path / "mine.yaml")
    assert max(map(abs, said["moved"]["red"]["shift_nm"])) < 1.0
    assert said["moved"]["red"]["worst_nm"] < 20.0
    assert "Chromagnon" in load_profile(tmp_path / "back.yaml").error.reason


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "-o calibration/NAME.yaml"),
        (("-o", "x.yaml", "--reference", "blue"), "there is no channel 'blue'"),
    ],
)
def test_bad_wishes(
    recordings: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = call(capsys, recordings / "60000", *arguments)
    assert code == 2
    assert words in err


def test_cells_are_no_beads_and_a_missing_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, tmp_path / "none.tif", "-o", tmp_path / "x.yaml")
    assert code == 2
    assert "none.tif" in err
    noise = np.random.default_rng(0).normal(100, 3, (8, 2, 96, 96)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "noise.ome.tif", noise, metadata={"axes": "ZCYX"})
    code, _, err = call(
        capsys, tmp_path / "noise.ome.tif", "--pixel", "0.07", "--z-step", "0.2",
        "-o", tmp_path / "x.yaml",
    )  # fmt: skip
    assert code != 0
    assert "usable beads" in err
    assert not (tmp_path / "x.yaml").exists()


def _image(folder: Path) -> Any:
    import zarr

    array = zarr.open_array(folder / "image.ome.zarr" / "0", mode="r")[:]
    return np.asarray(array).reshape(array.shape[-3:])
