"""The demo as a new user runs it, and a session that is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
import yaozarrs
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models import open_ome_zarr

from livesr.catalog import NAMES
from livesr.simulator.parameters import parameters
from livesr.storage.reader import open_session

DATA = Path(os.environ.get("LIVESR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("demo") / "session"
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "livesr",
            "demo",
            "--headless",
            "--json",
            "--out",
            str(folder),
            "--timepoints",
            "2",
            "--field",
            "256",
            "--planes",
            "16",
        ],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "f1" in run.stderr
    return folder, json.loads(run.stdout)


def test_demo_ends_with_fifteen_masks_at_every_time_point(demo: tuple[Path, dict]) -> None:
    folder, result = demo
    assert result["stacks"] == 2
    assert set(result["structures"]) == set(NAMES)
    assert result["simulator"] == {"version": 2, "hash": parameters().hash()}
    image = open_session(folder).images[0]
    assert image.segmented() == {0, 1}
    assert set(image.structures) == set(NAMES)


def test_demo_masks_are_better_than_chance(demo: tuple[Path, dict]) -> None:
    """Structures that fill much of a cell must be found on any field."""
    _, result = demo
    for name in ("nucleus", "cytosol", "extracellular", "er", "mitochondria"):
        assert result["structures"][name]["f1"] > 0.4, name


def test_demo_output_passes_the_validators(demo: tuple[Path, dict]) -> None:
    image = demo[0] / "image.ome.zarr"
    yaozarrs.validate_zarr_store(image)
    assert type(open_ome_zarr(image)).__name__ == "Image"
    nodes = list(Reader(parse_url(image, mode="r"))())
    labels = [node for node in nodes if "er" in node.zarr.path or "labels" in str(node.zarr.path)]
    assert labels


def test_demo_can_be_looked_at(demo: tuple[Path, dict], tmp_path: Path) -> None:
    from livesr.viewer.check import unavailable

    reason = unavailable(offscreen=True)
    if reason:
        pytest.skip(reason)
    picture = tmp_path / "picture.png"
    run = subprocess.run(
        [sys.executable, "-m", "livesr", "view", str(demo[0]), "--screenshot", str(picture)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert picture.stat().st_size > 10_000


def long_session(folder: Path) -> Path:
    session = yaml.safe_load((EXAMPLES / "simulated.yaml").read_text(encoding="utf-8"))
    session["microscope"]["properties"] = {
        "Camera": {"Seed": 60_000, "FieldWidth": 64, "FieldHeight": 64, "Motion": 0},
        "Clock": {"Speedup": 1},
    }
    for channel in session["layout"]["channels"]:
        channel |= {"width": 64, "height": 64, "x": 64 * bool(channel["x"])}
    session["sequence"]["time_plan"] = {"interval": 0.5, "loops": 1000}
    session["sequence"]["z_plan"] = {"bottom": 0.0, "top": 2.1, "step": 0.3}
    path = folder / "long.yaml"
    path.write_text(yaml.safe_dump(session), encoding="utf-8")
    return path


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to consoles, not processes")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_in_order(tmp_path: Path, number: int, code: int) -> None:
    out = tmp_path / "session"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "livesr",
            "run",
            str(long_session(tmp_path)),
            "--headless",
            "--out",
            str(out),
            "--json",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (out / "journal.jsonl").exists() and open_session(out).status().stacks >= 1:
            break
        time.sleep(0.1)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == code, stderr
    result = json.loads(stdout)
    reader = open_session(out)
    assert reader.status().finished
    assert reader.status().stacks == result["stacks"] >= 1
    assert reader.images[0].shape[0] == result["stacks"]
    assert reader.images[0].segmented() == reader.images[0].stored()


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no recordings in {DATA}; set LIVESR_TEST_DATA")
@pytest.mark.parametrize(
    ("example", "paths", "stacks"),
    [
        (
            "recorded-pair.yaml",
            "nile_red_two_emission/donor.tif nile_red_two_emission/acceptor.tif",
            1,
        ),
        ("recorded-stack.yaml", "yeast_mitochondria/yeast_3d_mitochondria_t0-9.ome.tif", 10),
    ],
)
def test_real_recordings(tmp_path: Path, example: str, paths: str, stacks: int) -> None:
    out = tmp_path / "session"
    listed = ", ".join(str(DATA / path) for path in paths.split())
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "livesr",
            "run",
            str(EXAMPLES / example),
            "--headless",
            "--json",
            "--out",
            str(out),
            "--set",
            f"recording.paths=[{listed}]",
        ],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["stacks"] == stacks
    assert result["segmented_live"] + result["segmented_later"] == stacks
