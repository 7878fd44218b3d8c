"""Cells are found in masks: apart where they touch, whole where a network sees a hole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.analysis.cells import check_structures, find_cells
from livesr.analysis.coarse import coarse_grid, coarsened
from livesr.analysis.mitosis.measures import cell_measures
from livesr.errors import ConfigError
from livesr.types import Grid, Masks, StackIndex

if TYPE_CHECKING:
    from livesr.types import Bool, UInt8

GRID = Grid((24, 120, 160), (0.3, 0.4, 0.4))
INDEX = StackIndex(0, 3)


def ball(
    centre: tuple[float, float, float], radii: tuple[float, float, float], grid: Grid = GRID
) -> Bool:
    """Return an ellipsoid; µm."""
    z, y, x = (
        ((np.arange(n) + 0.5) * size - middle) / radius
        for n, size, middle, radius in zip(grid.shape, grid.voxel_um, centre, radii, strict=True)
    )
    return np.asarray(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 < 1.0)


def shell(body: Bool) -> Bool:
    core = body.copy()
    for axis in range(3):
        for way in (1, -1):
            core &= np.roll(body, way, axis)
    return np.asarray(body & ~core)


def masks(
    bodies: Bool, nuclei: Bool, envelope: Bool | None = None, membrane: Bool | None = None
) -> Masks:
    volumes: dict[str, UInt8] = {
        "nucleus": nuclei.astype(np.uint8),
        "cytosol": (bodies & ~nuclei).astype(np.uint8),
        "nuclear_membrane": (shell(nuclei) if envelope is None else envelope).astype(np.uint8),
    }
    if membrane is not None:
        volumes["plasma_membrane"] = membrane.astype(np.uint8)
    return Masks(volumes, GRID, INDEX)


def interphase(y: float, x: float) -> tuple[Bool, Bool]:
    """Return body and nucleus of a spread cell."""
    return ball((0.0, y, x), (6.6, 12.0, 12.0)), ball((3.0, y, x), (2.4, 5.0, 6.0))


def test_two_cells_apart_are_two_with_a_nucleus_each() -> None:
    one, other = interphase(24.0, 16.0), interphase(24.0, 46.0)
    found = find_cells(masks(one[0] | other[0], one[1] | other[1]))
    assert found.count == 2
    assert found.nuclei.max() == 2
    for label, (body, nucleus) in enumerate((one, other), start=1):
        assert (found.labels[body] == label).mean() > 0.97
        assert (found.labels[nucleus] == label).all()


def test_touching_cells_are_told_apart_by_their_nuclei() -> None:
    one, other = interphase(24.0, 20.0), interphase(24.0, 42.0)
    both = one[0] | other[0]
    membrane = shell(one[0]) | shell(other[0])
    for wall in (None, membrane):
        assert find_cells(masks(both, one[1] | other[1], membrane=wall)).count == 2


def test_a_round_cell_without_nucleus_touching_a_spread_one_is_a_cell() -> None:
    spread, round_ = interphase(24.0, 20.0)[0], ball((3.4, 24.0, 40.5), (9.0, 9.0, 9.0))
    nucleus = interphase(24.0, 20.0)[1]
    membrane = shell(spread) | shell(round_)
    found = find_cells(masks(spread | round_, nucleus, membrane=membrane))
    assert found.count == 2
    cells = cell_measures(masks(spread | round_, nucleus, membrane=membrane))
    assert sorted(cell.values["nuclei"] for cell in cells) == [0.0, 1.0]


@pytest.mark.parametrize(("neck_um", "expected"), [(8.0, 1), (1.5, 2)])
def test_a_dividing_cell_is_one_until_its_furrow_is_nearly_closed(
    neck_um: float, expected: int
) -> None:
    halves = ball((3.5, 24.0, 25.0), (6.0, 7.0, 7.0)) | ball((3.5, 24.0, 38.5), (6.0, 7.0, 7.0))
    neck = ball((3.5, 24.0, 31.75), (neck_um / 2, neck_um / 2, 4.0))
    nuclei = ball((3.5, 24.0, 24.0), (2.5, 3.0, 2.5)) | ball((3.5, 24.0, 39.5), (2.5, 3.0, 2.5))
    body = halves | neck
    assert find_cells(masks(body, nuclei, membrane=shell(body))).count == expected


def test_a_hole_that_the_networks_see_in_a_spindle_is_inside() -> None:
    round_ = ball((3.5, 24.0, 30.0), (8.0, 8.5, 8.5))
    hole = ball((3.5, 24.0, 30.0), (5.0, 5.5, 5.5))
    nothing = np.zeros(GRID.shape, bool)
    full = cell_measures(masks(round_, nothing, nothing))[0]
    holed = cell_measures(masks(round_ & ~hole, nothing, nothing))[0]
    assert holed.values["volume_um3"] == pytest.approx(full.values["volume_um3"], rel=0.02)


def test_a_nucleus_without_envelope_is_none() -> None:
    body, nucleus = interphase(24.0, 30.0)
    bare = cell_measures(masks(body, nucleus, np.zeros(GRID.shape, bool)))[0]
    assert bare.values["nuclei"] == 0.0
    wrapped = cell_measures(masks(body, nucleus))[0]
    assert wrapped.values["nuclei"] == 1.0
    assert wrapped.values["envelope"] == 1.0
    assert wrapped.values["nucleus_um3"] == pytest.approx(4 / 3 * np.pi * 2.4 * 5 * 6, rel=0.1)


def test_measures_say_where_a_cell_is_and_whether_it_is_whole() -> None:
    body, nucleus = interphase(24.0, 6.0)
    (cell,) = cell_measures(masks(body, nucleus))
    assert cell.on_border
    assert cell.cut  # its flat bottom lies in the first plane
    assert cell.values["cut_above"] == 0.0
    assert cell.centre_um[1] == pytest.approx(24.0, abs=0.3)
    tall = ball((7.0, 24.0, 30.0), (9.0, 9.0, 9.0))
    nothing = np.zeros(GRID.shape, bool)
    (cell,) = cell_measures(masks(tall, nothing, nothing))
    assert not cell.on_border
    assert cell.values["cut_above"] == 1.0
    assert np.isnan(cell.values["golgi_parts"])  # no mask of it


def test_the_camera_grid_gives_the_same_cells_as_the_coarse_one() -> None:
    body, nucleus = interphase(24.0, 30.0)
    coarse = masks(body, nucleus)
    fine = replace(
        coarse,
        volumes={n: v.repeat(4, axis=1).repeat(4, axis=2) for n, v in coarse.volumes.items()},
        grid=Grid((24, 480, 640), (0.3, 0.1, 0.1)),
    )
    (one,), (other,) = cell_measures(coarse), cell_measures(fine)
    assert one.centre_um == other.centre_um
    assert one.values["volume_um3"] == other.values["volume_um3"]
    assert one.values["envelope"] == other.values["envelope"]


def test_an_empty_field_has_no_cells_and_debris_is_none() -> None:
    nothing = np.zeros(GRID.shape, bool)
    assert cell_measures(masks(nothing, nothing)) == []
    assert cell_measures(masks(ball((2.0, 10.0, 10.0), (2.0, 2.0, 2.0)), nothing)) == []


def test_missing_structures_are_named() -> None:
    body, nucleus = interphase(24.0, 30.0)
    full = masks(body, nucleus)
    lacking = replace(full, volumes={"nucleus": full.volumes["nucleus"]})
    with pytest.raises(ConfigError, match="cytosol"):
        cell_measures(lacking)
    with pytest.raises(ConfigError, match="nuclear_membrane"):
        check_structures(["nucleus", "cytosol"])
    check_structures(["nucleus", "cytosol", "nuclear_membrane"])


def test_coarse_shares_are_areas() -> None:
    grid, every, by, bx = coarse_grid(Grid((10, 100, 101), (0.1, 0.1, 0.1)))
    assert (every, by, bx) == (2, 4, 4)
    assert grid.shape == (5, 25, 25)
    mask = np.zeros((10, 100, 101), np.uint8)
    mask[:, :2, :4] = 1
    shares = coarsened({"er": mask}, Grid((10, 100, 101), (0.1, 0.1, 0.1)), ["er", "golgi"])
    assert list(shares.shares) == ["er"]
    assert shares.shares["er"][0, 0, 0] == pytest.approx(127.5, abs=1)
    assert shares.shares["er"][:, 1:].max() == 0
