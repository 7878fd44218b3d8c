"""The calibration's page: the verdict first, then figures and all numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr import html
from livesr.calibration.beads.find import REASONS
from livesr.calibration.compare import compare
from livesr.calibration.report.residuals import axial, lateral
from livesr.calibration.report.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livesr.calibration.found import Calibration, ChannelCalibration
    from livesr.calibration.profile import Profile
    from livesr.types import Float64

WORDS = (
    ("FRE", "Fiducial registration error: what the model leaves of the beads that it was fitted "
     "to. It flatters."),
    ("TRE", "Target registration error: the same of each bead when it is left out of the fit, or "
     "of the beads of another recording. The bead's own localisation noise is in it."),
    ("Model", "What a target without noise is expected to be off, from the fit's covariance and "
     "from what higher rungs of the ladder say that it lacks; root mean square over the field that "
     "the beads cover."),
    ("Hull", "The outline of the beads (dashed). Outside it (hatched) the model is a guess, and "
     "livesr flags what lies there."),
    ("xy", "Length of the lateral error (y and x together)."),
)  # fmt: skip


def page(
    found: Calibration,
    profile: Profile,
    figures: Mapping[str, Sequence[html.Illustration]],
    compared: Profile | None,
) -> str:
    """Return the page.

    Parameters
    ----------
    found : Calibration
    profile : Profile
        Made of it.
    figures : mapping of str to sequence of Illustration
        By channel.
    compared : Profile, optional
        An older one.
    """
    title = f"Chromatic calibration {profile.name}"
    return html.document(
        title,
        [
            *_summary(found, profile),
            html.heading("Errors"),
            _errors(found),
            html.paragraph("All in nm; RMS: root mean square.", "small"),
            *_compared(profile, compared),
            *(part for name in found.channels for part in _channel(found, figures, name)),
            *_beads(found),
            *_widths(profile),
            html.heading("Light path and origin"),
            _origin(found, profile),
            html.heading("Words"),
            html.terms(WORDS),
        ],
    )


def _summary(found: Calibration, profile: Profile) -> Iterator[str]:
    if profile.simulated:
        yield html.paragraph("Made on the simulated microscope: of no use on a real one.", "honest")
    if not found.beads:
        yield html.paragraph(
            "Made from cells, without beads. Where this page says bead, read tile: a square of the "
            "field, 4 µm wide, whose cells lie in the other channel as measured.",
            "fair",
        )
    for warning in found.warnings:
        yield html.paragraph(f"Warning: {warning}", "fair")
    for name in found.channels:
        one = verdict(found, profile, name)
        yield html.paragraph(one.text, one.grade)


def _errors(found: Calibration) -> str:
    rows = []
    for name, channel in found.channels.items():
        used = channel.fit.used
        sets = [
            ("in the fit (FRE)", channel.fit.residual_nm[used]),
            ("left out (TRE)", channel.fit.left_out_nm[used]),
        ]
        if channel.heldout_nm is not None:
            sets.append(("another recording (TRE)", channel.heldout_nm))
        for label, errors in sets:
            numbers = [*_spread(lateral(errors)), *_spread(axial(errors))]
            rows.append([f"{name}, {label}", str(len(errors)), *numbers])
        model = channel.fit.model_nm
        blank = ["–"] * 3
        rows.append(
            [f"{name}, model itself", "–", f"{model[0]:.1f}", *blank, f"{model[1]:.1f}", *blank]
        )
    columns = [f"{axis} {what}" for axis in ("xy", "z") for what in _STATISTICS]
    main = [n for n, row in enumerate(rows) if "TRE" in row[0]]
    return html.table(["channel, beads", "beads", *columns], rows, main)


_STATISTICS = ("RMS", "median", "95 %", "most")


def _spread(lengths: Float64) -> list[str]:
    values = (
        np.sqrt(np.mean(lengths**2)), np.median(lengths), np.percentile(lengths, 95), lengths.max()
    )  # fmt: skip
    return [f"{value:.1f}" for value in values]


def _compared(profile: Profile, old: Profile | None) -> Iterator[str]:
    if old is None:
        return
    rows = []
    for name, change in compare(old, profile).items():
        z, y, x = change.shift_nm
        rows.append([
            name, f"{z:+.1f}", f"{y:+.1f}", f"{x:+.1f}", f"{change.turn_mdeg:+.2f}",
            f"{change.scale_ppm:+.0f}", f"{change.shape_nm[0]:.1f}",
            f"{change.shape_nm[1]:.1f}", f"{change.worst_nm:.1f}",
        ])  # fmt: skip
    yield html.heading(f"What moved since {old.name} ({old.provenance.made})")
    yield html.table(
        ["channel", "shift z, nm", "shift y, nm", "shift x, nm", "rotation, mdeg",
         "magnification, ppm", "shape xy, nm", "shape z, nm", "most xy, nm"], rows
    )  # fmt: skip
    yield html.paragraph(
        "A session follows the mean shift by itself. Shape is what is left without it, root mean "
        "square over the field: if that is larger than the errors above, calibrate anew.",
        "small",
    )


def _channel(
    found: Calibration, figures: Mapping[str, Sequence[html.Illustration]], name: str
) -> Iterator[str]:
    channel = found.channels[name]
    yield html.heading(f"{name} against {found.reference}")
    yield html.paragraph(_model_text(channel))
    yield from map(html.picture, figures.get(name, ()))
    yield html.heading("Ladder of models", 3)
    for key, chosen in (("lateral", channel.fit.lateral), ("axial", channel.fit.axial)):
        steps = channel.fit.ladder[key]
        rows = [
            [step.name, str(step.coefficients), "too few beads" if step.left_out_nm is None
             else f"{step.left_out_nm:.2f}"] for step in steps
        ]  # fmt: skip
        main = [n for n, step in enumerate(steps) if step.name == chosen.rung.name]
        yield html.table([f"{key} model", "coefficients an axis", "left out, nm"], rows, main)


def _model_text(channel: ChannelCalibration) -> str:
    fit = channel.fit
    lost = len(channel.pairs) - int(fit.used.sum())
    return (
        f"{len(channel.pairs)} beads seen in both channels, {lost} of them set aside as outliers. "
        f"Model: {fit.lateral.rung.name} laterally, {fit.axial.rung.name} along z. Of what noise "
        f"does not explain, {1e3 * fit.lateral.misfit_um * 2**0.5:.1f} nm (xy) and "
        f"{1e3 * fit.axial.misfit_um:.1f} nm (z) are left at each bead. Beads lie "
        f"{fit.z_um[0]:.2f} to {fit.z_um[1]:.2f} µm above the first plane."
    )


def _beads(found: Calibration) -> Iterator[str]:
    """Yield how many beads each channel had and why others were refused."""
    if not found.beads:
        return
    reasons = [
        reason
        for reason in REASONS
        if any(part.refused[reason] for parts in found.beads.values() for part in parts)
    ]
    rows = []
    for channel, parts in found.beads.items():
        for number, (stack, part) in enumerate(zip(found.stacks, parts, strict=True)):
            counts = [str(part.refused[reason]) for reason in reasons]
            matched = _partners(found, channel, number)
            noise = f"{part.read_noise:.1f}"
            rows.append([f"{channel}, {stack.source}", str(len(part)), matched, *counts, noise])
    legend = "; ".join(f"{reason}: {REASONS[reason]}" for reason in reasons)
    head = ["channel, recording", "taken", "with a partner", *reasons, "read noise, counts"]
    yield html.heading("Beads")
    yield html.table(head, rows)
    if legend:
        yield html.paragraph(f"Refused: {legend}.", "small")


def _partners(found: Calibration, channel: str, recording: int) -> str:
    if channel == found.reference:
        return "–"
    return str(len(found.channels[channel].matched[recording].pairs))


def _widths(profile: Profile) -> Iterator[str]:
    if not profile.psf:
        return
    yield html.heading("Width of a point's image")
    rows = [
        [name, f"{1e3 * one.lateral_um:.1f}", f"{1e3 * one.axial_um:.1f}"]
        for name, one in profile.psf.items()
    ]
    yield html.table(["channel", "lateral FWHM, nm", "axial FWHM, nm"], rows)
    yield html.paragraph(
        "Full width at half maximum of a Gaussian, median of the beads, their own size taken off, "
        "the camera's pixel within. More of it: livesr psf.",
        "small",
    )


def _origin(found: Calibration, profile: Profile) -> str:
    made, path = profile.provenance, profile.valid_for
    height, width = path.field_um
    voxel = " × ".join(f"{side:g}" for side in found.stacks[0].grid.voxel_um)
    facts = (
        ("microscope", path.microscope),
        ("camera", path.camera),
        ("objective", path.objective),
        ("channel layout", path.layout or "not stated"),
        ("pixel", f"{path.pixel_um:g} µm"),
        ("field (y, x)", f"{height:.2f} × {width:.2f} µm"),
        ("reference channel", found.reference),
        ("voxels of the recordings (z, y, x)", f"{voxel} µm"),
        ("recordings", "; ".join(stack.source for stack in found.stacks)),
        ("made", made.made),
        ("by", made.by),
        ("software", made.software),
        ("error map", profile.error_map or "not stored"),
    )
    return html.terms((name, text or "not named") for name, text in facts)
