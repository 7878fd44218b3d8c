"""The simulator's benchmark in a small form: it measures what it says, and it would notice."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.bench import (
    difficulty,
    simulator,
    simulator_peer,
    simulator_points,
    simulator_ranges,
    simulator_truth,
)
from livesr.calibration.warp import ChromaticModel
from livesr.catalog import NAMES
from livesr.errors import ModelError
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.training.evaluation import baselines
from livesr.training.labelled import LabelledStack
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.rows import Row
    from livesr.simulator.imaging.optics import Optics
    from livesr.simulator.view import View
    from livesr.types import Bool, Float32


def test_speed_of_a_small_field() -> None:
    frame, from_scene, timepoint = simulator.speed_rows(64, 3, 1)
    assert (frame.name, from_scene.name) == ("frame_ms", "frame_from_scene_ms")
    assert (timepoint.name, timepoint.unit) == ("timepoint_s", "s")
    for row in (frame, from_scene, timepoint):
        assert row.value > 0
        assert row.bound
        assert row.attained is not None
        assert 0 < row.attained <= 1
        assert "rendered" in row.detail
        assert "2 channels × 64 × 64" in row.detail


def test_timed_field_has_three_cells_of_a_published_seed() -> None:
    sample = simulator.field_of_cells(3)
    assert sample.seed >= simulator.FIRST_SEED
    assert len(sample.stages(0.0)) == 3


def test_a_fit_finds_a_gaussian() -> None:
    z = simulator_points.PLANES_UM
    y, x = np.arange(40)[:, None], np.arange(50)
    center, sigma = (0.13, 17.4, 30.7), (0.21, 0.9, 1.2)
    planes = np.exp(-0.5 * ((z - center[0]) / sigma[0]) ** 2)
    spot = np.exp(
        -0.5 * ((y - center[1]) / sigma[1]) ** 2 - 0.5 * ((x - center[2]) / sigma[2]) ** 2
    )
    stack = (3.0 + 50.0 * planes[:, None, None] * spot).astype(np.float32)
    found = simulator_points.fit_point(stack, z, 17.0, 31.0)
    np.testing.assert_allclose(found.center, center, atol=1e-4)
    np.testing.assert_allclose(found.fwhm, 2.35482 * np.array(sigma), rtol=1e-4)


def test_beads_have_the_optics_widths_and_offsets() -> None:
    width = simulator_points.psf_row("beads", 300, 3)
    offset = simulator_points.chromatic_row("beads", 300, 3)
    assert width.value < 0.03
    assert offset.value < 1.0
    assert width.attained == offset.attained == 1.0


def test_points_of_the_cells_renderer_have_about_the_optics_widths() -> None:
    width = simulator_points.psf_row("cells", 300, 3)
    offset = simulator_points.chromatic_row("cells", 300, 3)
    assert width.name == "psf_width_error_cells"
    assert width.value < 0.12
    assert offset.value < 5.0


def test_a_blunter_or_shifted_microscope_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = simulator_points._as_beads

    def worse(beads: object, channel: int, view: object, optics: Optics) -> Float32:
        blunt = tuple(1.06 * width for width in optics.lateral_fwhm_um)
        shift = optics.chromatic.shifted(0.0, 0.004, 0.0)
        other = replace(optics, lateral_fwhm_um=blunt, chromatic=shift)
        return plain(beads, channel, view, other)  # type: ignore[arg-type]

    monkeypatch.setattr(simulator_points, "_as_beads", worse)
    width = simulator_points.psf_row("beads", 300, 3)
    assert width.value == pytest.approx(0.06, abs=0.01)
    assert width.attained == pytest.approx(0.5, abs=0.1)
    assert simulator_points.chromatic_row("beads", 300, 3).value == pytest.approx(4.0, abs=0.2)


def test_photon_transfer_finds_gain_and_read_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    gain, noise = simulator_truth.camera_rows(128, 8)
    assert gain.value < 0.015
    assert noise.value < 0.03
    p = parameters().camera
    other = replace(CameraModel.from_parameters(p), gain_e_per_adu=1.5)
    monkeypatch.setattr(
        simulator_truth.CameraModel, "from_parameters", classmethod(lambda *_: other)
    )
    gain, _ = simulator_truth.camera_rows(128, 8)
    assert gain.value == pytest.approx(0.25, abs=0.02)


def test_band_ratios_are_the_spectra_s() -> None:
    row = simulator_truth.band_ratio_row(("golgi", "cytosol"))
    assert row.value < 0.03
    assert "2 compartments rendered alone" in row.detail


def test_another_process_sees_the_same() -> None:
    assert simulator_truth.purity_row(48).value == 1.0


def test_a_process_that_sees_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator_truth, "fingerprint", lambda *_: "this")
    other = subprocess.CompletedProcess([], 0, stdout="that\n")
    monkeypatch.setattr(simulator_truth.subprocess, "run", lambda *_, **__: other)
    assert simulator_truth.purity_row(48).value == 0.0


class Numbers:
    """A sample whose photons and truth are the time and the height."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def emission(self, time_s: float, z_um: list[float], view: View, _optics: object) -> Float32:
        values = [[self._seed + time_s + z for z in z_um]] * 2
        return np.array(values, np.float32)[..., None, None] * np.ones(view.shape, np.float32)

    def truth(self, time_s: float, z_um: list[float], view: View) -> dict[str, Bool]:
        return {"er": self.emission(time_s, z_um, view, None)[0] > self._seed + 60.0}


