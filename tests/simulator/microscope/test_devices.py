from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from small_microscope import PIXEL, SEED, SIZE, VIEW, camera_properties, session, take

from livesr.acquisition.core import SIMULATED_CONFIG, close_core, open_core
from livesr.acquisition.sources import open_source
from livesr.calibration.profile import load_profile
from livesr.config import session_from
from livesr.errors import HardwareError
from livesr.flow import StopToken
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.microscope.truth import truth_of
from livesr.simulator.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymmcore_plus import CMMCorePlus

    from livesr.types import Frame

PAGE = Path(__file__).parents[3] / "docs" / "simulator-devices.md"
PAIR: dict[str, dict[str, Any]] = {
    "Multi": camera_properties(),
    "Camera-2": {"Faults": "at frame 1: drop"},
    "Clock": {"Speedup": 1e6},
}


@pytest.fixture
def core() -> Iterator[CMMCorePlus]:
    core = open_core("simulated")
    for name, value in camera_properties().items():
        core.setProperty("Camera", name, value)
    core.setProperty("Clock", "Speedup", 1e6)
    yield core
    close_core(core)


def test_the_configuration_loads_in_a_plain_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PYMM_SIGNALS_BACKEND", "psygnal")
    from pymmcore_plus.experimental.unicore import UniMMCore

    core = UniMMCore()
    core.loadSystemConfiguration(SIMULATED_CONFIG)
    for name, value in camera_properties(FieldHeight=16, FieldWidth=16).items():
        core.setProperty("Camera", name, value)
    assert core.snap().shape == (16, 32)
    assert core.getPixelSizeUm() == 0.0668
    close_core(core)


def test_two_microscopes_in_one_process_are_two(core: CMMCorePlus) -> None:
    other = open_core("simulated")
    other.setPosition("Z", 3.0)
    other.setProperty("Clock", "SessionStart-s", 50.0)
    assert core.getPosition("Z") == 0.0
    assert core.getProperty("Clock", "SessionTime-s") == 0.0
    close_core(other)
    core.snap()


@pytest.mark.parametrize("splitter", [True, False])
def test_images_show_the_sample_at_their_place(splitter: bool) -> None:
    _, images, info = take(session(splitter, loops=1))
    optics = Optics.from_seed(SEED, pixel_um=PIXEL)
    photons = Sample(SEED, motion=0.0).emission(0.0, [1.2, 1.8, 2.4], VIEW, optics)
    assert info.simulated
    profile = load_profile("simulated")
    assert (info.microscope, info.camera) == (
        profile.valid_for.microscope,
        profile.valid_for.camera,
    )
    assert info.objective == profile.valid_for.objective
    assert info.pixel_um == PIXEL
    for channel in range(2):
        for z in range(3):
            counts = images[0, channel, z].astype(float) - 100.0
            expected = photons[channel, z] * 0.95 / 1.2
            assert counts.mean() == pytest.approx(expected.mean(), rel=0.05)
            others = [photons[c, k] for c in range(2) for k in range(3)]
            likeness = [np.corrcoef(counts.ravel(), other.ravel())[0, 1] for other in others]
            assert int(np.argmax(likeness)) == channel * 3 + z


def test_equal_sessions_give_equal_counts_and_no_two_frames_share_noise() -> None:
    _, first, _ = take(session())
    _, again, _ = take(session())
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not np.array_equal(first[0, 0, 1], first[1, 0, 1])
    _, other, _ = take(session(Seed=SEED + 1))
    assert not np.array_equal(first[0, 0, 1], other[0, 0, 1])


def test_the_truth_of_a_stack_can_be_asked_for_afterwards() -> None:
    frames, _, info = take(session(Motion=1.0, loops=2))
    stack = [f for f in frames if f.stack.t == 1]
    truth = truth_of(
        info.extra["camera_properties"],
        [f.time_s for f in stack],
        [f.position_um[2] for f in stack],
        stack[0].position_um[:2],
    )
    sample = Sample(SEED, motion=1.0)
    expected = sample.truth(60.0, [1.2, 1.8, 2.4], VIEW)
    assert set(truth) == set(expected)
    for name, mask in truth.items():
        assert np.array_equal(mask, expected[name]), name


