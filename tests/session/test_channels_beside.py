"""A third channel is stored, registered and measured, and no mask depends on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from memory_source import PLANES, SIDE, MemorySource, splitter_frame

from livesr.calibration.profile import load_profile, save_profile
from livesr.errors import ConfigError
from livesr.session import run_session
from livesr.session.summary import summary_of
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session import Plan
    from livesr.types import Frame, RecordingInfo, StackIndex

SEGMENTATION = {"structures": ["er", "nucleus"]}


@dataclass
class ThreeChannels(MemorySource):
    """Yellow, red and green beside each other; green is bright on the left."""

    names: tuple[str, ...] = ("yellow", "red", "green")

    @property
    def info(self) -> RecordingInfo:
        two = super().info
        return replace(two, channels=self.names, shape=(len(self.names), *two.shape[1:]))

    def _frame(self, index: StackIndex, z: int) -> Frame:
        frame = super()._frame(index, z)
        green = np.full((SIDE, SIDE), 100, np.uint16)
        green[:, : SIDE // 2] += 400
        both = splitter_frame(index, z)
        parts = {"yellow": both[:, :SIDE], "red": both[:, SIDE:], "green": green}
        return replace(frame, image=np.hstack([parts[name] for name in self.names]))


def layout(*names: str) -> dict[str, object]:
    parts = [
        {"name": name, "x": k * SIDE, "y": 0, "width": SIDE, "height": SIDE}
        for k, name in enumerate(names)
    ]
    return {"kind": "splitter", "channels": parts}


def test_green_is_stored_and_measured_and_changes_no_mask(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    names = ("yellow", "red", "green")
    source = ThreeChannels(timepoints=1, names=names)
    plan = plan_of(source, layout=layout(*names), segmentation=SEGMENTATION)
    assert summary_of(plan)["channels_beside"] == {"green": "as recorded"}
    run_session(plan, tmp_path / "three")
    run_session(plan_of(MemorySource(timepoints=1), segmentation=SEGMENTATION), tmp_path / "two")
    three, two = (open_session(tmp_path / name).images[0] for name in ("three", "two"))
    assert three.channels == names
    assert three.attributes["channels_beside"] == {"green": "as recorded"}
    np.testing.assert_array_equal(np.unique(three.raw(0, 2)), [100, 500])
    rows = read_table(tmp_path / "three" / "measurements.parquet")
    for row in rows:
        mask = three.mask(row["structure"], 0) != 0
        np.testing.assert_array_equal(mask, two.mask(row["structure"], 0) != 0)
        expected = (three.raw(0, 2)[mask] - 100.0).mean() if mask.any() else None
        assert row["mean_green"] == (expected if expected is None else pytest.approx(expected))
    assert any(row["voxels"] for row in rows)
    plain = read_table(tmp_path / "two" / "measurements.parquet")
    assert "mean_green" not in plain[0]


def test_green_never_stands_in_for_red(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    names = ("yellow", "green")
    source = ThreeChannels(timepoints=1, names=names)
    plan = plan_of(
        source, layout=layout(*names), segmentation={"structures": ["er", "golgi", "nucleus"]}
    )
    assert plan.unreliable == ("golgi",)
    run_session(plan, tmp_path / "s")
    alone = ThreeChannels(timepoints=1, names=("yellow",))
    single = plan_of(alone, layout=layout("yellow"), segmentation=SEGMENTATION)
    run_session(single, tmp_path / "alone")
    images = [open_session(tmp_path / name).images[0] for name in ("s", "alone")]
    for name in ("er", "nucleus"):
        np.testing.assert_array_equal(*(image.mask(name, 0) for image in images))


def test_another_order_is_refused_before_the_first_frame(plan_of: Callable[..., Plan]) -> None:
    names = ("green", "yellow", "red")
    source = ThreeChannels(names=names)
    with pytest.raises(ConfigError, match="green, yellow, red"):
        plan_of(source, layout=layout(*names))
    assert source.closed


def test_a_calibration_without_green_registers_red_and_says_so(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    known = load_profile("simulated")
    made_for = known.valid_for.model_copy(
        update={"microscope": "memory", "camera": "memory", "objective": "", "pixel_um": 0.1}
    )
    red = {"red": known.channels["red"]}
    update = {"simulated": False, "valid_for": made_for, "channels": red, "measured": {}}
    save_profile(known.model_copy(update=update), tmp_path / "red.yaml")
    names = ("yellow", "red", "green")
    plan = plan_of(
        ThreeChannels(names=names),
        layout=layout(*names),
        calibration=str(tmp_path / "red.yaml"),
        segmentation={"enabled": False},
    )
    assert list(plan.models) == [1]
    assert plan.beside() == {"green": "as recorded"}
    assert any("does not know green" in warning for warning in plan.warnings)
    assert plan.info.shape == (3, PLANES, SIDE, SIDE)
