from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.calibration.chromagnon.table import MOST_BYTES, Table, read_table
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """nt,1
nw,2
pxlsize_z_y_x,0.25,0.065,0.065
refwave,1
t,wavelength,tz,ty,tx,rz,mz,my,mx
0,525,-0.601,2.31,3.7,0.1,0.9991,1.0012,1.0018
0,605,0.0,0.0,0.0,0.0,1.0,1.0,1.0
"""


def read(folder: Path, text: str) -> Table:
    path = folder / "bead.chromagnon.csv"
    path.write_bytes(text.encode())
    return read_table(path)


@pytest.mark.parametrize("text", [GOOD, "\ufeff" + GOOD.replace("\n", "\r\n")])
def test_the_numbers_are_read(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text)
    assert table.voxel_um == (0.25, 0.065, 0.065)
    assert table.reference == 1
    assert table.wavelengths == (525.0, 605.0)
    assert table.numbers[0] == (-0.601, 2.31, 3.7, 0.1, 0.9991, 1.0012, 1.0018)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("nt,1", "", "a row 'nt' is missing"),
        ("nt,1", "nt", "a row 'nt' is missing"),
        ("nt,1", "nt,3", "3 time points"),
        ("nt,1", "nt,1e99", "not a whole number from 1 to"),
        ("nw,2", "nw,3", "a row '0' is missing, there stands ''"),
        ("nw,2", "nw,1000000000", "nw is '1000000000', not a whole number from 1 to 64"),
        ("nw,2", "nw,1.5", "nw is '1.5'"),
        ("0.25,0.065", "0.065", "not three sizes"),
        ("0.25", "-0.25", "not three sizes"),
        ("refwave,1", "refwave,2", "refwave is '2', not a whole number from 0 to 1"),
        ("refwave,1", "refwave,None", "refwave is 'None', not a number"),
        ("rz,mz", "mz,rz", "its columns are"),
        ("2.31", "nan", "ty is 'nan', not a number"),
        ("2.31", "inf", "ty is 'inf', not a number"),
        ("2.31", "__import__('os').getpid()", "not a number"),
        ("2.31", "1e9", r"ty is 1e\+09"),
        ("1.0012", "0", "my is 0, not 0.5 to 2"),
        ("1.0012", "-1", "my is -1, not 0.5 to 2"),
        (",1.0018", "", "a channel has 6 numbers, not 7"),
        ("1.0018", "1.0018,5", "a channel has 8 numbers, not 7"),
        ("0.1", '"0.1', "damaged"),
        (",", ";", "a row 'nt' is missing, there stands 'nt;1'"),
    ],
)
def test_what_is_damaged_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(CalibrationError, match=said) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert caught.value.where.endswith("bead.chromagnon.csv")
    assert caught.value.fix


def test_code_in_a_cell_is_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    with pytest.raises(CalibrationError):
        read(tmp_path, GOOD.replace("2.31", f"open({str(trap)!r}.strip() 'w')"))
    with pytest.raises(CalibrationError):
        read(tmp_path, GOOD.replace("2.31", f"\"open({str(trap)!r}, 'w')\""))
    assert not trap.exists()


def test_a_file_of_any_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="larger than"):
        read(tmp_path, GOOD + "," * MOST_BYTES)
    with pytest.raises(CalibrationError, match="damaged"):
        read(tmp_path, "nt," + "1" * 200_000)


def test_an_image_of_local_maps_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "bead.chromagnon.tif"
    path.write_bytes(b"II*\x00\xff\xfe\x80" * 100)
    with pytest.raises(CalibrationError, match="local maps") as caught:
        read_table(path)
    assert "'None'" in caught.value.fix


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="cannot be read"):
        read_table(tmp_path / "none.csv")
