"""Position lists of other programs, read as those programs mean them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from livesr.errors import ConfigError, LivesrError, StorageError
from livesr.positions.files import plain_positions, read_positions, write_positions
from livesr.positions.limits import check_positions, outside
from livesr.positions.stage_list import stage_list

if TYPE_CHECKING:
    from pathlib import Path


def wrapped(kind: str, value: object) -> dict[str, object]:
    return {"type": kind, "array" if isinstance(value, list) else "scalar": value}


def of_2_x(*entries: tuple[str, float, float, float | None]) -> dict[str, Any]:
    """As Micro-Manager 2.0's PropertyMapJSONSerializer writes a list."""
    positions = []
    for label, x, y, z in entries:
        devices: list[Any] = [
            {"Device": wrapped("STRING", "TIPFSOffset"), "Position_um": wrapped("DOUBLE", [112.5])},
            {"Device": wrapped("STRING", "TIXYDrive"), "Position_um": wrapped("DOUBLE", [x, y])},
        ]
        if z is not None:
            place = wrapped("DOUBLE", [z])
            devices.append({"Device": wrapped("STRING", "TIZDrive"), "Position_um": place})
        positions.append(
            {
                "DefaultXYStage": wrapped("STRING", "TIXYDrive"),
                "DefaultZStage": wrapped("STRING", "TIZDrive"),
                "DevicePositions": wrapped("PROPERTY_MAP", devices),
                "GridCol": wrapped("INTEGER", 0),
                "GridRow": wrapped("INTEGER", 0),
                "Label": wrapped("STRING", label),
                "Properties": wrapped("PROPERTY_MAP", {}),
            }
        )
    head = {"encoding": "UTF-8", "format": "Micro-Manager Property Map"}
    listed = {"StagePositions": wrapped("PROPERTY_MAP", positions)}
    return {**head, "major_version": 2, "minor_version": 0, "map": listed}


def of_1_4(*entries: tuple[str, float, float, float]) -> dict[str, Any]:
    """As Micro-Manager 1.4 writes a list: a single axis stands in X."""
    return {
        "VERSION": 3,
        "ID": "Micro-Manager XY-position list",
        "POSITIONS": [
            {
                "GRID_COL": 0,
                "GRID_ROW": 0,
                "DEVICES": [
                    {"DEVICE": "Z", "AXES": 1, "X": z, "Y": 0, "Z": 0},
                    {"DEVICE": "XY", "AXES": 2, "X": x, "Y": y, "Z": 0},
                ],
                "PROPERTIES": {},
                "DEFAULT_Z_STAGE": "Z",
                "LABEL": label,
                "DEFAULT_XY_STAGE": "XY",
            }
            for label, x, y, z in entries
        ],
    }


STG = """"Stage Memory List", Version 6.0
0, 0, 0, 0, 0, 0, 0, "um", "um"
0
2
"A, 1", -32.7, 38.2, 2500, 0, 2500, FALSE, -9999, TRUE, TRUE, 0, -1, ""
"A2", 1.5, -2, 2501.5, 0, 2501.5, FALSE, -9999, TRUE, TRUE, 0, -1, ""
"""


def places(path: Path) -> list[tuple[object, ...]]:
    return [(p.name, p.x, p.y, p.z) for p in read_positions(path).positions]


def test_micro_manager_2(tmp_path: Path) -> None:
    path = tmp_path / "list.pos"
    path.write_text(json.dumps(of_2_x(("cell ä", 10.5, -3.0, 4000.0), ("", 0.0, 1.0, None))))
    listed = read_positions(path)
    assert places(path) == [("cell ä", 10.5, -3.0, 4000.0), ("Pos1", 0.0, 1.0, 112.5)]
    assert (listed.xy_stage, listed.z_stage) == ("TIXYDrive", "TIZDrive")
    assert listed.left_out == ("place of TIPFSOffset",)


def test_micro_manager_1_4(tmp_path: Path) -> None:
    path = tmp_path / "list.pos"
    path.write_text(json.dumps(of_1_4(("Pos0", 1.0, 2.0, 3.0), ("Pos0", 4.0, 5.0, 6.0))))
    assert places(path) == [("Pos0", 1.0, 2.0, 3.0), ("Pos0-2", 4.0, 5.0, 6.0)]


def test_early_micro_manager_with_a_mapping_of_devices(tmp_path: Path) -> None:
    path = tmp_path / "list.pos"
    devices = {"XY": [7.0, 8.0], "Z": [9.0]}
    path.write_text(json.dumps({"POSITIONS": [{"LABEL": "a", "DeviceCoordinatesUm": devices}]}))
    assert places(path) == [("a", 7.0, 8.0, 9.0)]


