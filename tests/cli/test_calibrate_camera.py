"""``livesr calibrate --dark --flat``: frames in, a correction out that sessions use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import yaml

from livesr.calibration.camera.record import load_camera, load_maps
from livesr.cli.app import register, run
from livesr.config import read_session
from livesr.session import make_plan
from livesr.simulator.recordings.instrument import Setup
from livesr.simulator.recordings.targets import simulate_dark, simulate_flat

if TYPE_CHECKING:
    from pathlib import Path

SIDE, OPTICS = 96, 60_780


def setup(seed: int, **changes: Any) -> Setup:
    return Setup(seed=seed, optics_seed=OPTICS, shape=(SIDE, SIDE), **changes)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("camera")
    simulate_dark(setup(60_781, form="tiff"), folder / "dark", frames=40)
    simulate_flat(
        setup(60_782, form="tiff"), folder / "flat", levels=(50.0, 1000.0, 20_000.0), frames=12
    )
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    register(["calibrate"])
    code = run(["calibrate", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_correction_with_its_report(
    taken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(
        capsys, "--dark", taken / "dark", "--flat", taken / "flat", "-o", tmp_path / "mine",
        "--json", "--measured", "2026-11-02", "--roi", "0,0,96,96",
    )  # fmt: skip
    assert code == 0, err
    said = json.loads(out)
    path = tmp_path / "mine.camera.yaml"
    assert said["camera_correction"] == str(path)
    assert said["channels"] == ["yellow", "red"]
    assert [level["frames"] for level in said["levels"]] == [12, 12, 12]
    assert said["gain_e_per_adu"] == pytest.approx([1.2, 1.2], rel=0.02)
    assert said["offset_error"] == pytest.approx(0.21, abs=0.03)
    profile = load_camera(path)
    assert profile.simulated
    assert str(profile.measured) == "2026-11-02"
    assert profile.made_for.camera == "simulated camera"
    assert profile.made_for.exposure_ms == (12.5, 200.0)
    truth = tifffile.imread(taken / "dark" / "offset.ome.tif").reshape(2, SIDE, SIDE)
    maps = load_maps(profile, path)
    error = (maps.offset - truth)[~maps.hot]
    assert np.abs(np.mean(error)) < 0.05
    assert error.std() < 0.3
    folder = tmp_path / "mine.camera-report"
    assert {file.name for file in folder.iterdir()} == {
        "index.html", "false-ratio.png", "flat.png", "offset.png", "transfer.png", "pixels.png"
    }  # fmt: skip
    page = (folder / "index.html").read_text("utf-8")
    assert "of no use on a real one" in page
    assert "In bright light the ratio over the field was off by" in page

    (image,) = (taken / "flat").glob("image.ome.tif*")
    in_turn = [{"name": name, "config": ""} for name in ("yellow", "red")]
    content = {
        "recording": {
            "paths": [str(image)], "name": "simulated microscope", "camera": "simulated camera",
            "objective": "simulated 100x/1.49 oil",
        },
        "layout": {"kind": "sequential", "channels": in_turn},
        "calibration": "none",
        "camera_correction": "mine.camera.yaml",
        "segmentation": {"enabled": False},
    }  # fmt: skip
    (tmp_path / "recording.yaml").write_text(yaml.safe_dump(content), "utf-8")
    plan = make_plan(read_session(tmp_path / "recording.yaml"))
    plan.source.close()
    assert plan.camera.name == "mine"
    assert plan.camera.correction is not None
    assert plan.camera.correction.factor.shape == (2, SIDE, SIDE)


def test_plain_tiffs_of_a_real_camera_behind_a_splitter(
    taken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A series of sensor images a file, one file a level; the session file knows the rectangles."""
    dark, flat = (
        tifffile.imread(next((taken / name).glob("image.ome.tif*"))).reshape(-1, 2, SIDE, SIDE)
        for name in ("dark", "flat")
    )
    both = [np.concatenate([frames[:, 0], frames[:, 1]], axis=2) for frames in (dark, flat)]
    tifffile.imwrite(tmp_path / "dark.tif", both[0])
    names = []
    for number in range(3):
        names.append(tmp_path / f"flat{number}.tif")
        tifffile.imwrite(names[-1], both[1][12 * number : 12 * (number + 1)])
    channels = [
        {"name": name, "x": x, "y": 0, "width": SIDE, "height": SIDE}
        for name, x in (("yellow", 0), ("red", SIDE))
    ]
    session = {
        "calibration": "none",
        "layout": {"kind": "splitter", "channels": channels},
        "microscope": {"name": "stand", "camera": "P95B-1"},
    }
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(session), "utf-8")
    flats = [word for name in names for word in ("--flat", name)]
    code, out, err = call(
        capsys, "--dark", tmp_path / "dark.tif", *flats, "--session", tmp_path / "s.yaml",
        "-o", tmp_path / "real.camera.yaml", "--json",
    )  # fmt: skip
    assert code == 0, err
    profile = load_camera(tmp_path / "real.camera.yaml")
    assert not profile.simulated
    assert profile.made_for.camera == "P95B-1"
    assert profile.made_for.sensor == (1, SIDE, 2 * SIDE)
    assert [c.rectangle.x for c in profile.channels if c.rectangle] == [0, SIDE]
    assert "the exposure is not known" in " ".join(json.loads(out)["warnings"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dark", "dark"], "no evenly lit frames are named"),
        (["--flat", "flat"], "no dark frames are named"),
        (["--dark", "dark", "--flat", "nothing", "-o", "x"], "there is no"),
        (["--dark", "dark", "--flat", "flat"], "is not said"),
        (["--dark", "flat", "--flat", "dark", "-o", "x"], "wrong way round"),
        (["beads", "--dark", "dark", "--flat", "flat", "-o", "x"], "two calibrations"),
        (["--dark", "dark", "--flat", "flat", "-o", "x", "--roi", "0,0,5"], "no region"),
        ([], "nothing to measure is named"),
    ],
)
def test_wrong_calls_say_how_to_mend_them(
    taken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    arguments: list[str], said: str,
) -> None:  # fmt: skip
    there = {"dark", "flat", "nothing"}
    words = [taken / word if word in there else word for word in arguments]
    words = [tmp_path / word if word == "x" else word for word in words]
    code, _, err = call(capsys, *words)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())
