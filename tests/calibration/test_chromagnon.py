from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.calibration.chromagnon.models import nearest_numbers, read_chromagnon, write_chromagnon
from livesr.calibration.chromagnon.table import NOTHING, Table, read_table, write_table
from livesr.calibration.warp import ChromaticModel
from livesr.errors import CalibrationError, StorageError
from livesr.types import Grid

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid((16, 97, 120), (0.3, 0.07, 0.05))
STRONG = (1.3, 2.7, -3.1, 1.5, 1.02, 1.015, 0.98)
MILD = (-0.6, 2.31, 3.7, 0.1, 0.999, 1.0012, 1.0018)
CHANNELS = ("yellow", "red")
# voxel of the reference's image → where Chromagnon 0.95a takes its value from, in an image whose
# rows are read as they stand (MRC), and in one whose rows it reads from the last to the first
# (TIFF); calculated with its own imgResample.transformMatrix and getOffset for STRONG and GRID
SHOWN = [
    ((0, 0, 0), (-1.152941, -0.439924, 0.624383), (-1.152941, 1.891054, 3.188656)),
    ((15, 96, 119), (13.552941, 91.039924, 124.575617), (13.552941, 99.508946, 122.011344)),
    ((3, 20, 90), (1.788235, 16.936648, 92.963871), (1.788235, 23.909844, 94.459697)),
    ((7, 70, 15), (5.709804, 68.115109, 17.795043), (5.709804, 71.219790, 16.619751)),
]


def table(*numbers: tuple[float, ...], reference: int = 0) -> Table:
    return Table(GRID.voxel_um, reference, tuple(range(len(numbers))), numbers)  # type: ignore[arg-type]


def appears(model: ChromaticModel, voxel: tuple[int, int, int]) -> np.ndarray:
    """Return the voxel of the other channel in which a voxel of the reference appears."""
    middle = np.array([0.0, *((n - 1) / 2 for n in GRID.shape[1:])])
    z, y, x = (np.array(voxel) - middle) * GRID.voxel_um
    at = np.array([z, y, x]) + np.array(model.displacement(y, x, z)).ravel()
    return at / GRID.voxel_um + middle


@pytest.mark.parametrize("flipped", [False, True])
def test_a_point_appears_where_chromagnon_takes_its_value_from(
    tmp_path: Path, flipped: bool
) -> None:
    path = tmp_path / "bead.chromagnon.csv"
    write_table(path, table(NOTHING, STRONG))
    model = read_chromagnon(path, GRID, CHANNELS, flipped=flipped)["red"]
    for voxel, stored, turned in SHOWN:
        np.testing.assert_allclose(appears(model, voxel), turned if flipped else stored, atol=1e-5)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("numbers", [MILD, STRONG])
def test_what_is_written_is_read_back(
    tmp_path: Path, numbers: tuple[float, ...], flipped: bool
) -> None:
    first, second = tmp_path / "a.chromagnon.csv", tmp_path / "new" / "b.chromagnon.csv"
    write_table(first, table(NOTHING, numbers))
    models = read_chromagnon(first, GRID, CHANNELS, flipped=flipped)
    deviation = write_chromagnon(second, models, GRID, CHANNELS, flipped=flipped)["red"]
    assert max(deviation.xy_max_nm, deviation.z_max_nm) < 1e-3
    np.testing.assert_allclose(read_table(second).numbers, [NOTHING, numbers], atol=1e-6)
    assert list(second.parent.iterdir()) == [second]


def test_the_file_is_what_chromagnon_reads(tmp_path: Path) -> None:
    path = tmp_path / "bead.chromagnon.csv"
    write_chromagnon(path, {"red": ChromaticModel()}, GRID, CHANNELS, wavelengths=(617, 685))
    assert path.read_text("utf-8").split("\n")[:6] == [
        "nt,1",
        "nw,2",
        "pxlsize_z_y_x,0.3,0.07,0.05",
        "refwave,0",
        "t,wavelength,tz,ty,tx,rz,mz,my,mx",
        "0,617,0.0,0.0,0.0,0.0,1.0,1.0,1.0",
    ]


