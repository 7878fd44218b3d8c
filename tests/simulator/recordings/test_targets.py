"""Beads, dark and flat frames on disk: what is written is what the truth says."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr

from livesr.analysis.photon_transfer import photon_transfer
from livesr.calibration.profile import load_profile
from livesr.errors import ConfigError
from livesr.simulator.recordings.instrument import Instrument, Setup
from livesr.simulator.recordings.targets import simulate_beads, simulate_dark, simulate_flat

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.types import Float64, UInt16

SMALL = Setup(shape=(96, 128), z_step_um=0.2)


def counts(made: dict[str, Any]) -> UInt16:
    """Return the image (t, c, z, y, x)."""
    return np.asarray(zarr.open_array(f"{made['image']}/0", mode="r")[:])


def table(path: str) -> list[dict[str, float]]:
    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def centroid(image: Float64, place: Float64) -> Float64:
    """Return the centre (y, x) of the light around a place."""
    y, x = (round(v) for v in place)
    part = image[y - 5 : y + 6, x - 5 : x + 6] - np.median(image)
    part = np.where(part > 0.2 * part.max(), part, 0.0)
    rows, columns = np.mgrid[y - 5 : y + 6, x - 5 : x + 6]
    return np.array([(part * rows).sum(), (part * columns).sum()]) / part.sum()


def test_beads_lie_where_the_table_says_in_each_channel(tmp_path: Path) -> None:
    setup = Setup(shape=(160, 200), z_step_um=0.2)
    made = simulate_beads(setup, tmp_path / "beads", count=15, photons=(2e4, 2e4), channels=3)
    image = counts(made)[0].astype(float)
    assert made["channels"] == ["yellow", "red", "green"]
    rows = table(made["tables"]["beads"])
    assert len(rows) == 15
    checked = 0
    for row in rows:
        places = [np.array([row[f"{name}_y_px"], row[f"{name}_x_px"]]) for name in made["channels"]]
        ways = [np.hypot(row["y_um"] - o["y_um"], row["x_um"] - o["x_um"]) for o in rows]
        inside = all(np.all((p > 8) & (p < np.array([151, 191]))) for p in places)
        if not inside or sorted(ways)[1] < 1.0:
            continue
        checked += 1
        for channel, (name, place) in enumerate(zip(made["channels"], places, strict=True)):
            plane = row[f"{name}_plane"]
            near = image[channel, round(plane)]
            assert centroid(near, place) == pytest.approx(place, abs=0.15)
            y, x = (round(v) for v in place)
            assert np.argmax(image[channel, :, y, x]) == pytest.approx(plane, abs=0.8)
    assert checked >= 3


def test_the_optics_stay_and_the_beads_change(tmp_path: Path) -> None:
    made = [
        simulate_beads(
            Setup(shape=(64, 64), z_step_um=0.4, seed=seed, optics_seed=optics),
            tmp_path / f"{seed}-{optics}",
            count=5,
        )
        for seed, optics in ((60_000, 60_000), (60_001, 60_000), (60_000, 60_001))
    ]
    models = [load_profile(m["calibration"]).models()["red"] for m in made]
    assert models[0] == models[1] != models[2]
    beads = [[(r["y_um"], r["x_um"]) for r in table(m["tables"]["beads"])] for m in made]
    assert beads[0] == beads[2] != beads[1]


def test_deep_beads_are_in_the_stack_and_dim_ones_are_dimmer(tmp_path: Path) -> None:
    setup = Setup(shape=(64, 64), z_step_um=0.3)
    made = simulate_beads(setup, tmp_path / "deep", count=20, depth_um=3.0, photons=(500, 900))
    rows = table(made["tables"]["beads"])
    planes = counts(made).shape[2]
    heights = [row["z_um"] for row in rows]
    assert min(heights) < 1.0 < 2.0 < max(heights) <= 3.0
    assert all(0 < row[f"{c}_plane"] < planes - 1 for row in rows for c in ("yellow", "red"))
    assert all(500 <= row["yellow_photons"] <= 900 for row in rows)


@pytest.mark.parametrize("layout", ["side-by-side", "quadrants", "halves"])
def test_the_sensor_of_a_splitter_shows_the_channels(tmp_path: Path, layout: str) -> None:
    setup = Setup(shape=(64, 80), z_step_um=0.5, layout=layout)
    made = simulate_beads(setup, tmp_path / "split", count=5, planes=3)
    sensor = counts(made)
    assert made["channels"] == ["sensor"]
    instrument = Instrument(setup)
    assert sensor.shape[-2:] == instrument.sensor.shape
    parts = instrument.channels_of(sensor[0, 0])
    assert parts.shape == (2, 3, 64, 80)
    if layout == "side-by-side":
        whole = simulate_beads(
            Setup(shape=(64, 80), z_step_um=0.5), tmp_path / "channels", count=5, planes=3
        )
        np.testing.assert_array_equal(counts(whole)[0], parts)


def test_frames_measure_the_camera_that_took_them(tmp_path: Path) -> None:
    """Photon transfer on what was written gives the camera's own figures."""
    setup = Setup(shape=(64, 64))
    dark = simulate_dark(setup, tmp_path / "dark", frames=12)
    flat = simulate_flat(setup, tmp_path / "flat", levels=(100.0, 1000.0, 4000.0), frames=12)
    levels = [row["level_photons"] for row in table(flat["tables"]["frames"])]
    assert levels == [100.0] * 12 + [1000.0] * 12 + [4000.0] * 12
    lit = counts(flat)[:, 0, 0]
    groups = [counts(dark)[:, 0, 0], *(lit[k : k + 12] for k in (0, 12, 24))]
    found = photon_transfer(groups)
    camera = Instrument(setup).camera
    assert found.gain_e_per_adu == pytest.approx(camera.gain_e_per_adu, rel=0.03)
    assert found.offset == pytest.approx(camera.offset, abs=0.3)
    own = tifffile.imread(dark["truth"]["offset"])
    mean = counts(dark)[:, :, 0].mean(axis=0)
    error = mean - own.reshape(mean.shape)
    assert np.abs(np.median(error)) < 0.1
    assert np.std(error) < 0.6, "each pixel's own offset, to the noise of twelve frames"


def test_shading_differs_between_the_channels(tmp_path: Path) -> None:
    setup = Setup(shape=(64, 64), pixel_um=1.0)
    made = simulate_flat(setup, tmp_path / "flat", levels=(5000.0,), frames=4)
    mean = counts(made)[:, :, 0].mean(axis=0) - 100.0
    edge = mean[:, :8].mean(axis=(1, 2)) / mean[:, 28:36, 28:36].mean(axis=(1, 2))
    assert np.all(edge < 0.97)
    assert abs(edge[0] - edge[1]) > 0.005


def test_levels_of_light_are_positive(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="levels"):
        simulate_flat(SMALL, tmp_path / "flat", levels=(0.0, 10.0))
    assert not (tmp_path / "flat").exists()
