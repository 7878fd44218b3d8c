"""Writes the report of a point-spread function: figures and table first, the page last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from livesr import html
from livesr.calibration.psf.checks import warnings_of
from livesr.calibration.psf.tables import bead_table, numbers
from livesr.calibration.report.psf_figures import draw_field_maps, draw_profiles, draw_widths
from livesr.calibration.report.psf_page import page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from livesr.calibration.psf.measure import Psf
    from livesr.calibration.psf.theory import Expected

PAGE, BEADS, NUMBERS = "index.html", "beads.csv", "psf.json"


def write_psf_report(
    psf: Psf, folder: Path, expected: Mapping[str, Sequence[Expected]] | None = None
) -> Path:
    """Write ``index.html`` with its figures, the figures as PNG, ``beads.csv`` and ``psf.json``.

    Parameters
    ----------
    psf : Psf
    folder : Path
        Made if it is missing; files of the same names are replaced.
    expected : mapping of str to sequence of Expected, optional
        By channel.

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
    expected = expected or {}
    warnings = warnings_of(psf, expected)
    figures = {
        name: [
            html.illustrate(folder, f"{html.file_name(name)}-{what}", caption, figure)
            for what, caption, figure in _figures(psf, name, expected.get(name, ()))
        ]
        for name in psf.channels
    }
    html.put(folder / BEADS, bead_table(psf).encode("utf-8"))
    told = json.dumps(numbers(psf, expected, warnings), indent=2, ensure_ascii=False)
    html.put(folder / NUMBERS, told.encode("utf-8"))
    return html.put(folder / PAGE, page(psf, expected, warnings, figures).encode("utf-8"))


def _figures(psf: Psf, name: str, expected: Sequence[Expected]) -> Iterator[tuple[str, str, Any]]:
    """Give short name, caption and figure of each illustration of a channel."""
    channel = psf.channels[name]
    yield (
        "widths",
        "Widths of all beads, their own size taken off. Grey lines: what theory expects, where it "
        "lies within the axes. Beads beyond the axes stand on their edge.",
        draw_widths(channel, expected),
    )
    yield (
        "profiles",
        "Light along lines through the brightest beads, each against its own centre, with the "
        "Gaussian of the median width as it was recorded. Light that stays above the Gaussian far "
        "from the centre is the pedestal of a spinning disk's neighbouring pinholes.",
        draw_profiles(psf, channel),
    )
    focus = "" if channel.flat else " The beads do not lie on a plane: their focus is their height."
    yield (
        "field",
        "Over the field: beads as dots, and the surface of second degree through them (of lower "
        f"degree where they are few).{focus}",
        draw_field_maps(channel, psf.field_um),
    )
