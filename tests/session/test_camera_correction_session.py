"""A session applies its camera correction, alike live and later, and says when it has none."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from memory_source import SIDE, MemorySource, memory_session

from livesr.acquisition.images import Images
from livesr.calibration.camera.applied import correction_of
from livesr.calibration.camera.correction import PEDESTAL
from livesr.calibration.camera.found import CameraMaps
from livesr.calibration.camera.record import load_camera, load_maps, save_camera
from livesr.calibration.warp import Warp, target_grid
from livesr.config import session_from
from livesr.config.analysis import Analysis
from livesr.errors import CalibrationError, ConfigError
from livesr.ordered import Followed, Followers
from livesr.pipeline import segment
from livesr.session import run_session
from livesr.session import segmenter as guests
from livesr.session.camera import camera_again
from livesr.session.job import Job
from livesr.session.measuring import Measuring
from livesr.session.past import read_past
from livesr.session.summary import summary_of
from livesr.storage.folder import OBJECTS_FILE
from livesr.storage.reader import open_session
from livesr.types import Grid, Masks, RecordingInfo, Stack, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from livesr.flow import StopToken
    from livesr.session import Plan
    from livesr.types import Frame

TODAY = datetime.now(UTC).date()


@dataclass
class SimulatedSource(MemorySource):
    """A memory source that is no hardware."""

    @property
    def info(self) -> RecordingInfo:
        return replace(super().info, simulated=True)


@dataclass
class ResumableSource(MemorySource):
    """A memory source that does not take again what is there."""

    done: Collection[StackIndex] = ()

    def resume(self, done: Collection[StackIndex], *_times_s: float) -> None:
        self.done = done

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        if not self.done:
            super().run(deliver, stop)


def store(folder: Path, *, days: int = 0, camera: str = "memory", seed: int = 60_760) -> str:
    """Write a correction of the memory source's sensor, so many days old; return its path."""
    rng = np.random.default_rng(seed)
    shape = (1, SIDE, 2 * SIDE)
    maps = CameraMaps(
        rng.normal(110.0, 10.0, shape).astype(np.float32),
        rng.normal(1.0, 0.05, shape).astype(np.float32),
        np.ones(shape, np.float32),
        rng.random(shape) < 1e-3,
        rng.uniform(0.8, 1.2, (2, SIDE, SIDE)).astype(np.float32),
    )
    layout = memory_session().layout
    counts = {"offset": [110.0], "gain_e_per_adu": [1.2], "read_noise_e": [1.6], "hot_pixels": 9}
    errors = {"offset_error": 0.1, "response_error": 0.001, "response_spread": 0.05}
    content: dict[str, Any] = {
        "name": "mine",
        "measured": TODAY - timedelta(days),
        "simulated": False,
        "made_for": {"camera": camera, "sensor": shape},
        "channels": [{"name": r.name, "image": 0, "rectangle": r} for r in layout.channels],
        "darks": 200,
        "levels": [{"frames": 20, "counts": [9.0], "drift": 0, "flicker": 0, "gain_deviation": 0}],
        "found": {**counts, **errors},
        "by": "test",
        "source": "test",
        "software": "test",
    }
    path = folder / "mine.camera.yaml"
    save_camera(content, maps, path)
    return str(path)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "journal.jsonl").read_text("utf-8").splitlines())
    return [line for line in lines if line["event"] == kind]


