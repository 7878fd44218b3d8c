"""Chromatic calibration: the error on beads that were not fitted, against Chromagnon and bounds.

Beads of the simulated microscope through its camera; medians over seeds. Lateral errors are root
mean squares of the length of (y, x).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench import calibration_peer
from livesr.bench.calibration_case import Recorded, head_to_head_model, record_beads
from livesr.bench.calibration_cells import cell_rows
from livesr.bench.calibration_warp import warp_rows
from livesr.bench.rows import Row, attained
from livesr.calibration.beads.find import find_beads
from livesr.calibration.fitting.axis_fit import rms
from livesr.calibration.found import BeadStack
from livesr.calibration.measure import USUAL, calibrate
from livesr.calibration.product import point_spread
from livesr.simulator.imaging.optics import Optics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.calibration.fitting.ladder import Fit
    from livesr.types import Float64

SEEDS = range(70_000, 70_005)
OTHER = 500
"""Seed of the held-out beads minus that of the fitted ones."""
OFFSET = 100.0
TWICE = 2.0
"""So many times better than Chromagnon is asked."""
HONEST = 0.2
"""The claimed error may differ from the true one by this share."""
PSF_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of recording, and the errors asked of it (xy, z), nm."""

    name: str
    count: int
    photons: tuple[float, float]
    asked: tuple[float, float]


CASES = (
    Case("250 beads", 250, (2000.0, 6000.0), (5.0, 10.0)),
    Case("60 beads", 60, (2000.0, 6000.0), (10.0, 20.0)),
    Case("250 beads of 500 photons", 250, (500.0, 500.0), (15.0, 35.0)),
)


@dataclass(frozen=True, slots=True)
class Scored:
    """Errors (xy, z), nm: of held-out beads as measured, of their true places, and as claimed."""

    heldout: tuple[float, float]
    true: tuple[float, float]
    tre: tuple[float, float]
    model: tuple[float, float]


def rows(seeds: Sequence[int] = SEEDS) -> Iterator[Row]:
    """Measure everything."""
    for case in CASES:
        scored = [_score(case, seed) for seed in seeds]
        yield from _of_case(case, scored)
    yield from _head_to_head(seeds)
    yield from _deep(seeds)
    yield from _widths(seeds)
    yield from cell_rows(seeds)
    yield from warp_rows()


def bead_stack(recorded: Recorded) -> BeadStack:
    """Return a recording as `calibrate` takes it."""
    return BeadStack("beads", recorded.counts, ("yellow", "red"), recorded.grid, OFFSET)


def _score(case: Case, seed: int) -> Scored:
    fitted, held = (
        record_beads(number, optics_seed=seed, count=count, photons=case.photons)
        for number, count in ((seed, case.count), (seed + OTHER, 250))
    )
    found = calibrate([bead_stack(fitted)], held_out=[bead_stack(held)])
    channel = found.channels["red"]
    heldout = channel.heldout_rms_nm
    assert heldout is not None  # noqa: S101 - a recording was given
    fit = channel.fit
    return Scored(heldout, true_error_nm(fit, held), fit.tre_nm, fit.model_nm)


def true_error_nm(fit: Fit, held: Recorded) -> tuple[float, float]:
    """Return the error (xy, z) at true places of beads within the hull of the fitted ones, nm."""
    reference, other = held.inside().places_um
    within = fit.inside(reference[:, 1], reference[:, 2])
    off = 1e3 * _off(fit, reference, other)[within]
    return rms(np.hypot(off[:, 1], off[:, 2])), rms(off[:, 0])


def _off(fit: Fit, reference: Float64, other: Float64) -> Float64:
    z, y, x = reference.T
    return other - reference - np.stack(fit.model.displacement(y, x, z), axis=1)


