"""Every file in examples/ is run as its reader would run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from livesr.config import read_session
from livesr.storage.reader import open_session

EXAMPLES = Path(__file__).parents[2] / "examples"
_HALF = "y: 0, width: 128, height: 128"
SMALL = (
    "microscope.properties.Camera.Motion=0",
    "microscope.properties.Camera.FieldWidth=128",
    "microscope.properties.Camera.FieldHeight=128",
    f"layout.channels=[{{name: yellow, x: 0, {_HALF}}}, "
    f"{{name: red, x: 128, {_HALF}, flip: horizontal}}]",
)
"""A small field of the simulated microscope."""
RULES = (*SMALL, "sequence.time_plan.loops=2", "rules.0.then.z_range_um=8")
"""Two time points of a session with rules."""
SESSIONS: dict[str, tuple[str, ...]] = {
    "demo-camera.yaml": ("sequence.time_plan.loops=1",),
    "demo-two-cameras.yaml": ("sequence.time_plan.loops=1",),
    "simulated.yaml": (*SMALL, "sequence.time_plan.loops=1"),
    "control.yaml": ("sequence.stage_positions=[{x: 0, y: 0}]", *SMALL[:1]),
    "probe.yaml": ("recording.paths=three.ome.tif",),
    "mitosis.yaml": RULES,
    "watch-positions.yaml": RULES,
    "recorded-pair.yaml": ("recording.paths=[yellow.tif, red.tif]",),
    "recorded-stack.yaml": ("recording.paths=cells.ome.tif",),
}
ELSEWHERE = {path.name for path in EXAMPLES.glob("train-*.yaml")} | {
    "fine-tune.yaml",
    "label-plan.yaml",
    "csu-w1.yaml",
    "contact-study.yaml",
}
"""Recipes and plans, which the tests of training and of `livesr label` read or run, what needs a
microscope, and what is only read here: its parts are run by tests of the analysis."""


def livesr(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "livesr", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=170, check=False
    )


def write_recordings(folder: Path) -> None:
    rng = np.random.default_rng(60_020)
    for name in ("yellow.tif", "red.tif"):
        tifffile.imwrite(folder / name, rng.integers(0, 200, (64, 96), dtype=np.uint8))
    tifffile.imwrite(
        folder / "cells.ome.tif",
        rng.integers(100, 500, (2, 8, 64, 96), dtype=np.uint16),
        metadata={
            "axes": "TZYX",
            "PhysicalSizeX": 0.0668,
            "PhysicalSizeY": 0.0668,
            "PhysicalSizeZ": 0.3,
            "TimeIncrement": 5.0,
        },
    )
    tifffile.imwrite(
        folder / "three.ome.tif",
        rng.integers(100, 500, (8, 3, 64, 96), dtype=np.uint16),
        metadata={
            "axes": "ZCYX",
            "Channel": {"Name": ["yellow", "red", "green"]},
            "PhysicalSizeX": 0.0668,
            "PhysicalSizeY": 0.0668,
            "PhysicalSizeZ": 0.3,
        },
    )


def test_all_examples_are_tested() -> None:
    sessions = {path.name for path in EXAMPLES.glob("*.yaml")} - ELSEWHERE
    assert sessions == set(SESSIONS)


def test_the_contact_study_asks_for_contacts_within_cells() -> None:
    asked = read_session(EXAMPLES / "contact-study.yaml").analysis
    assert asked.contacts
    assert asked.shuffles >= 50
    assert {"nucleus", "cytosol", *asked.tracks} <= set(asked.measured)


@pytest.mark.parametrize("name", SESSIONS)
def test_session(name: str, tmp_path: Path) -> None:
    write_recordings(tmp_path)
    out = tmp_path / "session"
    settings = [part for s in SESSIONS[name] for part in ("--set", absolute(s, tmp_path))]
    run = livesr(
        "run",
        str(EXAMPLES / name),
        "--headless",
        "--out",
        str(out),
        "--json",
        *settings,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["failed"] == result["frames_lost"] == 0
    assert result["segmented_live"] + result["segmented_later"] == result["stacks"] > 0
    image = open_session(out).images[0]
    assert len(image.structures) == 15
    if len(image.channels) > 2:
        assert image.attributes["channels_beside"] == {"green": "registered"}
    if image.shape[1] == 1:
        assert "unreliable" in run.stderr


def absolute(setting: str, folder: Path) -> str:
    for name in ("yellow.tif", "red.tif", "cells.ome.tif", "three.ome.tif"):
        setting = setting.replace(name, str(folder / name))
    return setting


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_script(script: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=170,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "mitochondria" in run.stdout
