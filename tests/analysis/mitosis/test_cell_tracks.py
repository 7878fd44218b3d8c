"""Cells are the same cells from stack to stack, through creeping, gaps, divisions and leaving."""

from __future__ import annotations

from typing import Any

from livesr.analysis.mitosis.cell_tracks import CellTracks, Closed
from livesr.types import CellMeasures


def cell(y: float, x: float, volume: float = 2900.0, *, border: bool = False) -> CellMeasures:
    half = 0.31 * volume**0.5
    return CellMeasures(
        label=1,
        centre_um=(3.0, y, x),
        low_um=(0.0, y - half, x - half),
        high_um=(7.0, y + half, x + half),
        on_border=border,
        cut=False,
        values={"footprint_um2": volume / 2.5, "volume_um3": volume},
    )


def tracks(divides: bool = True) -> CellTracks[str]:
    return CellTracks(lambda: "new", lambda _: divides, lambda state: f"daughter of {state}")


def numbers(linked: list[tuple[Any, CellMeasures]]) -> list[int]:
    return [track.cell for track, _ in linked]


def test_creeping_cells_keep_their_numbers_whatever_their_order() -> None:
    cells = tracks()
    first, _ = cells.update(0.0, [cell(20, 20), cell(20, 60)])
    second, _ = cells.update(180.0, [cell(22, 58), cell(21, 23)])
    assert numbers(first) == [1, 2]
    assert numbers(second) == [2, 1]


def test_a_missed_cell_comes_back_and_one_that_stays_away_is_lost() -> None:
    cells = tracks()
    cells.update(0.0, [cell(20, 20), cell(20, 60)])
    cells.update(180.0, [cell(20, 20)])
    back, closed = cells.update(360.0, [cell(20, 20), cell(21, 61)])
    assert numbers(back) == [1, 2]
    assert not closed
    gone: list[Closed] = []
    for k in range(3, 14):
        gone += cells.update(180.0 * k, [cell(20, 20)])[1]
    assert gone == [Closed(2, "lost")]
    assert [track.cell for track in cells.tracks] == [1]


def test_a_cell_that_goes_over_the_edge_has_left() -> None:
    cells = tracks()
    cells.update(0.0, [cell(20, 4, border=True)])
    assert not cells.update(180.0, [])[1]
    assert cells.update(360.0, [])[1] == [Closed(1, "left the field")]


def test_a_dividing_cell_leaves_two_daughters() -> None:
    cells = tracks()
    cells.update(0.0, [cell(20, 20)])
    linked, closed = cells.update(180.0, [cell(20, 14, 1500), cell(20, 26, 1450)])
    assert closed == [Closed(1, "divided")]
    assert numbers(linked) == [2, 3]
    assert [(t.parent, t.state) for t, _ in linked] == [(1, "daughter of new")] * 2


def test_touching_cells_that_part_are_no_division() -> None:
    cells = tracks(divides=False)
    cells.update(0.0, [cell(20, 20)])
    linked, closed = cells.update(180.0, [cell(20, 14, 1500), cell(20, 26, 1450)])
    assert not closed
    assert sorted(track.parent for track, _ in linked) == [0, 0]


def test_another_cell_that_comes_near_is_no_daughter() -> None:
    cells = tracks()
    cells.update(0.0, [cell(20, 20)])
    linked, _ = cells.update(180.0, [cell(20, 20), cell(20, 60)])
    assert [track.parent for track, _ in linked] == [0, 0]
