"""Options of verbs that read recordings of beads, and the light path that they tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.acquisition.recorded_stacks import LightPath, light_path_of, read_stacks
from livesr.config import read_session
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.calibration.found import BeadStack

BeadFiles = Annotated[
    list[Path],
    typer.Argument(
        metavar="BEADS...",
        help="Images of beads (OME-TIFF, OME-Zarr, ImageJ, STK, TIFF), or folders of livesr "
        "simulate beads. Files of one channel each are the channels of one recording, in order.",
    ),
]
SessionFile = Annotated[
    Path | None,
    typer.Option(
        "--session",
        metavar="FILE",
        help="Session file of the microscope: its channel layout, names, camera offset, pixel.",
    ),
]
ChannelNames = Annotated[
    str,
    typer.Option("--channels", metavar="A,B", help="Names of the channels, in the file's order."),
]
PixelSize = Annotated[
    float | None,
    typer.Option("--pixel", min=0.005, help="Pixel in the sample, µm.", show_default="the file's"),
]
PlaneStep = Annotated[
    float | None,
    typer.Option(
        "--z-step", min=0.005, help="Distance of the planes, µm.", show_default="the file's"
    ),
]
CameraOffset = Annotated[
    float | None,
    typer.Option("--offset", min=0.0, help="Camera counts without light.", show_default="100"),
]
BeadDiameter = Annotated[
    float, typer.Option("--diameter", min=0.0, help="Of the beads, µm: taken off their widths.")
]


def read_beads(files: Sequence[Path], path: LightPath) -> tuple[list[BeadStack], LightPath]:
    """Return the recordings, and the light path with what simulated folders add to it.

    Raises
    ------
    ConfigError, HardwareError
        If one is missing or damaged, its scales are not known, or it has not as many channels as
        were named.
    """
    for file in files:
        if not file.exists():
            raise ConfigError(
                f"there is no {file}",
                where="BEADS",
                fix="name images of beads, or make some: livesr simulate beads",
            )
    stacks, found = read_stacks(files, path)
    for stack in stacks:
        if path.names and stack.channels != path.names:
            raise ConfigError(
                f"{stack.source} has {len(stack.channels)} channels, {len(path.names)} are named:"
                f" {', '.join(path.names)}",
                where=stack.source,
                fix="--channels with a name for each channel of the file, in its order",
            )
    return stacks, found


def light_path(
    session: Path | None,
    channels: str,
    pixel_um: float | None,
    z_step_um: float | None,
    offset: float | None,
) -> LightPath:
    """Return the light path of a session file, with what the other options say instead.

    Raises
    ------
    ConfigError
        If the session file cannot be read, or the names are not unlike.
    """
    path = LightPath() if session is None else light_path_of(read_session(session))
    names = channel_names(channels)
    return replace(
        path,
        names=names or path.names,
        pixel_um=pixel_um or path.pixel_um,
        z_step_um=z_step_um,
        offset=path.offset if offset is None else offset,
    )


def channel_names(text: str) -> tuple[str, ...]:
    """Return names with commas between them; none of an empty text."""
    names = tuple(name.strip() for name in text.split(",")) if text.strip() else ()
    if not all(names) or len(set(names)) != len(names):
        raise ConfigError(
            f"{text!r} are not names of channels", where="--channels", fix="--channels yellow,red"
        )
    return names
