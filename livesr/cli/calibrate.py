"""``livesr calibrate``: how the channels lie on each other; or, with dark frames, the camera."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livesr.acquisition.recorded_stacks import valid_for
from livesr.calibration.compare import MOVED_NM, compare
from livesr.calibration.measure import calibrate as calibrate_on_beads
from livesr.calibration.measure import calibrate_on_cells
from livesr.calibration.product import profile_of, store
from livesr.calibration.profile import Profile, load_profile
from livesr.calibration.report import write_report
from livesr.cli.bead_options import (
    BeadDiameter,
    CameraOffset,
    ChannelNames,
    PixelSize,
    PlaneStep,
    SessionFile,
    light_path,
    read_beads,
)
from livesr.cli.camera import (
    Binning,
    CameraName,
    CameraSettings,
    DarkFiles,
    Exposure,
    FlatFiles,
    MeasuredOn,
    Roi,
    calibrate_camera,
)
from livesr.cli.chromagnon import SUFFIX, export_chromagnon, import_chromagnon
from livesr.cli.output import Json, Verbose, emit, say, start_logging
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from livesr.calibration.found import Calibration


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "calibrate",
        help="Measure how the channels lie on each other, from recordings of beads: a calibration"
        " file that sessions use, with a report. With --dark and --flat: measure the camera.",
        epilog="Examples: livesr calibrate beads.ome.tif --session my-session.yaml"
        " -o calibration/mine.yaml; livesr calibrate --dark darks.ome.tif --flat flats.ome.tif"
        " --session my-session.yaml -o calibration/mine.camera.yaml",
    )(calibrate)


def calibrate(
    beads: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="BEADS...",
            help="Images of beads (OME-TIFF, OME-Zarr, ImageJ, STK, TIFF), or folders of livesr "
            "simulate beads. Files of one channel each are the channels of one recording, in "
            "order.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE.yaml", help="The calibration to write."),
    ] = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            "--held-out", metavar="BEADS", help="Another recording, to score it on. Repeatable."
        ),
    ] = None,
    cells: Annotated[
        bool,
        typer.Option(
            "--cells",
            help="BEADS are recordings of cells: no beads needed, both channels show them.",
        ),
    ] = False,
    old: Annotated[
        str | None,
        typer.Option(
            "--compare",
            metavar="OLD",
            help="Say what moved since this calibration; BEADS may be the new one's file.",
        ),
    ] = None,
    session: SessionFile = None,
    reference: Annotated[
        str,
        typer.Option(
            help="Channel that the others are registered to.", show_default="the first one"
        ),
    ] = "",
    channels: ChannelNames = "",
    pixel: PixelSize = None,
    z_step: PlaneStep = None,
    offset: CameraOffset = None,
    chromagnon: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.chromagnon.csv",
            help="Also write it for Chromagnon: seven numbers a channel, not the field's shape.",
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            help="If BEADS is a .chromagnon.csv: an image that it is for, which says its voxels."
        ),
    ] = None,
    diameter: BeadDiameter = 0.1,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the report.", show_default="beside the calibration"
        ),
    ] = None,
    dark: DarkFiles = None,
    flat: FlatFiles = None,
    camera: CameraName = "",
    exposure: Exposure = None,
    binning: Binning = "",
    roi: Roi = "",
    measured: MeasuredOn = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Measure, write, report."""
    start_logging(verbose)
    if dark or flat:
        _only_camera(beads)
        settings = CameraSettings(camera, exposure, binning, roi, measured)
        path = light_path(session, channels, None, None, None)
        return calibrate_camera(dark or [], flat or [], out, report, path, settings, as_json)
    beads = _beads(beads)
    if old is not None and len(beads) == 1 and beads[0].suffix in (".yaml", ".yml"):
        return _show_moved(load_profile(old), load_profile(beads[0]), as_json)
    target = _target(out)
    path = light_path(session, channels, pixel, z_step, offset)
    if beads[0].name.endswith(SUFFIX):
        return import_chromagnon(beads[0], image, path, reference, target, as_json)
    stacks, path = read_beads(beads, path)
    others = read_beads(held_out, path)[0] if held_out else []
    measure = calibrate_on_cells if cells else calibrate_on_beads
    found = measure(stacks, reference=reference, held_out=others, say=say)
    profile = profile_of(
        found,
        name=target.stem,
        valid_for=valid_for(path, stacks[0]),
        made=datetime.now(UTC).date(),
        command=_command(beads, out, cells=cells),
        simulated=path.simulated,
        diameter_um=diameter,
    )
    fits = {name: channel.fit for name, channel in found.channels.items()}
    profile = store(profile, fits, target)
    before = None if old is None else load_profile(old)
    moved = {} if before is None else compare(before, profile)
    folder = report or target.with_name(f"{target.stem}-report")
    page = write_report(found, profile, folder, compared=before)
    _show(found, profile)
    if chromagnon is not None:
        export_chromagnon(chromagnon, profile, stacks[0])
    for name, one in moved.items():
        say(f"{name} {one.words}")
    say(f"calibration: {target}\nreport: {page}")
    if as_json:
        emit(_summary(found, profile, target, page) | ({"moved": _dicts(moved)} if moved else {}))
    return 0