def test_fingerprint_knows_sample_and_time_but_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator_truth, "Sample", Numbers)
    here = simulator_truth.fingerprint(60_000, 8, [0.0, 60.0], [0.5, 1.0])
    assert here == simulator_truth.fingerprint(60_000, 8, [60.0, 0.0], [1.0, 0.5], alone=True)
    assert here != simulator_truth.fingerprint(60_000, 8, [0.0, 61.0], [0.5, 1.0])
    assert here != simulator_truth.fingerprint(60_001, 8, [0.0, 60.0], [0.5, 1.0])


def test_cells_and_divisions_are_measured_in_every_quantity() -> None:
    cells = simulator_ranges.interphase_cells(Sample(60_000, field_um=(40.0, 40.0)))
    assert set(cells[0]) == set(simulator_ranges.INTERPHASE)
    assert cells[0]["cell volume, µm³"] > 1000
    dividing = parameters("standard", simulator_ranges.DIVIDING)
    sample = Sample(60_000, parameters=dividing, field_um=(40.0, 40.0))
    courses = simulator_ranges.divisions(sample)
    assert courses
    m = dividing.mitosis
    for course in courses:
        assert set(course) == set(simulator_ranges.DIVISION)
        assert m.breakdown_min[0] - 0.1 <= course["envelope to nothing, min"]
        assert course["envelope to nothing, min"] <= m.breakdown_min[1] + 0.1
        closed = course["envelope closed after anaphase onset, min"]
        assert m.reformation_min[0] - 0.1 <= closed <= m.reformation_min[1] + 0.1


def test_what_is_outside_is_counted_and_named() -> None:
    ranges = {"a": (1.0, 2.0), "b": (0.0, 1.0)}
    found = [{"a": 1.0, "b": 0.5}, {"a": 2.5, "b": 0.5}, {"a": 3.0}]
    row = simulator_ranges._row("share", found, ranges, "cells", 1)
    assert row.value == pytest.approx(3 / 5)
    assert "a 2.5–3 in 2, not 1–2" in row.detail
    assert "b " not in row.detail.split("outside:")[1]


def fake_stack(seed: int, *, shape: tuple[int, int, int]) -> LabelledStack:
    """Squares of equal light: lipid droplets are bright, peroxisomes red, the rest like nothing."""
    rng = np.random.default_rng([60_000, seed])
    truth = {name: np.zeros(shape, bool) for name in NAMES}
    for k, name in enumerate(NAMES):
        y, x = 16 * (k // 4), 16 * (k % 4)
        truth[name][:, y + 2 : y + 14, x + 2 : x + 14] = True
    photons = np.full((2, *shape), 60.0)
    photons[:, truth["lipid_droplet"]] *= 8.0
    photons[0, truth["peroxisome"]] = 35.0
    photons[1, truth["peroxisome"]] = 85.0
    photons[:, truth["extracellular"]] = 2.0
    data = (100 + rng.poisson(photons)).astype(np.uint16)
    grid = Grid(shape, (0.3, 0.0668, 0.0668))
    return LabelledStack(data, grid, 100.0, ChromaticModel.identity(), truth)


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Row]]:
    pytest.importorskip("sklearn")
    for module in (baselines, difficulty):
        monkeypatch.setattr(module, "simulate", fake_stack)
    return {row.name: row for row in difficulty.rows(small=True)}  # type: ignore[return-value]


def test_difficulty_tells_who_needs_the_ratio(squares: dict[str, Row]) -> None:
    assert set(squares) == {f"{k}_{name}" for k in ("forest_f1", "ratio_gain") for name in NAMES}
    assert squares["forest_f1_lipid_droplet"].value > 0.9
    assert squares["ratio_gain_lipid_droplet"].value < 0.1
    assert squares["forest_f1_peroxisome"].value > 0.8
    assert squares["ratio_gain_peroxisome"].value > 0.3
    threshold = squares["ratio_gain_peroxisome"].peer_value
    assert threshold is not None
    assert threshold > 0.3


def test_missing_peer_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator_peer, "interpreter", lambda: None)
    (row,) = simulator_peer.rows(64, 3, 2.0)
    assert row.peer_value is None
    assert row.ratio is None
    assert simulator_peer.INTERPRETER in row.detail
    assert "pip install microsim" in row.detail


def test_peer_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(python: str, shape: tuple[int, int, int], finer: int) -> dict[str, object]:
        assert python == "elsewhere"
        seconds = 3.0 if finer == 1 else 10.0
        blur = {"yellow": (0.19, 0.43)}
        return {"seconds": seconds, "version": "1.2", "shape": shape, "fwhm_um": blur}

    monkeypatch.setenv(simulator_peer.INTERPRETER, "elsewhere")
    monkeypatch.setattr(simulator_peer, "timed", timed)
    fine, coarse = simulator_peer.rows(64, 3, 2.0)
    assert (fine.name, fine.peer) == ("microsim", "microsim 1.2")
    assert fine.ratio == pytest.approx(4 * 10.0 / 2.0)
    assert coarse.ratio == pytest.approx(3.0 / 2.0)
    assert "190/430 nm" in fine.detail


@pytest.mark.skipif(find_spec("microsim") is not None, reason="microsim is installed")
@pytest.mark.parametrize("python", [sys.executable, "/no/such/python"])
def test_an_interpreter_without_microsim_is_refused(python: str) -> None:
    with pytest.raises(ModelError, match="could not be run") as caught:
        simulator_peer.timed(python, (3, 8, 8), 1)
    assert python in caught.value.where
    assert "pip install microsim" in caught.value.fix
