"""``livesr psf``: how wide the microscope images a point, measured on beads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.calibration.psf.checks import warnings_of
from livesr.calibration.psf.measure import measure_psf
from livesr.calibration.psf.tables import numbers
from livesr.calibration.psf.theory import expected_widths
from livesr.cli.bead_options import (
    BeadDiameter,
    BeadFiles,
    CameraOffset,
    ChannelNames,
    PixelSize,
    PlaneStep,
    SessionFile,
    light_path,
    read_beads,
)
from livesr.cli.output import Json, Verbose, emit, free_folder, say, start_logging, table
from livesr.errors import ConfigError, nearest
from livesr.html import prepare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.calibration.psf.measure import Psf
    from livesr.calibration.psf.theory import Expected

_EMISSION = "--emission yellow=617,red=685"


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "psf",
        help="Measure the point-spread function of each channel on beads: widths, asymmetry, best "
        "focus, maps of the field.",
        epilog="Example: livesr psf beads.ome.tif --na 1.49 --emission yellow=617,red=685 -o psf",
    )(psf)


def psf(
    files: BeadFiles,
    session: SessionFile = None,
    channels: ChannelNames = "",
    pixel: PixelSize = None,
    z_step: PlaneStep = None,
    offset: CameraOffset = None,
    diameter: BeadDiameter = 0.1,
    na: Annotated[
        float | None, typer.Option("--na", min=0.05, help="Numerical aperture of the objective.")
    ] = None,
    emission: Annotated[
        str, typer.Option(metavar="CHANNEL=NM,…", help="Wavelengths, for expected widths.")
    ] = "",
    immersion: Annotated[
        float, typer.Option(min=1.0, help="Refractive index: oil 1.515, water 1.333, air 1.")
    ] = 1.515,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder of the report.", show_default="livesr-psf"
        ),
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Measure, print the widths, write the report."""
    start_logging(verbose)
    wavelengths = _wavelengths(emission, na)
    path = light_path(session, channels, pixel, z_step, offset)
    folder = out or free_folder(Path("livesr-psf"))
    stacks, _ = read_beads(files, path)
    _known(wavelengths, stacks[0].channels)
    expected = {
        name: expected_widths(1e-3 * nm, na or 0.0, immersion, stacks[0].grid.voxel_um[1])
        for name, nm in wavelengths.items()
    }
    prepare(folder)
    found = measure_psf(stacks, diameter, say=say)
    warnings = warnings_of(found, expected)
    from livesr.calibration.report import write_psf_report

    page = write_psf_report(found, folder, expected)
    _tell(found, expected, warnings)
    say(f"report: {page}")
    if as_json:
        emit({**numbers(found, expected, warnings), "report": str(page)})
    return 0


def _wavelengths(text: str, na: float | None) -> dict[str, float]:
    """Return each channel's emission in nm; the aperture must be named with it.

    Raises
    ------
    ConfigError
        If only one of both is given, or the text is not of the form ``yellow=617,red=685``.
    """
    if bool(text) != (na is not None):
        missing, fix = ("--na", "--na 1.49") if text else ("--emission", _EMISSION)
        raise ConfigError(
            "expected widths need numerical aperture and emission", where=missing, fix=fix
        )
    out = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, value = part.partition("=")
        if not value.strip().replace(".", "", 1).isdigit() or not 300 <= float(value) <= 1200:
            raise ConfigError(
                f"{part!r} names no wavelength of 300 to 1200 nm", where="--emission", fix=_EMISSION
            )
        out[name.strip()] = float(value)
    return out


def _known(wavelengths: dict[str, float], channels: Iterable[str]) -> None:
    known = list(channels)
    for name in wavelengths:
        if name not in known:
            raise ConfigError(
                f"there is no channel {name!r}, only {', '.join(known)}",
                where="--emission",
                fix=nearest(name, known),
            )


def _tell(found: Psf, expected: dict[str, tuple[Expected, ...]], warnings: Iterable[str]) -> None:
    """Print the widths and what speaks against them, for people."""
    rows = []
    for name, one in found.channels.items():
        row: dict[str, object] = {
            "channel": name,
            "beads": len(one),
            "lateral nm": f"{1e3 * one.lateral.value:.1f} ± {1e3 * one.lateral.error:.1f}",
            "axial nm": f"{1e3 * one.axial.value:.1f} ± {1e3 * one.axial.error:.1f}",
            "asymmetry": one.asymmetry,
        }
        for way in expected.get(name, ()):
            row[way.way] = f"{1e3 * way.lateral_um:.0f} × {1e3 * way.axial_um:.0f}"
        rows.append(row)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    say(table(rows, columns))
    for text in warnings:
        say(f"warning: {text}")