def _only_camera(beads: list[Path] | None) -> None:
    if beads:
        raise ConfigError(
            f"{beads[0]} stands beside --dark and --flat: beads and camera are two calibrations",
            where="BEADS",
            fix="livesr calibrate BEADS -o FILE, and then"
            " livesr calibrate --dark DARKS --flat FLATS -o FILE",
        )


def _beads(beads: list[Path] | None) -> list[Path]:
    if not beads:
        raise ConfigError(
            "nothing to measure is named",
            where="BEADS",
            fix="livesr calibrate BEADS -o FILE for the channels; for the camera livesr calibrate"
            " --dark DARKS --flat FLATS -o FILE",
        )
    return beads


def _target(out: Path | None) -> Path:
    if out is None:
        raise ConfigError(
            "where the calibration goes is not said", where="-o", fix="-o calibration/NAME.yaml"
        )
    return out if out.suffix in (".yaml", ".yml") else out.with_name(out.name + ".yaml")


def _command(beads: list[Path], out: Path | None, *, cells: bool) -> str:
    """Return the command without the folders of this machine."""
    names = [path.name for path in beads]
    kind = ["--cells"] if cells else []
    return shlex.join(["livesr", "calibrate", *names, *kind, "-o", out.name if out else ""])


def _show(found: Calibration, profile: Profile) -> None:
    for warning in found.warnings:
        say(f"warning: {warning}")
    for name, part in profile.measured.items():
        held = part.heldout_nm
        say(
            f"{name} on {found.reference}: {part.points} {found.points},"
            f" {part.lateral} / {part.axial};"
            f" error of a target {part.tre_nm.xy:.1f} nm xy, {part.tre_nm.z:.1f} nm z"
            + (f"; held out {held.xy:.1f} nm xy, {held.z:.1f} nm z" if held else "")
            + f"; {part.coverage:.0%} of the field covered"
        )


def _summary(found: Calibration, profile: Profile, target: Path, page: Path) -> dict[str, Any]:
    held = [part.heldout_nm for part in profile.measured.values() if part.heldout_nm is not None]
    fre, tre = profile.error.fre_nm, profile.error.tre_nm
    summary: dict[str, Any] = {
        "profile": str(target),
        "report": str(page),
        "beads": profile.provenance.beads,
        "fre_nm": fre and fre.model_dump(),
        "tre_nm": tre and tre.model_dump(),
        "channels": {name: part.model_dump() for name, part in profile.measured.items()},
        "psf": {name: one.model_dump() for name, one in profile.psf.items()},
        "warnings": list(found.warnings),
    }
    if held:
        summary["heldout_nm"] = {"xy": max(h.xy for h in held), "z": max(h.z for h in held)}
    return summary


def _show_moved(old: Profile, new: Profile, as_json: bool) -> int:
    moved = compare(old, new)
    for name, one in moved.items():
        say(f"{name} {one.words}")
        if one.worst_nm > MOVED_NM:
            say(f"  the field's shape changed by more than {MOVED_NM:.0f} nm: use the new one")
    if as_json:
        emit({"moved": _dicts(moved)})
    return 0


def _dicts(moved: dict[str, Any]) -> dict[str, Any]:
    return {name: one.as_dict() for name, one in moved.items()}