def test_what_polynomials_lose_is_told(tmp_path: Path) -> None:
    # a bowl of 0.1 µm in z and one of 0.02 µm in y at 3 µm from the centre, which no shift follows
    bowl = [0.0, 0.0, 0.0, 1.0, 0.0, 1.0]
    model = ChromaticModel(
        polynomial=(tuple(0.1 * v for v in bowl), tuple(0.02 * v for v in bowl), (0.0,) * 6),
        degree=2,
        radius_um=3.0,
    )
    path = tmp_path / "bead.chromagnon.csv"
    told = write_chromagnon(path, {"red": model}, GRID, CHANNELS)["red"]
    back = read_chromagnon(path, GRID, CHANNELS)["red"]
    half_y, half_x = (
        (n - 1) / 2 * size for n, size in zip(GRID.shape[1:], GRID.voxel_um[1:], strict=True)
    )
    y, x = np.meshgrid(np.linspace(-half_y, half_y, 81), np.linspace(-half_x, half_x, 81))
    misses = [
        1e3 * (np.array(model.displacement(y, x, z)) - np.array(back.displacement(y, x, z)))
        for z in (0.0, 1.1, 4.5)
    ]
    dz, dy, dx = np.array(misses).swapaxes(0, 1)
    assert told.z_rms_nm == pytest.approx(np.sqrt(np.mean(dz**2)), rel=0.1)
    assert told.xy_rms_nm == pytest.approx(np.sqrt(np.mean(dy**2 + dx**2)), rel=0.1)
    assert told.z_max_nm == pytest.approx(np.abs(dz).max(), rel=0.05)
    assert told.xy_max_nm == pytest.approx(np.hypot(dy, dx).max(), rel=0.05)
    assert 30 < told.z_rms_nm < 100


def test_shear_is_lost_and_a_shift_is_not() -> None:
    sheared = ChromaticModel(((1, 0, 0, 0.2), (0, 1, 0.002, -0.3), (0, 0.002, 1, 0.4)))
    (tz, ty, tx, _, mz, my, mx), deviation = nearest_numbers(sheared, GRID)
    np.testing.assert_allclose((tz, ty, tx), (-0.2 / 0.3, -0.3 / 0.07, -0.4 / 0.05), atol=1e-6)
    np.testing.assert_allclose((mz, my, mx), 1, atol=1e-4)
    assert deviation.xy_rms_nm > 3
    assert deviation.z_max_nm < 1e-3


def test_another_reference_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "bead.chromagnon.csv"
    write_table(path, table(STRONG, NOTHING, MILD, reference=1))
    names = ("yellow", "red", "green")
    by_red = read_chromagnon(path, GRID, names)
    by_yellow = read_chromagnon(path, GRID, names, "yellow")
    assert (set(by_red), set(by_yellow)) == ({"yellow", "green"}, {"red", "green"})
    voxel = (4, 30, 70)
    there = appears(by_red["yellow"], voxel)
    matrix = np.vstack([by_yellow["green"].affine, (0, 0, 0, 1)])
    middle = np.array([0.0, *((n - 1) / 2 for n in GRID.shape[1:])])
    at = matrix @ [*((there - middle) * GRID.voxel_um), 1.0]
    np.testing.assert_allclose(
        at[:3] / GRID.voxel_um + middle, appears(by_red["green"], voxel), atol=1e-9
    )


def test_one_plane_has_no_magnification_along_z(tmp_path: Path) -> None:
    flat = Grid((1, 97, 120), (1.0, 0.07, 0.05))
    numbers, deviation = nearest_numbers(ChromaticModel().shifted(0.1, 0.2, 0.3), flat)
    assert numbers[4] == 1.0
    assert deviation.z_max_nm < 1e-3
    path = tmp_path / "bead.chromagnon.csv"
    write_table(path, table(NOTHING, numbers))
    assert read_chromagnon(path, flat, CHANNELS)["red"].affine[2][3] == pytest.approx(0.3)


def test_a_misfit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bead.chromagnon.csv"
    write_table(path, table(NOTHING, MILD))
    with pytest.raises(CalibrationError, match=r"2 channels \(0, 1 nm\), the image has 3"):
        read_chromagnon(path, GRID, ("yellow", "red", "green"))
    with pytest.raises(CalibrationError, match="no channel 'blue'"):
        read_chromagnon(path, GRID, CHANNELS, "blue")
    with pytest.raises(CalibrationError, match=r"0.3 × 0.07 × 0.05 µm .* 0.3 × 0.1 × 0.1 µm"):
        read_chromagnon(path, Grid(GRID.shape, (0.3, 0.1, 0.1)), CHANNELS)


def test_models_that_do_not_fit_the_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bead.chromagnon.csv"
    for models, names in (
        ({}, CHANNELS),
        ({"blue": ChromaticModel()}, CHANNELS),
        ({"yellow": ChromaticModel(), "red": ChromaticModel()}, CHANNELS),
    ):
        with pytest.raises(CalibrationError, match="the reference, has a model"):
            write_chromagnon(path, models, GRID, names)
    mirrored = ChromaticModel(((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, -1, 0)))
    with pytest.raises(CalibrationError, match="red cannot be said in Chromagnon's seven"):
        write_chromagnon(path, {"red": mirrored}, GRID, CHANNELS)
    assert not path.exists()


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write_chromagnon(tmp_path / "file" / "a.csv", {"red": ChromaticModel()}, GRID, CHANNELS)