def test_the_sample_moves_with_time_and_stands_still_in_a_step() -> None:
    frames, _, info = take(session(Motion=1.0))
    properties = info.extra["camera_properties"]
    z = [1.8, 1.8]
    within = truth_of(properties, [0.1, 1.9], z)["er"]
    across = truth_of(properties, [0.1, 600.0], z)["er"]
    assert np.array_equal(within[0], within[1])
    assert not np.array_equal(across[0], across[1])
    assert len(frames) == 6


def test_light_exposure_and_stage_act_on_the_image(core: CMMCorePlus) -> None:
    core.setPosition(1.8)
    normal = float(core.snap().mean()) - 100.0
    core.setExposure(100.0)
    assert core.snap().mean() - 100.0 == pytest.approx(2 * normal, rel=0.05)
    core.setExposure(50.0)
    core.setShutterOpen(False)
    assert core.snap().mean() == pytest.approx(100.0, abs=1.0)
    core.setShutterOpen(True)
    core.setXYPosition(500.0, 0.0)
    assert core.snap().mean() - 100.0 < 0.5 * normal


def test_a_region_is_read_out(core: CMMCorePlus) -> None:
    core.setROI(8, 4, 32, 16)
    assert core.snap().shape == (16, 32)
    core.clearROI()
    assert core.snap().shape == (SIZE, 2 * SIZE)


def test_exposures_let_time_pass(core: CMMCorePlus) -> None:
    before = core.getProperty("Clock", "SessionTime-s")
    core.setExposure(20.0)
    core.snap()
    core.snap()
    assert core.getProperty("Clock", "SessionTime-s") - before == pytest.approx(0.04)
    core.setProperty("Clock", "SessionTime-s", 1000.0)
    assert core.getProperty("Clock", "SessionTime-s") == 1000.0


def test_what_the_page_on_devices_says_can_be_set() -> None:
    page = PAGE.read_text(encoding="utf-8")
    core = open_core("simulated")
    device = ""
    for row in re.findall(r"^\| (\w*) \| (`.*?`) \|", page, re.MULTILINE):
        device = row[0] or device
        for name in re.findall(r"`([^`]+)`", row[1]):
            assert core.hasProperty(device, name), (device, name)
    close_core(core)
    for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        given = session_from(yaml.safe_load(text))
        source = open_source(given)
        assert source.info.channels == ("yellow", "red")
        source.close()


def test_a_fault_of_one_camera_of_a_pair_is_its_own() -> None:
    pair = {"config": "simulated-two-cameras", "properties": PAIR}
    z_plan = {"bottom": 1.2, "top": 2.4, "step": 0.6}
    source = open_source(
        session_from(
            {
                "calibration": "none",
                "microscope": pair,
                "layout": "two-prime95b",
                "sequence": {"axis_order": "tpcz", "z_plan": z_plan},
            }
        )
    )
    frames: list[Frame] = []
    with pytest.raises(HardwareError, match=r"1 of 6 frames did not come: z 1 c 1"):
        source.run(frames.append, StopToken())
    assert [(f.z, f.c, f.device["camera"]) for f in frames] == [
        (0, 0, "Camera-1"),
        (0, 1, "Camera-2"),
        (1, 0, "Camera-1"),
        (2, 0, "Camera-1"),
        (2, 1, "Camera-2"),
    ]
    assert frames[-1].device["dose_ms"] == pytest.approx(150.0)  # once for both cameras
    source.core.snapImage()
    yellow, red = (source.core.getImage(channel) for channel in (0, 1))
    assert yellow.mean() > red.mean() > 100.0
    source.close()


def test_a_pair_needs_its_cameras_first(tmp_path: Path) -> None:
    config = tmp_path / "alone.cfg"
    config.write_text(
        "Property,Core,Initialize,0\n"
        "#py pyDevice,Multi,livesr.simulator.devices,SimulatedMultiCamera\n",
        encoding="utf-8",
    )
    with pytest.raises(HardwareError, match="cameras before their Multi Camera"):
        open_core(str(config))
