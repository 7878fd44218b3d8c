from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, QUIET, ROUNDING, STAGES, figure, through_division, volume

from livesr.simulator.anatomy.surface import shell_area

if TYPE_CHECKING:
    from livesr.simulator.anatomy.body import Body
    from livesr.simulator.anatomy.figure import Figure, Moment
    from livesr.simulator.anatomy.nucleus import Nucleus

SEEDS = (61_001, 61_002)


@pytest.fixture(scope="module", params=SEEDS)
def dividing(request: pytest.FixtureRequest) -> Figure:
    return figure(request.param, DIVIDING)


def metaphase(made: Figure) -> Moment:
    return made.moment(0.5 * (made.life.metaphase + made.life.anaphase))


def above(body: Body, nucleus: Nucleus) -> tuple[float, float]:
    """Return the least cytoplasm above and below a nucleus, and whether it stays inside."""
    reach = max(nucleus.semi_axes[1:])
    steps = np.linspace(-1.1 * reach, 1.1 * reach, 60)
    y, x = np.meshgrid(nucleus.center[1] + steps, nucleus.center[2] + steps, indexing="ij")
    bottom, top = nucleus.surfaces(y, x)
    there = top > bottom + 0.5
    low, high, share = body.surfaces(y[there], x[there])
    assert (share < 1.0).all()
    return float((high - top[there]).min()), float((bottom[there] - low).min())


def test_volume_changes_without_jumps_and_swells_in_metaphase(dividing: Figure) -> None:
    life = dividing.life
    times = np.linspace(life.prophase - 300.0, life.rest + 300.0, 60)
    volumes = np.array([volume(dividing.moment(float(t))) for t in times])
    assert np.abs(np.diff(volumes) / volumes[:-1]).max() < 0.03
    for name in STAGES:
        before, after = (volume(dividing.moment(getattr(life, name) + d)) for d in (-0.1, 0.1))
        assert after == pytest.approx(before, rel=0.005), name
    spread = dividing.volume_um3
    assert 1.1 <= volume(metaphase(dividing)) / spread <= 1.3
    assert volumes[-1] == pytest.approx(spread, rel=0.03)


def test_shape_changes_without_jumps(dividing: Figure) -> None:
    life = dividing.life
    events = [getattr(life, name) for name in STAGES]
    events += [life.breakdown + life.dissolving, life.anaphase + life.reformed]
    y = dividing.mother.body.center[0] + np.linspace(-20.0, 20.0, 81)[:, None]
    x = dividing.mother.body.center[1] + np.linspace(-20.0, 20.0, 81)[None, :]
    for event in events:
        heights = []
        for time_s in (event - 0.05, event + 0.05):
            height = np.zeros((81, 81))
            for body in dividing.moment(time_s).bodies:
                low, high, share = body.surfaces(y, x)
                height = np.maximum(height, np.where(share < 1.0, high - low, 0.0))
            heights.append(height)
        changed = np.abs(heights[1] - heights[0])
        assert np.percentile(changed, 99.5) < 0.3
        assert changed.mean() < 0.01


def test_rounded_cell_has_the_literature_sizes(dividing: Figure) -> None:
    moment = metaphase(dividing)
    (body,) = moment.bodies
    assert moment.roundness == 1.0
    assert 12.0 <= body.height() <= 16.0
    assert moment.rounded is not None
    assert 18.0 <= 2.0 * moment.rounded.half_width <= 20.0
    assert 2.0 * np.sqrt(body.area() / np.pi) < 20.6
    (plate,) = moment.plates
    half, thick, wide = plate.semi_axes
    assert 2.0 * wide == pytest.approx(12.0, abs=0.5)
    assert 3.0 <= 2.0 * thick <= 4.0
    assert 10.0 <= 2.0 * half <= 12.5
    _, along, _ = moment.holes[0].semi_axes
    assert 10.0 <= 2.0 * along <= 12.0


def test_footprint_shrinks_by_a_fifth_in_prophase(dividing: Figure) -> None:
    life = dividing.life
    before, after = (dividing.moment(t).bodies[0].area() for t in (life.prophase, life.breakdown))
    assert 1.0 - after / before == pytest.approx(0.2, abs=0.03)


def test_cell_lengthens_and_is_pinched(dividing: Figure) -> None:
    life = dividing.life
    short, long = (dividing.moment(t).rounded for t in (life.anaphase, life.telophase))
    assert short is not None
    assert long is not None
    assert 1.3 <= long.half_length / short.half_length <= 1.5
    begin = life.anaphase_b + 0.5 * (life.telophase - life.anaphase_b)
    closed = dividing.moment(begin + life.furrowing).rounded
    assert closed is not None
    assert 1.0 <= 2.0 * float(closed.across(np.zeros(1))[0]) <= 1.5


def test_plates_part_along_the_axis_inside_the_cell(dividing: Figure) -> None:
    life = dividing.life
    for time_s, distance in ((life.anaphase_b, 8.0), (life.telophase, life.distance_um)):
        moment = dividing.moment(time_s)
        one, other = (np.array(p.center) for p in moment.plates)
        assert np.linalg.norm(one - other) == pytest.approx(distance, abs=1e-6)
        for plate, body in zip(moment.plates, moment.bodies, strict=True):
            _, y, x = (np.array([c]) for c in plate.center)
            low, high, share = body.surfaces(y, x)
            assert share[0] < 1.0
            assert low[0] < plate.center[0] < high[0]
            assert plate.center[0] + plate.semi_axes[0] < high[0] + 0.2


