"""Writes a calibration's report: figures first, the page that shows them last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livesr import html
from livesr.calibration.report.maps import draw_displacement, draw_error_map
from livesr.calibration.report.overlay import draw_overlay
from livesr.calibration.report.page import page
from livesr.calibration.report.residuals import draw_histograms, draw_residuals
from livesr.calibration.report.steps import draw_ladder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livesr.calibration.found import Calibration
    from livesr.calibration.profile import Profile

PAGE = "index.html"


def write_report(
    found: Calibration, profile: Profile, folder: Path, *, compared: Profile | None = None
) -> Path:
    """Write ``index.html``, which holds its figures, and the figures as PNG files beside it.

    Parameters
    ----------
    found : Calibration
        As measured.
    profile : Profile
        As stored (`livesr.calibration.product.profile_of`).
    folder : Path
        Made if it is missing; files of the same names are replaced.
    compared : Profile, optional
        An older calibration of the light path: the page says what moved since.

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
    figures = {
        name: [
            html.illustrate(folder, f"{html.file_name(name)}-{what}", caption, figure)
            for what, caption, figure in _figures(found, name)
        ]
        for name in found.channels
    }
    text = page(found, profile, figures, compared)
    return html.put(folder / PAGE, text.encode("utf-8"))


def _figures(found: Calibration, name: str) -> Iterator[tuple[str, str, Any]]:
    """Give short name, caption and figure of each illustration of a channel."""
    channel = found.channels[name]
    fit, pairs = channel.fit, channel.pairs
    first = channel.matched[0].pairs if channel.matched else pairs
    yield (
        "overlay",
        "Beads in both channels, highest counts along z, before and after the one composed warp "
        "that a session applies. White: they lie together.",
        draw_overlay(found.stacks[0], (found.reference, name), fit, first),
    )
    yield (
        "displacement",
        f"Where {name} shows what lies at a place of {found.reference}: the model's displacement "
        "without its mean. Dots: beads in the fit; red crosses: outliers; dashed: the beads' hull.",
        draw_displacement(fit, pairs, name, found.reference),
    )
    yield (
        "error",
        "How far the model itself is expected to be off. Dashed: the beads' hull; hatched: no "
        "bead says anything there.",
        draw_error_map(fit),
    )
    yield (
        "residuals",
        "Error of each bead when it is left out of the fit, against its place; black: running "
        "median. A curve that leaves zero is a shape that the model lacks. Beads beyond the axes "
        "stand on their edge.",
        draw_residuals(fit, pairs),
    )
    yield (
        "histogram",
        "Lengths of the errors; dashed: TRE, the root mean square of beads left out. Larger ones "
        "stand in the last bin.",
        draw_histograms(fit, channel.heldout_nm),
    )
    yield (
        "ladder",
        "Error of beads left out, for each model of the ladder (coefficients an axis in brackets). "
        "Filled: chosen, the lowest rung that no higher one beats by more than a hundredth.",
        draw_ladder(fit),
    )