def test_metamorph(tmp_path: Path) -> None:
    path = tmp_path / "LIST.STG"
    path.write_text(STG)
    assert places(path) == [("A, 1", -32.7, 38.2, 2500.0), ("A2", 1.5, -2.0, 2501.5)]


def test_metamorph_with_groups_and_millimetres(tmp_path: Path) -> None:
    path = tmp_path / "list.stg"
    head = '"Stage Memory List", Version 2.0\r\n0, 0, 0, 0, 0, 0, 0, "mm", "microns"\r\n'
    path.write_bytes((head + '1\r\n"mito"\r\n1\r\n"P1", 1.5, 0, 20, 3, 20\r\n').encode())
    assert places(path) == [("P1", 1500.0, 0.0, 20.0)]
    assert read_positions(path).left_out == ("autofocus offsets",)


@pytest.mark.parametrize("suffix", [".pos", ".stg", ".yaml", ".json", ".csv"])
def test_what_is_written_is_read_back(suffix: str, tmp_path: Path) -> None:
    source = tmp_path / "source.stg"
    source.write_text(STG)
    listed = read_positions(source)
    out = tmp_path / f"out{suffix}"
    write_positions(out, listed)
    assert places(out) == places(source)
    with pytest.raises(StorageError, match="of this name already"):
        write_positions(out, listed)


def test_a_whole_useq_sequence_or_session(tmp_path: Path) -> None:
    path = tmp_path / "session.yaml"
    path.write_text(
        "calibration: none\nsequence:\n  stage_positions: [{x: 1, y: 2, z: 3}, {x: 4, y: 5}]\n"
    )
    assert places(path) == [("Pos0", 1.0, 2.0, 3.0), ("Pos1", 4.0, 5.0, None)]


WRONG: dict[str, tuple[str, str, str]] = {
    "no JSON": (".pos", "{", "no JSON"),
    "another JSON": (".pos", '{"a": 1}', "neither StagePositions nor POSITIONS"),
    "no stage": (".pos", '{"POSITIONS": [{"LABEL": "a", "DEVICES": []}]}', "no stage with two"),
    "text for a number": (
        ".pos",
        '{"POSITIONS": [{"DEVICES": [{"DEVICE": "XY", "AXES": 2, "X": "a", "Y": 1}]}]}',
        "could not convert",
    ),
    "not finite": (".pos", '{"POSITIONS": [{"DEVICES": [{"X": 1e999}]}]}', "no JSON"),
    "no list": (".stg", "x, y\n1, 2\n", "first line"),
    "cut off": (".stg", STG[: STG.index('"A2"')], "announces 2 positions and lists 1"),
    "inches": (".stg", STG.replace('"um"', '"in"'), "units"),
    "no number": (".stg", STG.replace("-32.7", "left"), "left"),
    "not a number": (".stg", STG.replace("-32.7", "nan"), "nan"),
    "no positions": (".yaml", "a: 1\n", "no stage_positions"),
    "without x": (".yaml", "stage_positions: [{name: a, z: 1}]", "no place in x and y"),
    "empty": (".yaml", "stage_positions: []", "0 positions"),
    "misspelt": (".yaml", "stage_positions: [{x: 1, y: left}]", "none of useq's"),
    "table": (".csv", "name,x\na,1\n", "no place in x and y"),
    "picture": (".png", "", "no form of position lists"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_the_file(case: str, tmp_path: Path) -> None:
    suffix, text, said = WRONG[case]
    path = tmp_path / f"list{suffix}"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_positions(path)
    assert said in caught.value.what
    assert str(path) in caught.value.where
    assert caught.value.fix


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LivesrError, match="no such file"):
        read_positions(tmp_path / "none.pos")


def test_names_by_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "list.stg"
    path.write_text(STG)
    listed = read_positions(path)
    assert [p.name for p in listed.renamed("cell{counter:02d}").positions] == ["cell01", "cell02"]
    for pattern in ("cell", "{x}", "{counter.__class__}", "{"):
        with pytest.raises(ConfigError, match="no pattern for names"):
            listed.renamed(pattern)


def test_listedoutside_the_limits_are_refused() -> None:
    import useq

    positions = [useq.Position(x=0, y=0, z=5, name="in"), useq.Position(x=11, y=0, name="out")]
    limits = {"x": (-10.0, 10.0), "z": (0.0, 4.0)}
    assert len(outside(positions, limits)) == 2
    with pytest.raises(ConfigError, match="out: x 11 is not in -10 … 10 µm"):
        check_positions(positions, limits, "here")
    check_positions(positions, {}, "here")


def test_too_many_positions_are_refused() -> None:
    import useq

    with pytest.raises(ConfigError, match="10001"):
        stage_list([useq.Position(x=0, y=0)] * 10_001, "here")
    assert len(plain_positions(stage_list([useq.Position(x=0, y=0)], "here"))) == 1
