"""MetaMorph's stage position lists, ``.stg`` ("Stage Memory List", versions 2 to 6).

The format is not published; this is what lists of MetaMorph, and programs that write them for it,
have in common: a head of quoted words and units, then a line a position,
``"name", x, y, z, autofocus offset, z again, …``.
"""

from __future__ import annotations

import csv
from math import isfinite
from typing import TYPE_CHECKING

import useq

from livesr.errors import ConfigError
from livesr.positions.stage_list import stage_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.positions.stage_list import StageList

_TITLE = "Stage Memory List"
_UM = {"um": 1.0, "µm": 1.0, "μm": 1.0, "microns": 1.0, "micron": 1.0, "mm": 1000.0}
_OFFSET = 4
"""Column of the autofocus offset."""
_HEAD = f'"{_TITLE}", Version 6.0\n0, 0, 0, 0, 0, 0, 0, "um", "um"\n0\n'


def read_stg(text: str, where: str) -> StageList:
    """Return the positions of a ``.stg`` file, in µm.

    Raises
    ------
    ConfigError
        With the line that is not understood.
    """
    rows = [row for row in csv.reader(text.splitlines(), skipinitialspace=True) if any(row)]
    rows = [[cell.strip() for cell in row] for row in rows]
    if len(rows) < 4 or rows[0][0] != _TITLE:
        raise _not_a_list(where, f"its first line is not {_TITLE!r}")
    try:
        xy_um, z_um = (_UM[unit.lower()] for unit in rows[1][-2:])
    except (KeyError, ValueError):
        raise _not_a_list(where, f"its units are {', '.join(rows[1][-2:])}") from None
    names = _count(rows[2], where)  # of groups of positions, a line each
    if len(rows) < 4 + names:
        raise _not_a_list(where, "it ends within its head")
    count = _count(rows[3 + names], where)
    listed = rows[4 + names :]
    if len(listed) != count:
        raise _not_a_list(where, f"it announces {count} positions and lists {len(listed)}")
    positions = [_position(row, xy_um, z_um, where) for row in listed]
    offsets = any(len(row) > _OFFSET and row[_OFFSET] not in ("0", "0.0", "") for row in listed)
    return stage_list(positions, where, left_out=["autofocus offsets"] if offsets else [])


def stg_text(listed: StageList) -> str:
    """Return a list as MetaMorph reads it; positions without z get 0."""
    lines = [
        f'"{_plain(p.name or "")}", {p.x or 0:g}, {p.y or 0:g}, {p.z or 0:g}, 0, {p.z or 0:g}, '
        'FALSE, -9999, TRUE, TRUE, 0, -1, ""\n'
        for p in listed.positions
    ]
    return f"{_HEAD}{len(lines)}\n{''.join(lines)}"


def _position(row: Sequence[str], xy_um: float, z_um: float, where: str) -> useq.Position:
    try:
        x, y, z = (float(cell) for cell in row[1:4])
    except ValueError:
        raise _not_a_list(where, f"a position is {', '.join(row[:4])}") from None
    if not all(map(isfinite, (x, y, z))):
        raise _not_a_list(where, f"a position is {', '.join(row[:4])}")
    return useq.Position(x=x * xy_um, y=y * xy_um, z=z * z_um, name=row[0] or None)


def _count(row: Sequence[str], where: str) -> int:
    if len(row) == 1 and row[0].isdecimal():
        return int(row[0])
    raise _not_a_list(where, f"a number was expected, found {', '.join(row)}")


def _plain(name: str) -> str:
    return name.replace('"', "'")


def _not_a_list(where: str, why: str) -> ConfigError:
    return ConfigError(
        f"not a stage position list of MetaMorph: {why:.200}",
        where=where,
        fix="save it again from MetaMorph's Stage Position dialogue, in micrometres",
    )
