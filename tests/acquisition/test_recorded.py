from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from livesr.acquisition.sources import open_source
from livesr.config import session_from
from livesr.config.layouts import side_by_side
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from stamping import Make, Taken

    from livesr.flow import StopToken


def test_what_a_recording_says_of_itself(recorded: Make) -> None:
    source = open_source(recorded(name="stand", camera="Prime", camera_offset=99))
    info = source.info
    source.close()
    assert info.channels == ("yellow", "red")
    assert info.shape == (2, 5, 24, 24)
    assert (info.timepoints, info.positions) == (3, 1)
    assert (info.pixel_um, info.z_step_um, info.interval_s) == (0.1, 0.3, 0.05)
    assert (info.microscope, info.camera, info.camera_offset) == ("stand", "Prime", 99)
    assert not info.simulated


def test_times_are_those_of_the_recording_at_any_speed(
    recorded: Make, taken: Taken, stop: StopToken
) -> None:
    source = open_source(recorded(interval_s=3600, speed="full"))
    source.run(taken, stop)
    source.close()
    assert sorted({frame.time_s for frame in taken.frames}) == [0.0, 3600.0, 7200.0]


@pytest.mark.parametrize(
    ("channels", "layout", "message"),
    [
        (2, {"kind": "single"}, "has 2 channels"),
        (1, None, "has 1 channels"),
        (1, side_by_side(24, 24).model_dump(), "24 pixels wide"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(
    recorded: Make, channels: int, layout: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        open_source(recorded(channels=channels, layout=layout))
    assert "recorded.tif" in error.value.where


def test_yellow_and_red_are_delivered_first_wherever_the_file_has_them(
    tmp_path: Path, taken: Taken, stop: StopToken
) -> None:
    names = ("green", "red", "yellow")
    data = np.empty((4, 3, 16, 16), np.uint16)
    data[:] = np.arange(3)[None, :, None, None]
    metadata = {"axes": "ZCYX", "Channel": {"Name": list(names)}, "PhysicalSizeX": 0.1}
    metadata |= {"PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.3}
    tifffile.imwrite(tmp_path / "three.ome.tif", data, metadata=metadata)
    source = open_source(
        session_from(
            {
                "recording": {"paths": str(tmp_path / "three.ome.tif")},
                "layout": "single",
                "calibration": "none",
            }
        )
    )
    source.run(taken, stop)
    source.close()
    assert source.info.channels == ("yellow", "red", "green")
    assert {(frame.c, int(frame.image[0, 0])) for frame in taken.frames} == {(0, 2), (1, 1), (2, 0)}