def test_masks_of_a_corrected_session_are_the_same_live_and_later(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    asked = {"camera_correction": store(tmp_path)}
    plan, folder = plan_of(MemorySource(timepoints=1), **asked), tmp_path / "s"
    result = run_session(plan, folder)
    assert result.exit_code == 0
    image = open_session(folder).images[0]
    tools, _ = guests.load_tools(Job.of(plan, folder))
    plain = Warp(tools.camera, tools.warp.target.voxel_um, plan.models)
    bare = replace(tools, warp=plain, offset=plan.info.camera_offset, early=None, masked=None)
    assert tools.offset == PEDESTAL
    images, correction = Images(plan.info), plan.camera.correction
    followers = Followers(plan.info, images, plan.followed, correction=correction)
    differ = 0
    for line in events(folder, "stack_stored"):
        t = line["index"]["t"]
        data = np.stack([image.raw(t, c) for c in range(2)])
        followed = Followed.read(line, plan.info.channels)
        assert followers.update(StackIndex(0, t), data) == followed
        stack = Stack(data, StackIndex(0, t), 0.0)
        found = segment(stack, followed.normalisation, tools).masks
        other = segment(stack, followed.normalisation, bare).masks
        for name in plan.structures:
            np.testing.assert_array_equal(found.volumes[name], image.mask(name, t))
            differ += int(np.count_nonzero(found.volumes[name] != other.volumes[name]))
    assert differ > 0  # it is applied
    for engine in tools.engines:
        engine.close()
    (begun,) = events(folder, "session_started")
    assert begun["camera_correction"]["name"] == "mine"
    assert len(begun["camera_correction"]["sha256"]) == 64


def test_raw_is_stored_as_the_camera_gave_it(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    off = {"segmentation": {"enabled": False}}
    for name, asked in (("plain", {}), ("corrected", {"camera_correction": store(tmp_path)})):
        run_session(plan_of(MemorySource(timepoints=1), **off, **asked), tmp_path / name)
    plain, corrected = (open_session(tmp_path / n).images[0] for n in ("plain", "corrected"))
    for c in range(2):
        np.testing.assert_array_equal(plain.raw(0, c), corrected.raw(0, c))


def warned(plan: Plan) -> str:
    return "; ".join(plan.warnings)


def test_a_missing_or_old_correction_is_warned_of(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    off = {"segmentation": {"enabled": False}}
    assert "camera_correction: none" in warned(plan_of(MemorySource(), **off))
    assert "camera_correction" not in warned(plan_of(SimulatedSource(), **off))
    fresh = plan_of(MemorySource(), camera_correction=store(tmp_path), **off)
    assert "camera correction" not in warned(fresh)
    old = plan_of(MemorySource(), camera_correction=store(tmp_path, days=91), **off)
    assert "is 91 days old" in warned(old)
    assert summary_of(old)["camera_correction"] == old.camera.as_dict()


def test_another_cameras_correction_ends_the_session_before_it_begins(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    with pytest.raises(CalibrationError, match="for the camera 'other', the session has 'memory'"):
        plan_of(MemorySource(), camera_correction=store(tmp_path, camera="other"))
    with pytest.raises(CalibrationError, match="there is no camera correction 'missing'"):
        plan_of(MemorySource(), camera_correction="missing")


def test_a_session_goes_on_with_the_correction_it_began_with(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    asked = {"camera_correction": store(tmp_path), "segmentation": {"enabled": False}}
    folder = tmp_path / "s"
    run_session(plan_of(ResumableSource(timepoints=1), **asked), folder)
    store(tmp_path, seed=60_761)  # calibrated again, under the same name
    with pytest.raises(ConfigError, match="was begun with the camera correction mine"):
        run_session(plan_of(ResumableSource(timepoints=1), **asked), folder, resume=True)
    session, channels = session_from(open_session(folder).settings), ("yellow", "red")
    before = read_past(folder, channels).camera
    with pytest.raises(ConfigError, match="was begun with the camera correction mine"):
        camera_again(session, channels, before, folder)  # as `livesr measure` does
    store(tmp_path)
    assert camera_again(session, channels, before, folder).as_dict() == before
    result = run_session(plan_of(ResumableSource(timepoints=1), **asked), folder, resume=True)
    assert result.exit_code == 0
    other = plan_of(ResumableSource(timepoints=1), segmentation={"enabled": False})
    with pytest.raises(ConfigError, match="begun with another camera_correction"):
        run_session(other, folder, resume=True)


@pytest.mark.parametrize("voxel_um", [(0.3, 0.1, 0.1), (0.3, 0.2, 0.2)])
def test_light_is_measured_without_the_cameras_pattern(
    tmp_path: Path, voxel_um: tuple[float, float, float]
) -> None:
    profile = load_camera(Path(store(tmp_path)))
    maps = load_maps(profile, tmp_path / "mine.camera.yaml")
    correction = correction_of(profile, maps, ("yellow", "red"), memory_session().layout)
    camera = Grid((3, SIDE, SIDE), (0.3, 0.1, 0.1))
    raw = np.random.default_rng(60_762).poisson(300, (2, *camera.shape)).astype(np.uint16)
    grid = target_grid(camera, voxel_um)
    volume = np.zeros(grid.shape, np.uint8)
    volume[:, 4:12, 4:12] = 1
    masks = Masks({"lysosome": volume}, grid, StackIndex(0, 0))

    def light(measuring: Measuring, data: np.ndarray) -> list[float]:
        rows = measuring.measure(masks, data, camera, {}, 0.0).tables[OBJECTS_FILE]
        return [float(rows[name][0]) for name in ("intensity_mean", "ratio_mean")]

    asked = Analysis(objects=True)
    corrected = correction.stack(raw, np.empty_like(raw))
    found = light(Measuring(asked, {}, PEDESTAL, 1, correction), raw)
    assert found == light(Measuring(asked, {}, PEDESTAL, 1), corrected)
    assert found != light(Measuring(asked, {}, 110.0, 1), raw)


def test_sessions_of_older_versions_go_on(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    folder = tmp_path / "s"
    plan = plan_of(ResumableSource(timepoints=1), segmentation={"enabled": False})
    run_session(plan, folder)
    for name in ("session.yaml", "journal.jsonl"):
        text = (folder / name).read_text("utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("camera_correction")]
        if name == "journal.jsonl":
            said = [json.loads(line) for line in lines]
            for line in said:
                line.pop("camera_correction", None)
            lines = [json.dumps(line) for line in said]
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    plan = plan_of(ResumableSource(timepoints=1), segmentation={"enabled": False})
    assert run_session(plan, folder, resume=True).exit_code == 0
