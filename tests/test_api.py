"""The public Python API: what it gives is what a session gives."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import livesr
from livesr.errors import ConfigError, StorageError
from livesr.offline import Input, Wishes, process
from livesr.offline.hands import Here
from livesr.stop import StopToken

if TYPE_CHECKING:
    from pathlib import Path

KIND = {"pixel_um": 0.1, "z_step_um": 0.3, "structures": ["er", "nucleus"]}


def test_importing_it_loads_nothing() -> None:
    program = (
        "import sys, livesr; "
        "assert not {'numpy', 'zarr', 'openvino', 'pydantic', 'useq'} & set(sys.modules); "
        "assert 'segment' in dir(livesr); assert callable(livesr.open)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    with pytest.raises(AttributeError, match="no attribute 'segments'"):
        _ = livesr.segments


def test_masks_of_arrays_are_those_of_a_recording(tmp_path: Path) -> None:
    from offline_recordings import CHANGES, masks_of, raw_of, write_cell

    write_cell(tmp_path / "a.ome.tif", timepoints=3)
    hands = Here()
    wishes = Wishes(settings=(*CHANGES, "recording.camera_offset=100"))
    one = Input(tmp_path / "a.ome.tif", "a")
    assert process([one], wishes, tmp_path, hands, stop=StopToken())[0].complete
    hands.close()
    session = livesr.open(tmp_path / "a")
    assert [row["t"] for row in session.measurements()] == [0, 0, 1, 1, 2, 2]
    assert len(session.planes()) == 3 * 2 * 8
    with livesr.Segmenter(**KIND) as segmenter:
        for t in range(3):
            masks = segmenter(raw_of(tmp_path / "a", t))
            for name, mask in masks_of(tmp_path / "a", t).items():
                np.testing.assert_array_equal(masks.volumes[name], mask)
        with pytest.raises(ConfigError, match="the first one was"):
            segmenter(np.zeros((2, 8, 32, 32), np.uint16))
    alone = livesr.segment(raw_of(tmp_path / "a", 0), **KIND)
    for name, mask in masks_of(tmp_path / "a", 0).items():
        np.testing.assert_array_equal(alone.volumes[name], mask)


@pytest.mark.parametrize(
    ("stack", "changes", "said"),
    [
        (np.zeros((2, 8, 32, 32), np.float32), {}, "uint16 or uint8"),
        (np.zeros((32, 32), np.uint16), {}, "is \\(c, z, y, x\\)"),
        (np.zeros((3, 8, 32, 32), np.uint16), {}, "3 channels, 2 are named"),
        (np.zeros((2, 8, 32, 32), np.uint16), {"z_step_um": 0.0}, "size of a voxel"),
        (np.zeros((2, 8, 32, 32), np.uint16), {"structures": ["er", "golgi_body"]}, "golgi"),
        (np.zeros((2, 8, 32, 32), np.uint16), {"calibration": "no-such"}, "no calibration"),
    ],
)
def test_what_does_not_fit_is_told(
    stack: np.ndarray, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        livesr.segment(stack, **{**KIND, **changes})


def test_no_session(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no session"):
        livesr.open(str(tmp_path))