def _of_case(case: Case, scored: Sequence[Scored]) -> Iterator[Row]:
    for k, axis in enumerate(("xy", "z")):
        held = _median([one.heldout[k] for one in scored])
        yield Row(
            f"held-out error, {case.name}: {axis}",
            held,
            "nm",
            bound=f"{case.asked[k]:g} nm",
            attained=attained(held, case.asked[k]),
            detail=f"{_each([one.heldout[k] for one in scored])}; of true places "
            f"{_median([one.true[k] for one in scored]):.2f} nm",
        )
        for name, pairs in (
            ("leave-one-out", [(one.tre[k], one.heldout[k]) for one in scored]),
            ("model's own", [(one.model[k], one.true[k]) for one in scored]),
        ):
            ratio = _median([claimed / real for claimed, real in pairs])
            yield Row(
                f"claimed error over the true one, {name}, {case.name}: {axis}",
                ratio,
                "",
                bound="within 20 % of 1",
                attained=attained(abs(ratio - 1), HONEST),
                detail=_each([claimed / real for claimed, real in pairs]),
            )


def _head_to_head(seeds: Sequence[int]) -> Iterator[Row]:
    """Score livesr and Chromagnon on the same files: true places of the other recording's beads."""
    ours, theirs = [], []
    for seed in seeds:
        fitted, held = (record_beads(n, head_to_head_model()) for n in (seed, seed + OTHER))
        fit = calibrate([bead_stack(fitted)]).channels["red"].fit
        ours.append(true_error_nm(fit, held))
        scored = calibration_peer.scores(fitted, held)
        if scored is not None:
            theirs.append((scored.locally.xy_nm, scored.locally.z_nm))
    for k, axis in enumerate(("xy", "z")):
        value = _median([one[k] for one in ours])
        other = _median([one[k] for one in theirs]) if theirs else None
        ratio = other / value if other else None
        yield Row(
            f"error on the known distortion: {axis}",
            value,
            "nm",
            peer="Chromagnon with local alignment",
            peer_value=other,
            ratio=ratio,
            bound="half of Chromagnon's",
            attained=min(ratio / TWICE, 1.0) if ratio else None,
            detail=_each([one[k] for one in ours])
            + (f"; Chromagnon {_each([one[k] for one in theirs])}" if theirs else
               f"; {calibration_peer.missing()}"),
        )  # fmt: skip


def _deep(seeds: Sequence[int]) -> Iterator[Row]:
    """Score a calibration from beads on the cover slip on beads 2 to 10 µm deep."""
    near, deep = [], []
    for seed in seeds:
        fit = calibrate([bead_stack(record_beads(seed, optics_seed=seed))]).channels["red"].fit
        held = record_beads(seed + OTHER, optics_seed=seed, depth_um=10.0, shape=(64, 512, 512))
        near.append(true_error_nm(fit, record_beads(seed + OTHER, optics_seed=seed)))
        deep.append(_deep_error_nm(fit, held))
    for k, axis in enumerate(("xy", "z")):
        value, flat = _median([one[k] for one in deep]), _median([one[k] for one in near])
        yield Row(
            f"error 2 to 10 µm deep, calibrated on the cover slip: {axis}",
            value,
            "nm",
            detail=f"{flat:.2f} nm on the cover slip: {value / flat:.2f} times",
        )


def _deep_error_nm(fit: Fit, held: Recorded) -> tuple[float, float]:
    reference, other = held.inside().places_um
    height = reference[:, 0] - reference[:, 0].min()
    kept = (height > 2.0) & fit.inside(reference[:, 1], reference[:, 2])
    off = 1e3 * _off(fit, reference, other)[kept]
    return rms(np.hypot(off[:, 1], off[:, 2])), rms(off[:, 0])


def _widths(seeds: Sequence[int]) -> Iterator[Row]:
    worst = 0.0
    for seed in seeds:
        optics = Optics.from_seed(seed)
        stack = bead_stack(record_beads(seed, optics_seed=seed))
        for channel, planes in enumerate(stack.data):
            beads = find_beads(planes, stack.grid, OFFSET, USUAL)
            found = point_spread([beads], 0.1)
            assert found is not None  # noqa: S101 - there are beads
            for mine, true in (
                (found.lateral_um, optics.lateral_fwhm_um[channel]),
                (found.axial_um, optics.axial_fwhm_um[channel]),
            ):
                worst = max(worst, abs(mine / true - 1))
    yield Row(
        "PSF widths, worst of two channels, two directions and all seeds",
        100 * worst,
        "%",
        bound="3 %",
        attained=attained(worst, PSF_SHARE),
    )


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


def _each(values: Sequence[float]) -> str:
    return "seeds " + " ".join(f"{value:.2f}" for value in values)
