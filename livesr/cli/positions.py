"""``livesr positions``: lists of stage positions, read, ordered, named, written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.cli.output import Json, emit, say, table
from livesr.errors import ConfigError
from livesr.positions.files import plain_positions, read_positions, write_positions
from livesr.positions.into_session import put_into_session
from livesr.positions.limits import check_positions
from livesr.positions.stage_list import stage_list

if TYPE_CHECKING:
    from livesr.positions.stage_list import StageList
    from livesr.types import Float64

_SHOWN = 30


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "positions",
        help="Read stage positions (.pos of Micro-Manager, .stg of MetaMorph, useq, .csv), order, "
        "name and write them, or put them into a session file.",
    )(positions)


def positions(
    files: Annotated[list[Path], typer.Argument(help="Lists, joined in their order.")],
    shortest: Annotated[
        bool, typer.Option("--shortest", help="Visit them so that the stage travels little.")
    ] = False,
    start: Annotated[
        str, typer.Option("--from", help="X,Y in µm where the stage stands; else the first.")
    ] = "",
    rename: Annotated[
        str, typer.Option("--rename", help="Names, such as 'cell{counter:02d}', in this order.")
    ] = "",
    limits: Annotated[
        str, typer.Option("--limits", help="x=LOW:HIGH,y=…,z=… in µm that they must keep.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="New list, of the form its suffix says.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="Session file that is to visit them.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Read, order, name, check and write positions."""
    listed = _joined(files)
    begin = _numbers(start, ",", 2, "--from") if start else None
    before = travel(listed, begin)
    if shortest:
        listed = _in_short_order(listed, begin)
    if rename:
        listed = listed.renamed(rename)
    check_positions(listed.positions, _limits(limits), "--limits")
    if out is not None:
        write_positions(out, listed)
    if into is not None:
        put_into_session(into, listed)
    _tell(listed, before, travel(listed, begin), out, into)
    if as_json:
        emit(
            {
                "positions": plain_positions(listed),
                "travel_before_um": round(before, 1),
                "travel_um": round(travel(listed, begin), 1),
                "left_out": list(listed.left_out),
                "file": str(out) if out else None,
                "session": str(into) if into else None,
            }
        )
    return 0


def travel(listed: StageList, start: list[float] | None) -> float:
    """Return the stage's way through a list, µm."""
    import numpy as np

    from livesr.positions.tour import travel_um

    return travel_um(_points(listed), None if start is None else np.array(start))


def _in_short_order(listed: StageList, start: list[float] | None) -> StageList:
    import numpy as np

    from livesr.positions.tour import shortest

    return listed.ordered(shortest(_points(listed), None if start is None else np.array(start)))


def _points(listed: StageList) -> Float64:
    import numpy as np

    return np.array([(p.x or 0.0, p.y or 0.0) for p in listed.positions], np.float64)


def _joined(files: list[Path]) -> StageList:
    lists = [read_positions(path) for path in files]
    if len(lists) == 1:
        return lists[0]
    return stage_list(
        [position for one in lists for position in one.positions],
        ", ".join(map(str, files)),
        xy_stage=next((one.xy_stage for one in lists if one.xy_stage), ""),
        z_stage=next((one.z_stage for one in lists if one.z_stage), ""),
        left_out=[what for one in lists for what in one.left_out],
    )


def _limits(text: str) -> dict[str, tuple[float, float]]:
    found = {}
    for part in filter(None, text.split(",")):
        axis, _, both = part.partition("=")
        low, high = _numbers(both, ":", 2, f"--limits {part}")
        if axis not in ("x", "y", "z") or low > high:
            raise _unclear(f"--limits {part}")
        found[axis] = (low, high)
    return found


def _numbers(text: str, between: str, count: int, where: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(between)]
    except ValueError:
        raise _unclear(where) from None
    if len(values) != count:
        raise _unclear(where)
    return values


def _unclear(where: str) -> ConfigError:
    return ConfigError(
        "no numbers as expected",
        where=where,
        fix="for example: --from 0,0 --limits x=-5000:5000,y=-5000:5000,z=0:100",
    )


def _tell(
    listed: StageList, before: float, after: float, out: Path | None, into: Path | None
) -> None:
    rows = plain_positions(listed)
    say(table(rows[:_SHOWN], ("name", "x", "y", "z")))
    if len(rows) > _SHOWN:
        say(f"… {len(rows)} positions in all")
    say(f"the stage travels {after:.0f} µm once through them ({before:.0f} µm in the given order)")
    for what in listed.left_out:
        say(f"not taken over: {what}")
    for written in filter(None, (out, into)):
        say(f"wrote {written}")
