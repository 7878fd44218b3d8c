from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.bench import calibration_peer
from livesr.bench.calibration_case import record_beads
from livesr.bench.calibration_peer import Aligned, Residuals, align, missing, scores
from livesr.calibration.warp import ChromaticModel
from livesr.errors import ModelError
from livesr.types import Grid

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"shape": (6, 64, 80), "count": 20, "optics_seed": 60_910}
# what livesr calls of Chromagnon, with an answer that depends on the image it was given
STAND_IN = """
import numpy as np, tifffile
class Chromagnon:
    def __init__(self, name):
        with tifffile.TiffFile(name) as file:
            self.image = file.asarray()
            self.step = file.imagej_metadata["spacing"]
            pixels, length = file.pages[0].tags["XResolution"].value
            self.pixel = length / pixels
    def setMaxIter3D(self, n): assert n == 1
    def setReferenceWave(self, wave): assert wave == 0
    def findBestChannel(self): print("much talk")
    def findAlignParamWave(self): self.numbers = "-1.0,2.0,-3.0,0.0,1.0,1.0,1.0"
    def findNonLinear2D(self):
        ny, nx = self.image.shape[-2:]
        self.mapyx = np.zeros((1, 2, 2, ny, nx), np.float32)
        self.mapyx[0, 1, 0] = np.arange(ny)[:, None]
        self.mapyx[0, 1, 1] = 0.5
    def saveParm(self, path):
        nw = self.image.shape[1]
        rows = ["nt,1", f"nw,{nw}", f"pxlsize_z_y_x,{self.step},{self.pixel},{self.pixel}",
            "refwave,0", "t,wavelength,tz,ty,tx,rz,mz,my,mx", "0,0,0,0,0,0,1,1,1",
            "0,1," + self.numbers]
        open(path, "w").write("\\n".join(rows))
    def close(self): pass
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "clone" / "Chromagnon"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "version.py").write_text("version = '0.0'")
    (package / "aligner.py").write_text(STAND_IN)
    (tmp_path / "clone" / "six.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "clone")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "clone"))
    return package


def test_without_chromagnon_there_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration_peer, "find_spec", lambda _: None)
    assert "git clone" in str(missing())
    beads = record_beads(60_911, **SMALL)
    assert scores(beads, beads) is None


def test_a_clone_in_the_working_folder_is_not_yet_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Chromagnon" / "Chromagnon").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    assert "PYTHONPATH" in str(missing())


@pytest.mark.usefixtures("stand_in")
def test_its_answer_is_read_in_our_coordinates() -> None:
    beads = record_beads(60_911, **SMALL)
    aligned = align(beads.counts, beads.grid)
    assert aligned.version == "0.0"
    assert 0 <= aligned.global_s <= aligned.local_s
    step, pixel = beads.grid.voxel_um[0], beads.grid.voxel_um[1]
    point = np.array([[0.5, 0.0, 0.0]])
    # shift by ty = 2 upwards in rows read from the last to the first: later rows of the file
    expected = point + np.array([step, 2 * pixel, 3 * pixel])
    np.testing.assert_allclose(aligned.appear(point), expected, atol=1e-6)
    # its map: dy = its row, which is the 31.5th from the last, and so towards earlier rows
    expected = expected + np.array([0.0, -31.5 * pixel, 0.5 * pixel])
    np.testing.assert_allclose(aligned.appear(point, local=True), expected, atol=1e-6)


@pytest.mark.usefixtures("stand_in")
def test_it_is_scored_on_other_beads() -> None:
    fitted, held_out = (record_beads(seed, **SMALL) for seed in (60_911, 60_912))
    found = scores(fitted, held_out)
    assert found is not None
    yellow, red = held_out.inside().places_um
    assert found.nothing == Residuals.of(yellow, red)
    assert found.globally == Residuals.of(yellow + np.array([0.25, 0.13, 0.195]), red)


def test_a_failure_is_told(stand_in: Path) -> None:
    (stand_in / "aligner.py").write_text("raise OSError('no such camera')")
    beads = record_beads(60_911, **SMALL)
    with pytest.raises(ModelError, match="no such camera"):
        align(beads.counts, beads.grid)


def test_residuals_are_root_mean_squares() -> None:
    said = np.array([[0.01, 0.003, 0.004], [-0.01, 0.0, 0.0]])
    found = Residuals.of(said, np.zeros((2, 3)))
    assert found.z_nm == pytest.approx(10.0)
    assert found.xy_nm == pytest.approx(5.0 / np.sqrt(2))


def test_local_alignment_is_interpolated_between_pixels() -> None:
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32), (2, 6, 8))
    aligned = Aligned(ChromaticModel(), ramp, Grid((3, 6, 8), (0.3, 0.1, 0.1)), "", 0.0, 0.0)
    points = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.025], [0.0, 0.1, 9.0]])
    moved = aligned.appear(points, local=True) - points
    np.testing.assert_allclose(moved[:, 2] / 0.1, (3.5, 3.75, 7.0), atol=1e-5)
