"""A session follows the channels' offset, keeps it, and says when its calibration is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from memory_source import MemorySource

from livesr.acquisition.images import Images
from livesr.calibration.profile import load_profile, save_profile
from livesr.errors import ConfigError
from livesr.ordered import Followed, Followers
from livesr.pipeline import segment
from livesr.session import run_session
from livesr.session import segmenter as guests
from livesr.session.job import Job
from livesr.session.summary import summary_of
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.sample import Sample
from livesr.simulator.stack import draw_center
from livesr.simulator.view import View
from livesr.storage.reader import open_session
from livesr.types import Frame, Normalisation, RecordingInfo, Stack, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.flow import StopToken
    from livesr.session import Plan

SEED, SIDE, PLANES, PIXEL = 60_801, 192, 12, 0.0668
RAW_ONLY = {"segmentation": {"enabled": False}}


@lru_cache
def photons() -> np.ndarray:
    sample = Sample(SEED)
    view = View(draw_center(sample), PIXEL, (SIDE, SIDE))
    heights = (0.3 * np.arange(PLANES)).tolist()
    return sample.emission(0.0, heights, view, Optics.from_seed(SEED))


@dataclass
class CellSource(MemorySource):
    """Delivers simulated cells; stacks of ``dark`` show nothing."""

    dark: set[int] = field(default_factory=set)

    @property
    def info(self) -> RecordingInfo:
        shape = (2, PLANES, SIDE, SIDE)
        return replace(super().info, shape=shape, pixel_um=PIXEL, simulated=True)

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        for t in range(self.timepoints):
            if stop.now:
                return
            light = np.zeros_like(photons()) if t in self.dark else photons()
            data = np.random.default_rng(t).poisson(light) + 100
            for z, image in enumerate(np.concatenate(data.astype(np.uint16), axis=2)):
                at = (0.0, 0.0, 0.3 * z)
                deliver(Frame(image, StackIndex(0, t), z, 0, float(t), at, 50.0))


def session_on(
    tmp_path: Path,
    plan_of: Callable[..., Plan],
    drift: tuple[float, float, float],
    psf: dict | None = None,
    **changes: object,
) -> Plan:
    """Plan a session whose stored calibration lies ``drift`` (z, y, x; µm) off the light path."""
    stored = Optics.from_seed(SEED).chromatic.shifted(*(-d for d in drift))
    profile = load_profile("simulated")
    channel = type(profile.channels["red"]).of(stored)
    made_for = profile.valid_for.model_copy(
        update={"microscope": "", "camera": "", "objective": "", "layout": ""}
    )
    path = tmp_path / "stored.yaml"
    save_profile(
        profile.model_copy(
            update={
                "channels": {"red": channel},
                "valid_for": made_for,
                "psf": profile.psf if psf is None else psf,
            }
        ),
        path,
    )
    layout = {
        "kind": "splitter",
        "channels": [
            {"name": name, "x": x, "y": 0, "width": SIDE, "height": SIDE}
            for name, x in (("yellow", 0), ("red", SIDE))
        ],
    }
    source = CellSource(timepoints=3, dark={2})
    return plan_of(source, layout=layout, calibration=str(path), **changes)


def events(folder: Path, name: str) -> list[dict]:
    return [line for line in open_session(folder).journal() if line["event"] == name]


def test_the_offset_is_followed_journalled_and_told(
    tmp_path: Path, plan_of: Callable[..., Plan]
) -> None:
    plan = session_on(tmp_path, plan_of, (0.06, -0.05, 0.04), **RAW_ONLY)
    assert summary_of(plan)["calibration_followed"] == ["red"]
    result = run_session(plan, tmp_path / "s")
    kept = [line["channel_offset_nm"]["red"] for line in events(tmp_path / "s", "stack_stored")]
    assert kept[2] == kept[1]  # a dark stack changes nothing
    for shift in kept:
        error = np.array([shift["z"], shift["y"], shift["x"]]) - (60, -50, 40)
        assert np.all(np.abs(error) < (30, 10, 10))
    assert result.as_dict()["channel_offset_nm"] == {"red": kept[-1]}
    assert result.as_dict()["calibration_misfits"] == []
    assert events(tmp_path / "s", "calibration_misfit") == []


def test_nothing_is_followed_if_not_asked_for(tmp_path: Path, plan_of: Callable[..., Plan]) -> None:
    still = {"calibration_follow": False, **RAW_ONLY}
    plan = session_on(tmp_path, plan_of, (0.06, -0.05, 0.04), **still)
    assert plan.followed == {}
    result = run_session(plan, tmp_path / "s")
    assert all("channel_offset_nm" not in line for line in events(tmp_path / "s", "stack_stored"))
    assert result.as_dict()["channel_offset_nm"] == {}
    assert plan_of(MemorySource(), **RAW_ONLY).followed == {}  # calibration: none


def test_a_calibration_that_no_longer_fits_is_said_once(
    tmp_path: Path, plan_of: Callable[..., Plan]
) -> None:
    plan = session_on(tmp_path, plan_of, (0.0, 0.12, -0.1), **RAW_ONLY)
    result = run_session(plan, tmp_path / "s")
    (said,) = events(tmp_path / "s", "calibration_misfit")
    assert "red lies 2.3 pixels" in said["what"]
    assert result.as_dict()["calibration_misfits"] == [said["what"]]
    assert said["what"] in (tmp_path / "s" / "log.jsonl").read_text(encoding="utf-8")


def test_masks_made_later_from_the_journal_are_the_same(
    tmp_path: Path, plan_of: Callable[..., Plan]
) -> None:
    wanted = {"policy": "every", "structures": ["er", "mitochondria"], "masked_images": True}
    plan = session_on(tmp_path, plan_of, (0.06, -0.05, 0.04), segmentation=wanted)
    folder = tmp_path / "s"
    result = run_session(plan, folder)
    assert result.exit_code == 0
    image = open_session(folder).images[0]
    job = Job(
        info=plan.info,
        packages=(str(plan.networks.first.folder),),
        engine="auto",
        precision="auto",
        threads=None,
        calibration="stored",
        models=plan.models,
        structures=plan.structures,
        unreliable=(),
        on_camera_grid=True,
        folder=folder,
    )
    tools, _ = guests.load_tools(job)
    differs = 0
    for line in events(folder, "stack_stored")[:2]:
        t = line["index"]["t"]
        stack = Stack(np.stack([image.raw(t, c) for c in range(2)]), StackIndex(0, t), 0.0)
        followed = Followed.read(line, plan.info.channels)
        assert any(followed.channel_offset[1])
        masks = segment(stack, followed.normalisation, tools, followed.channel_offset).masks
        as_stored = segment(stack, followed.normalisation, tools).masks
        for name in plan.structures:
            np.testing.assert_array_equal(masks.volumes[name], image.mask(name, t))
            differs += int(np.sum(masks.volumes[name] != as_stored.volumes[name]))
    assert differs > 0
    for engine in tools.engines:
        engine.close()


def test_what_is_followed_is_read_back_from_the_journal() -> None:
    followed = Followed(Normalisation(151.25, 0.4375), {1: (12, -34, 56)})
    channels = ("yellow", "red")
    assert Followed.read(followed.journalled(channels), channels) == followed
    plain = Followed(Normalisation(100.0, 1.0))
    assert Followed.read(plain.journalled(channels), channels) == plain


def test_positions_share_one_offset() -> None:
    info = replace(CellSource().info, positions=2)
    followers = Followers(
        info, Images(info), {1: Optics.from_seed(SEED).chromatic.shifted(0.0, 0.05, 0.0)}
    )
    cells = (np.random.default_rng(1).poisson(photons()) + 100).astype(np.uint16)
    first = followers.update(StackIndex(0, 0), cells).channel_offset
    dark = followers.update(StackIndex(1, 0), np.full_like(cells, 100))
    assert dark.channel_offset == first != {1: (0, 0, 0)}


def test_widths_are_matched_if_asked_for_and_known(
    tmp_path: Path, plan_of: Callable[..., Plan]
) -> None:
    assert session_on(tmp_path, plan_of, (0.0, 0.0, 0.0)).matching is None
    asked = {"segmentation": {"match_psf": True, "structures": ["er"]}}
    plan = session_on(tmp_path, plan_of, (0.0, 0.0, 0.0), **asked)
    (yellow, red) = plan.matching.added_um
    assert 0.02 < yellow[0] < 0.04  # red's image of a point is wider
    assert red == (0.0, 0.0)
    result = run_session(plan, tmp_path / "s")
    assert result.exit_code == 0
    with pytest.raises(ConfigError, match="does not know how wide yellow and red"):
        session_on(tmp_path, plan_of, (0.0, 0.0, 0.0), **asked, psf={})
