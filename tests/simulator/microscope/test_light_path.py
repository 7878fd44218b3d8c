"""Light, bleaching, focus, stages and shutter of the simulated microscope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from small_microscope import (
    EVEN,
    HEIGHTS,
    PIXEL,
    SEED,
    SIZE,
    VIEW,
    camera_properties,
    session,
    take,
)

from livesr.acquisition.core import close_core, open_core
from livesr.acquisition.sources import open_source
from livesr.errors import ConfigError, HardwareError
from livesr.flow import StopToken
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.microscope.focus import FocusDrift, Hold
from livesr.simulator.microscope.scene import Scene
from livesr.simulator.microscope.settings import SceneSettings
from livesr.simulator.microscope.truth import truth_of
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymmcore_plus import CMMCorePlus

OPTICS = Optics.from_seed(SEED, pixel_um=PIXEL)
LOCKED = Hold(0.0, True, 0.0)
FAST_BLEACHING = (
    '{"light.bleaching_stacks": [1, 1], "light.exchange_min": [1.0e+6, 1.0e+6],'
    ' "camera.offset_sigma": 0, "camera.gain_sigma": 0, "camera.hot_share": 0}'
)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample(SEED, motion=0.0)


@pytest.fixture
def core() -> Iterator[CMMCorePlus]:
    core = open_core("simulated")
    for name, value in camera_properties(Parameters=EVEN).items():
        core.setProperty("Camera", name, value)
    core.setProperty("Clock", "Speedup", 1e6)
    yield core
    close_core(core)


def photons_of(counts: np.ndarray) -> np.ndarray:
    return (counts.astype(float) - 100.0) * 1.2 / 0.95


def likeness(counts: np.ndarray, photons: np.ndarray) -> float:
    return float(np.corrcoef(counts.astype(float).ravel(), photons.ravel())[0, 1])


# ------------------------------------------------------------------------------------- light


def test_the_dose_is_exposure_times_power_while_the_shutter_is_open(core: CMMCorePlus) -> None:
    core.setProperty("Laser", "Power", 2.0)
    core.snap()
    assert core.getProperty("Laser", "Dose-ms") == pytest.approx(100.0)
    core.setShutterOpen(False)
    core.snap()
    core.setShutterOpen(True)
    core.setExposure(20.0)
    core.snap()
    assert core.getProperty("Laser", "Dose-ms") == pytest.approx(140.0)
    assert core.isPropertyReadOnly("Laser", "Dose-ms")
    core.setProperty("Clock", "SessionStart-s", 0.0)
    assert core.getProperty("Laser", "Dose-ms") == 0.0


def test_every_triggered_frame_says_the_dose_so_far() -> None:
    frames, _, _ = take(session(devices={"Laser": {"Power": 0.5}}))
    assert [f.device["dose_ms"] for f in frames] == pytest.approx([25.0 * n for n in range(1, 7)])


def test_light_bleaches_the_dye_and_not_the_medium(sample: Sample) -> None:
    _, images, _ = take(session(loops=12, interval=0, Parameters=FAST_BLEACHING))
    shown = sample.emission(0.0, HEIGHTS, VIEW, OPTICS)
    floor = [sample.background(c, VIEW) * OPTICS.shading(c, *VIEW.field()) for c in range(2)]
    for t in (0, 5, 11):
        # 24 nominal frames bleach the dye to 1/e
        shining = np.exp(-3 * t / 24.0)
        for c in range(2):
            expected = floor[c] + shining * (shown[c, 0] - floor[c])
            counted = photons_of(images[t, c, 0]) - expected
            assert counted.mean() == pytest.approx(0.0, abs=0.02 * expected.mean())
            scatter = counted / np.sqrt(expected / 0.95 + (1.6 / 0.95) ** 2)
            assert np.clip(scatter, -5, 5).std() == pytest.approx(1.0, abs=0.08)


def test_bleaching_can_be_turned_off() -> None:
    for off in ("Off", False):  # YAML reads a bare Off as false
        devices = {"Laser": {"Bleaching": off}}
        rested = session(loops=8, interval=0, devices=devices, Parameters=FAST_BLEACHING)
        _, images, _ = take(rested)
        assert images[7, 0, 0].mean() == pytest.approx(images[0, 0, 0].mean(), rel=0.02)


def test_another_place_is_not_bleached(core: CMMCorePlus) -> None:
    core.setProperty("Camera", "Parameters", FAST_BLEACHING)
    core.setPosition(1.2)
    core.setProperty("Laser", "Power", 5.0)
    before = core.snap().mean()
    for _ in range(9):
        core.snap()
    assert core.snap().mean() - 100.0 < 0.5 * (before - 100.0)
    core.setXYPosition(SIZE * PIXEL, 0.0)
    beside = core.snap().mean()
    core.setProperty("Clock", "SessionStart-s", 0.0)
    assert core.snap().mean() == pytest.approx(beside, rel=0.05)


# ------------------------------------------------------------------------------------- focus


def test_the_focus_drifts_and_the_truth_knows(sample: Sample) -> None:
    drift = {"FocusDrift": {"Rate-nm/min": 600.0, "Thermal-um": 0.3, "ThermalTime-min": 1.0}}
    frames, images, info = take(session(devices=drift, Parameters=EVEN))
    away = 0.6 + 0.3 * (1.0 - np.exp(-1.0))
    later = sample.emission(0.0, [z + away for z in HEIGHTS], VIEW, OPTICS)
    at_first = sample.emission(0.0, HEIGHTS, VIEW, OPTICS)
    for z in range(3):
        assert likeness(images[0, 0, z], at_first[0, z]) > likeness(images[0, 0, z], later[0, z])
        assert likeness(images[1, 0, z], later[0, z]) > likeness(images[1, 0, z], at_first[0, z])
    last = [frame for frame in frames if frame.stack.t == 1]
    truth = truth_of(
        info.extra["camera_properties"],
        [frame.time_s for frame in last],
        [frame.position_um[2] for frame in last],
    )
    expected = sample.truth(0.0, [round(z + away, 4) for z in HEIGHTS], VIEW)
    for name, mask in truth.items():
        assert np.array_equal(mask, expected[name]), name


def test_a_focus_lock_holds_it(sample: Sample) -> None:
    devices: dict[str, dict[str, Any]] = {
        "FocusDrift": {"Rate-nm/min": 600.0, "Wander-nm": 300.0, "Seed": SEED},
        "FocusLock": {"State": "On", "Offset-um": 0.6},
    }
    frames, _, info = take(session(devices=devices))
    times, z = zip(*[(frame.time_s, frame.position_um[2]) for frame in frames], strict=True)
    truth = truth_of(info.extra["camera_properties"], times, z)["mitochondria"]
    expected = sample.truth(0.0, [z + 0.6 for z in HEIGHTS], VIEW)["mitochondria"]
    assert np.array_equal(truth, np.concatenate([expected, expected]))


def test_the_drift_can_be_read_and_held_at_any_time(core: CMMCorePlus) -> None:
    core.setProperty("FocusDrift", "Rate-nm/min", 60.0)
    core.setProperty("Clock", "SessionTime-s", 600.0)
    assert core.getProperty("FocusDrift", "Offset-um") == pytest.approx(0.6)
    core.setProperty("FocusLock", "State", "On")
    core.setProperty("Clock", "SessionTime-s", 1200.0)
    assert core.getProperty("FocusDrift", "Offset-um") == pytest.approx(0.6)
    core.setProperty("FocusLock", "State", "Off")
    core.setProperty("Clock", "SessionTime-s", 1800.0)
    assert core.getProperty("FocusDrift", "Offset-um") == pytest.approx(1.2)


def test_oil_under_water_shows_less_depth_than_the_stage_moves(sample: Sample) -> None:
    numbers = parameters("oil")
    optics = Optics.from_seed(SEED, numbers.optics, PIXEL)
    properties = camera_properties(Preset="oil")
    truth = truth_of(properties, [0.0] * 3, HEIGHTS)["cytosol"]
    depths = [round(optics.depth(z), 4) for z in HEIGHTS]
    assert depths[1] == pytest.approx(0.57 * HEIGHTS[1])
    assert np.array_equal(truth, sample.truth(0.0, depths, VIEW)["cytosol"])


def test_the_drift_of_a_preset_is_drift_like_any_other() -> None:
    held = {**camera_properties(Preset="shifted"), "FocusDrift": FocusDrift(holds=(LOCKED,)).text()}
    scene = Scene(SceneSettings.from_properties(camera_properties(Preset="shifted")))
    optics = scene._optics
    assert abs(optics.drift_um_s) > 0
    assert scene.height_um(1.0, 600.0) == pytest.approx(optics.depth(1.0, 600.0), abs=1e-4)
    assert scene.height_um(1.0, 600.0) != scene.height_um(1.0, 0.0)
    locked = Scene(SceneSettings.from_properties(held))
    assert locked.height_um(1.0, 600.0) == locked.height_um(1.0, 0.0)


# -------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("properties", "what", "fix"),
    [
        ({"Preset": "foriegn"}, "foriegn", "foreign"),
        ({"Parameters": '{"er.mesh": [1, 2]}'}, "no parameter 'er.mesh'", "er.mesh_um"),
        ({"Parameters": '{"er.mesh_um": 1}'}, "er.mesh_um is 1", "pair"),
        ({"Parameters": "er.mesh_um"}, "not a mapping", "write them like"),
        ({"Layout": "quadrant"}, "no such layout", "quadrants"),
        ({"Faults": "at frame 3: dorp"}, "dorp", "drop"),
        ({"Channels": 4}, "Channels", "3"),
    ],
)
def test_wrong_settings_are_refused_with_a_way_out(
    properties: dict[str, Any], what: str, fix: str
) -> None:
    with pytest.raises(ConfigError) as error:
        open_source(session(**properties))
    assert what in error.value.what
    assert fix in error.value.fix
    assert error.value.where


def test_parameters_and_preset_reach_the_sample() -> None:
    few = '{"lipid_droplet.count": [0, 0]}'
    source = open_source(session(Preset="sted", Parameters=few, SampleSizeUm=120.0))
    source.close()
    settings = SceneSettings.from_properties(source.info.extra["camera_properties"])
    assert settings.numbers == parameters("sted", few)
    assert settings.field_um == (120.0, 120.0)
    shown = Scene(settings)
    assert shown._sample.parameters.lipid_droplet.count == (0, 0)
    assert shown._optics == Optics.from_seed(SEED, parameters("sted").optics, PIXEL)


def test_a_larger_sample_has_cells_further_out() -> None:
    def reach(**size: float) -> float:
        sample = Scene(SceneSettings.from_properties(camera_properties(**size)))._sample
        return max(float(np.hypot(*figure.mother.body.center)) for figure in sample.figures)

    assert reach(SampleSizeUm=120.0) > reach() + 10.0


# ------------------------------------------------------------------------------------ stages


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ({"Z": {"UpperLimit-um": 2.0}}, r"z = 2.4 µm is outside .* -100 to 2 µm"),
        ({"Z": {"LowerLimit-um": 1.5}}, r"z = 1.2 µm is outside"),
    ],
)
def test_a_stack_beyond_the_limits_is_an_error_and_moves_nothing(
    devices: dict[str, dict[str, Any]], message: str
) -> None:
    source = open_source(session(devices=devices))
    frames: list[object] = []
    with pytest.raises(HardwareError, match=message):
        source.run(frames.append, StopToken())
    assert source.core.getPosition() == 0.0
    source.close()
    assert not frames


def test_the_stage_has_limits_too(core: CMMCorePlus) -> None:
    core.setXYPosition(30.0, 10.0)
    core.setProperty("XY", "UpperLimit-um", 100.0)
    for place in ((101.0, 0.0), (0.0, float("nan"))):
        with pytest.raises(ValueError, match="outside the stage's limits"):
            core.setXYPosition(*place)
    assert tuple(core.getXYPosition()) == (30.0, 10.0)


def test_a_stage_takes_its_time_to_settle() -> None:
    frames, _, _ = take(session(loops=1, devices={"Z": {"SettleTime-ms": 30.0}}))
    times = [frame.time_s for frame in frames]
    assert np.diff(times) == pytest.approx(0.08)


# ----------------------------------------------------------------------------------- shutter


def test_a_rolling_shutter_shows_two_heights_by_row(sample: Sample) -> None:
    slow = '{"camera.line_time_us": 700, "camera.offset_sigma": 0, "camera.gain_sigma": 0}'
    devices = {"Laser": {"Power": 10.0, "Bleaching": "Off"}}
    rolling = session(loops=1, devices=devices, Shutter="rolling", Parameters=slow)
    frames, images, _ = take(rolling)
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(0.05)
    shown = 10.0 * sample.emission(0.0, HEIGHTS, VIEW, OPTICS)
    model = CameraModel(line_time_us=700.0)
    # 64 rows take 44.8 ms: the first row sees the height before for 44.8 of its 50 ms
    late = model.late_share(SIZE, model.readout_s(SIZE))[:, None]
    assert late[0, 0] == pytest.approx(5.2 / 50.0)
    expected = [shown[0, 0], *((1 - late) * shown[0, z - 1] + late * shown[0, z] for z in (1, 2))]
    for z in range(3):
        deviation = photons_of(images[0, 0, z]) - expected[z]
        scatter = deviation / np.sqrt(expected[z] / 0.95 + (1.6 / 0.95) ** 2)
        assert np.clip(scatter, -5, 5).std() == pytest.approx(1.0, abs=0.08)


def test_a_rolling_shutter_keeps_the_light_on_between_frames(core: CMMCorePlus) -> None:
    core.setProperty("Camera", "Shutter", "rolling")
    core.setProperty("Camera", "Parameters", '{"camera.line_time_us": 1000}')
    core.setExposure(20.0)
    core.snap()
    # 64 rows are read in 64 ms, longer than the exposure
    assert core.getProperty("Laser", "Dose-ms") == pytest.approx(64.0)
