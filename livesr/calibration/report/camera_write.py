"""Writes the report of a camera: figures first, the page that shows them last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr import html
from livesr.calibration.report.camera_figures import (
    draw_flats,
    draw_offset,
    draw_pixels,
    draw_ratio,
    draw_transfer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from livesr.calibration.camera.found import CameraCalibration
    from livesr.calibration.camera.record import CameraProfile

PAGE = "index.html"
GOOD = 0.01
"""False ratio (root mean square) that a correction leaves in bright light, at most."""
WORDS = (
    ("Offset", "Counts of a pixel without light, the mean of its dark frames."),
    ("Response", "Counts of a pixel beside its neighbours', for the same light: its gain, and its "
     "quantum efficiency, which these frames cannot tell apart. The correction divides by it. Light"
     " is taken as smooth over 12 pixels, and a pixel's deviation is drawn to none by as much as "
     "noise alone would make it differ."),
    ("Photon transfer", "Light's own noise grows by one count² a count and electron: the slope is "
     "the gain in electrons a count. One pixel's own variance is known to √(2 / frames) only: "
     "20,000 frames for 1 %. So the slope is told of all pixels, and a pixel's gain is that of all "
     "over its response."),
    ("Flat field", "Light of a place beside the channel's mean, smooth: illumination, splitter and "
     "objective."),
    ("False ratio", "The second channel over the first, of an evenly lit field, less its median, "
     "over a spot of the point-spread function's size. A level is corrected by what the other "
     "levels say."),
)  # fmt: skip


def write_camera_report(found: CameraCalibration, profile: CameraProfile, folder: Path) -> Path:
    """Write ``index.html``, which holds its figures, and the figures as PNG files beside it.

    Parameters
    ----------
    found : CameraCalibration
        As measured.
    profile : CameraProfile
        As stored.
    folder : Path
        Made if it is missing; files of the same names are replaced.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    StorageError
        If the folder cannot be written to.
    """
    html.prepare(folder)
    figures = [
        html.illustrate(folder, name, caption, figure) for name, caption, figure in _figures(found)
    ]
    return html.put(folder / PAGE, _page(found, profile, figures).encode("utf-8"))


def _figures(found: CameraCalibration) -> Iterator[tuple[str, str, Any]]:
    if found.ratios:
        yield (
            "false-ratio",
            "The ratio of an evenly lit field, less its median: all of it is false. Before: one "
            "offset for all pixels, as without a correction. After: corrected.",
            draw_ratio(found),
        )
    yield ("flat", "The light of each channel; lines are 5 % apart.", draw_flats(found))
    yield (
        "offset",
        "Counts without light; circles: pixels that are replaced by their neighbours.",
        draw_offset(found),
    )
    yield (
        "transfer",
        "Variance between frames against their mean. A level off the line is saturated, bent or of "
        "an unsteady lamp.",
        draw_transfer(found),
    )
    yield (
        "pixels",
        "Every pixel's gain, as told by its response and by its own noise alone, and its read "
        "noise.",
        draw_pixels(found),
    )


def _page(
    found: CameraCalibration, profile: CameraProfile, figures: Sequence[html.Illustration]
) -> str:
    return html.document(
        f"Camera correction {profile.name}",
        [
            *_verdict(found, profile),
            *(html.picture(one) for one in figures),
            html.heading("Numbers"),
            _channels(found),
            _levels(profile),
            html.heading("Camera and origin"),
            _origin(profile),
            html.heading("Words"),
            html.terms(WORDS),
        ],
    )


def _verdict(found: CameraCalibration, profile: CameraProfile) -> Iterator[str]:
    if profile.simulated:
        yield html.paragraph("Made on the simulated microscope: of no use on a real one.", "honest")
    for warning in found.warnings:
        yield html.paragraph(f"Warning: {warning}", "fair")
    for where, one in zip(("dim", "bright"), found.ratios, strict=False):
        before, after = (float(np.sqrt(np.mean(part**2))) for part in (one.before, one.after))
        beyond = float(np.sqrt(max(after**2 - one.noise**2, 0.0)))
        yield html.paragraph(
            f"In {where} light the ratio over the field was off by {before:.2%} (rms) and is off by"
            f" {after:.2%}, of which electrons' noise in these frames is {one.noise:.2%} and the"
            f" correction {beyond:.2%}.",
            "good" if beyond <= GOOD else "fair",
        )


def _channels(found: CameraCalibration) -> str:
    rows = []
    for c, region in enumerate(found.regions):
        usable = ~region.cut(found.maps.hot)
        gain = found.gain_e_per_adu[region.image]
        offset, noise, response = (
            region.cut(of)[usable]
            for of in (found.maps.offset, found.maps.read_noise, found.maps.response)
        )
        flat = found.maps.flat[c]
        rows.append([
            region.name, f"{np.median(offset):.2f}", f"{offset.std():.2f}", f"{gain:.4f}",
            f"{response.std():.2%}", f"{np.median(noise) * gain:.2f}",
            f"{np.sqrt(np.mean(noise**2)) * gain:.2f}", str(int((~usable).sum())),
            f"{flat.min():.3f} to {flat.max():.3f}",
        ])  # fmt: skip
    head = ["channel", "offset, counts", "its spread", "electrons a count", "response's spread",
            "read noise, median, e⁻", "rms, e⁻", "hot pixels", "flat field"]  # fmt: skip
    return html.table(head, rows)


def _levels(profile: CameraProfile) -> str:
    rows = [
        [
            " and ".join(f"{counts:.1f}" for counts in level.counts),
            str(level.frames),
            f"{level.gain_deviation:+.2%}",
            f"{level.drift:+.2%}",
            f"{level.flicker:.2%}",
        ]
        for level in profile.levels
    ]
    head = ["level of light, counts", "frames", "gain off the other levels'",
            "drift of the lamp", "from frame to frame"]  # fmt: skip
    return html.table(head, rows)


def _origin(profile: CameraProfile) -> str:
    made_for, has = profile.made_for, profile.found
    images, height, width = made_for.sensor
    exposure = made_for.exposure_ms
    facts = (
        ("camera", made_for.camera),
        ("microscope", made_for.microscope),
        ("objective", made_for.objective),
        ("frames", f"{images} × {height} × {width} (images, y, x)"),
        ("exposures that it is good for", "" if exposure is None else f"{exposure[0]:g} to"
         f" {exposure[1]:g} ms"),
        ("binning", made_for.binning),
        ("region of interest", "" if made_for.roi is None else str(made_for.roi)),
        ("dark frames", str(profile.darks)),
        ("one pixel's standard error", f"offset {has.offset_error:.3f} counts, response"
         f" {has.response_error:.2%}"),
        ("taken", profile.measured.isoformat()),
        ("by", profile.by),
        ("from", profile.source),
        ("software", profile.software),
        ("arrays", f"{profile.arrays} (sha256 {profile.sha256[:16]}…)"),
    )  # fmt: skip
    return html.terms((name, text or "not said") for name, text in facts)
