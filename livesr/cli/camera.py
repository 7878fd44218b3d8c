"""``livesr calibrate --dark --flat``: the camera's own pattern and each channel's flat field."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livesr.acquisition.camera_frames import open_camera_frames
from livesr.calibration.camera.measure import measure_camera
from livesr.calibration.camera.product import numbers, store_camera
from livesr.calibration.camera.record import SUFFIX, MadeFor
from livesr.cli.output import emit, say
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.acquisition.camera_frames import CameraFrames
    from livesr.acquisition.recorded_stacks import LightPath
    from livesr.calibration.camera.found import CameraCalibration
    from livesr.calibration.camera.record import CameraProfile

EXPOSURES = 4.0
"""A correction is good for exposures up to so many times longer or shorter than the darks'."""
_PANEL = "The camera"
DarkFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--dark",
        metavar="DARKS",
        help="Frames without light (TIFF, OME-TIFF, OME-Zarr, a folder of livesr simulate dark); "
        "200 are good. Repeatable.",
        rich_help_panel=_PANEL,
    ),
]
FlatFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--flat",
        metavar="FLATS",
        help="Frames of an evenly lit field, several levels of light in one file or one file a "
        "level. Repeatable.",
        rich_help_panel=_PANEL,
    ),
]
CameraName = Annotated[
    str,
    typer.Option(
        "--camera",
        metavar="NAME",
        help="Identity of the camera, compared with a session's.",
        show_default="the session file's",
        rich_help_panel=_PANEL,
    ),
]
Exposure = Annotated[
    float | None,
    typer.Option(
        min=0.001, metavar="MS", help="Exposure of the dark frames, ms.", rich_help_panel=_PANEL
    ),
]
Binning = Annotated[
    str, typer.Option(metavar="N", help="Binning of the frames.", rich_help_panel=_PANEL)
]
Roi = Annotated[
    str,
    typer.Option(
        "--roi",
        metavar="X,Y,W,H",
        help="Region of interest of the frames on the sensor.",
        rich_help_panel=_PANEL,
    ),
]
MeasuredOn = Annotated[
    datetime | None,
    typer.Option(
        "--measured",
        formats=["%Y-%m-%d"],
        help="Day on which the frames were taken.",
        show_default="today",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What the command line says of the frames; empty where it says nothing."""

    camera: str
    exposure_ms: float | None
    binning: str
    roi: str
    measured: datetime | None


def calibrate_camera(
    dark: Sequence[Path],
    flat: Sequence[Path],
    out: Path | None,
    report: Path | None,
    path: LightPath,
    settings: CameraSettings,
    as_json: bool,
) -> int:
    """Measure the camera, write the correction and its report."""
    target = _target(dark, flat, out)
    roi = _roi(settings.roi)
    frames = open_camera_frames(dark, flat, path)
    try:
        found = measure_camera(frames.darks, frames.flats, frames.regions, say)
    finally:
        frames.close()
    profile = store_camera(
        found,
        target,
        made_for=_made_for(frames, settings, roi),
        measured=_day(settings.measured),
        simulated=frames.path.simulated,
        command=_command(dark, flat, target),
    )
    from livesr.calibration.report.camera_write import write_camera_report

    folder = report or target.with_name(f"{target.name.removesuffix('.yaml')}-report")
    page = write_camera_report(found, profile, folder)
    _show(found, profile)
    say(f"camera correction: {target}\nreport: {page}")
    if as_json:
        emit(_summary(found, profile, target, page))
    return 0


def _target(dark: Sequence[Path], flat: Sequence[Path], out: Path | None) -> Path:
    for option, given, what in (("--dark", dark, "dark"), ("--flat", flat, "evenly lit")):
        if not given:
            raise ConfigError(
                f"no {what} frames are named",
                where=option,
                fix="both are needed: livesr calibrate --dark DARKS --flat FLATS -o FILE",
            )
    if out is None:
        raise ConfigError(
            "where the camera correction goes is not said",
            where="-o",
            fix=f"-o calibration/NAME{SUFFIX}",
        )
    return out if out.suffix in (".yaml", ".yml") else out.with_name(out.name + SUFFIX)


def _roi(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
        raise ConfigError(
            f"{text!r} is no region of interest", where="--roi", fix="--roi 0,0,1200,1200"
        )
    x, y, width, height = (int(part) for part in parts)
    return x, y, width, height


def _made_for(
    frames: CameraFrames, settings: CameraSettings, roi: tuple[int, int, int, int] | None
) -> MadeFor:
    path = frames.path
    exposure = settings.exposure_ms or frames.exposure_ms
    return MadeFor(
        microscope=path.microscope,
        camera=settings.camera or path.camera,
        objective=path.objective,
        layout="" if path.layout is None or path.simulated else path.layout.kind,
        sensor=frames.darks[0].shape,
        exposure_ms=None if exposure is None else (exposure / EXPOSURES, exposure * EXPOSURES),
        binning=settings.binning,
        roi=roi,
    )


def _day(given: datetime | None) -> date:
    return datetime.now(UTC).date() if given is None else given.date()


def _command(dark: Sequence[Path], flat: Sequence[Path], target: Path) -> str:
    """Return the command without the folders of this machine."""
    words = ["livesr", "calibrate"]
    words += [word for path in dark for word in ("--dark", path.name)]
    words += [word for path in flat for word in ("--flat", path.name)]
    return shlex.join([*words, "-o", target.name])


def _warnings(found: CameraCalibration, profile: CameraProfile) -> list[str]:
    missing = []
    if not profile.made_for.camera:
        missing.append("the camera has no name (--camera, or camera: in the session file)")
    if profile.made_for.exposure_ms is None:
        missing.append("the exposure is not known (--exposure)")
    unsaid = [f"{what}: sessions cannot be compared with it" for what in missing]
    return [*found.warnings, *unsaid]


def _show(found: CameraCalibration, profile: CameraProfile) -> None:
    for warning in _warnings(found, profile):
        say(f"warning: {warning}")
    has = profile.found
    say(
        f"{profile.darks} darks, {len(profile.levels)} levels of light;"
        f" {' and '.join(f'{gain:.4f}' for gain in has.gain_e_per_adu)} electrons a count, read"
        f" noise {' and '.join(f'{noise:.2f}' for noise in has.read_noise_e)} electrons,"
        f" {has.hot_pixels} hot pixels"
    )
    say(
        f"one pixel: offset ±{has.offset_error:.3f} counts, response ±{has.response_error:.2%}"
        f" (pixels differ by {has.response_spread:.2%});"
        f" from its own noise alone its gain would be known to ±{found.transfer_error:.0%}"
    )
    for where in ("dim", "bright"):
        before, after = (has.false_ratio.get(f"{where}_{when}") for when in ("before", "after"))
        if before is not None and after is not None:
            say(f"false ratio, {where} light: {before:.2%} before, {after:.2%} after (rms)")


def _summary(
    found: CameraCalibration, profile: CameraProfile, target: Path, page: Path
) -> dict[str, Any]:
    return {
        "camera_correction": str(target),
        "report": str(page),
        "darks": profile.darks,
        "levels": [level.model_dump() for level in profile.levels],
        "channels": [channel.name for channel in profile.channels],
        **numbers(found),
        "pixel_transfer_error": round(found.transfer_error, 4),
        "warnings": _warnings(found, profile),
    }