def test_two_nuclei_have_0_4_of_the_volume_each(dividing: Figure) -> None:
    life = dividing.life
    for time_s in (life.spreading, life.rest + 600.0):
        nuclei = dividing.moment(time_s).nuclei
        assert len(nuclei) == 2
        for nucleus in nuclei:
            share = nucleus.volume / dividing.mother.nucleus.volume
            assert share == pytest.approx(0.4, abs=0.02)


def test_daughters_are_apart_and_within_the_mothers_territory(dividing: Figure) -> None:
    resting = dividing.moment(dividing.life.rest + 1.0).bodies
    for own, other in ((0, 1), (1, 0)):
        y, x = resting[own].outline()
        assert resting[other].inward(y, x).max() < 0.5
        # the mother's edge has crept as far as the daughters' since
        assert dividing.mother.body.inward(y, x).min() > -4.0
        y, x = dividing.daughters[own].body.outline()
        assert dividing.mother.body.inward(y, x).min() > -0.2
        assert (dividing.daughters[other].body.inward(y, x) < 0.0).all()
    areas = [d.body.area() for d in dividing.daughters]
    assert sum(areas) == pytest.approx(dividing.mother.body.area(), rel=0.15)


def test_nuclei_lie_inside_their_bodies_at_all_times(dividing: Figure) -> None:
    shown = 0
    for time_s in through_division(dividing.life):
        moment = dividing.moment(time_s)
        assert (moment.envelope > 0.0) == (len(moment.nuclei) > 0)
        if moment.envelope < 0.5:
            continue
        for nucleus, body in zip(moment.nuclei, moment.bodies, strict=True):
            over, under = above(body, nucleus)
            assert over > -0.05
            assert under > -0.05
            shown += 1
    assert shown > 15


def test_stage_and_bodies_agree(dividing: Figure) -> None:
    for time_s in through_division(dividing.life):
        moment = dividing.moment(time_s)
        stage, _, _, _ = dividing.life.stage(time_s)
        halves = 2 if stage in ("anaphase", "telophase") or time_s > dividing.life.anaphase else 1
        assert len(moment.bodies) == len(moment.holes) == halves
        if stage in ("prometaphase", "metaphase", "anaphase"):
            assert len(moment.plates) == halves
        if stage in ("interphase", "prophase"):
            assert moment.envelope == 1.0


def test_rounding_cell_keeps_its_nucleus_and_spreads_again() -> None:
    made = figure(61_003, ROUNDING)
    life = made.life
    before = made.moment(life.prophase)
    for time_s in np.linspace(life.prophase, life.rest, 12).tolist():
        moment = made.moment(time_s)
        assert len(moment.nuclei) == len(moment.bodies) == 1
        assert moment.envelope == 1.0
        assert moment.plates == ()
        over, under = above(moment.bodies[0], moment.nuclei[0])
        assert over > -0.05
        assert under > -0.05
        assert moment.nuclei[0].volume == pytest.approx(made.mother.nucleus.volume, rel=0.03)
    rounded = made.moment(0.5 * (life.prophase + 900.0 + life.spreading))
    assert rounded.bodies[0].area() < 0.4 * before.bodies[0].area()
    assert 12.0 < rounded.bodies[0].height() < 16.5
    after = made.moment(life.rest + 60.0)
    assert after.bodies[0].area() == pytest.approx(before.bodies[0].area(), rel=0.15)
    assert after.bodies[0].height() == pytest.approx(before.bodies[0].height(), rel=0.1)


def test_quiet_cell_keeps_its_volume_and_its_membrane() -> None:
    made = figure(61_004, QUIET)
    bodies = [made.moment(t).bodies[0] for t in (0.0, 600.0, 5000.0, 40_000.0)]
    for body in bodies:
        assert body.volume() == pytest.approx(made.volume_um3, rel=0.03)
        assert shell_area(body) == pytest.approx(shell_area(bodies[0]), rel=0.15)


def test_frozen_figure_stands_still_but_for_the_cell_cycle() -> None:
    frozen = figure(61_000, DIVIDING, 0.0)
    here, later = (frozen.moment(t) for t in (0.0, 500.0))
    np.testing.assert_array_equal(here.bodies[0].creep, later.bodies[0].creep)
    assert here.nuclei[0].center == later.nuclei[0].center
    assert len(frozen.moment(frozen.life.telophase).bodies) == 2


def test_moved_figure_is_the_same_elsewhere(dividing: Figure) -> None:
    moved = dividing.moved(3.0, -5.0)
    for time_s in (0.0, dividing.life.metaphase, dividing.life.spreading):
        for one, other in zip(
            dividing.moment(time_s).bodies, moved.moment(time_s).bodies, strict=True
        ):
            np.testing.assert_allclose(np.subtract(other.center, one.center), (3.0, -5.0))
            np.testing.assert_allclose(other.high, one.high, atol=1e-6)
