"""Options that the sub-commands of ``livesr simulate`` share, and how their text is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import typer

from livesr.errors import ConfigError
from livesr.plain import NotPlainError, yaml_of
from livesr.simulator.parameters import PRESETS, parameters

Seed = Annotated[int, typer.Option(min=0, help="What lies on the cover slip, and the noise.")]
OpticsSeed = Annotated[int, typer.Option(min=0, help="The microscope: its optics and its camera.")]
Out = Annotated[Path | None, typer.Option("--out", help="New folder.", show_default="livesr-…")]
Field = Annotated[int, typer.Option(min=32, help="Pixels along each side of a channel.")]
Shape = Annotated[str, typer.Option(metavar="Y,X", help="Pixels, instead of --field.")]
Planes = Annotated[int, typer.Option(min=1, help="Planes of a stack.")]
Step = Annotated[
    float | None,
    typer.Option(min=0.01, help="Distance of the planes, µm.", show_default="the preset's"),
]
Pixel = Annotated[
    float | None,
    typer.Option(min=0.005, help="Size of a pixel in the sample, µm.", show_default="the preset's"),
]
Preset = Annotated[str, typer.Option(help=f"Set of parameters: {', '.join(PRESETS)}.")]
Change = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Change a parameter: er.mesh_um=[0.8,1.2]. Repeatable."
    ),
]
Format = Annotated[Literal["zarr", "tiff"], typer.Option("--format", help="OME-Zarr or OME-TIFF.")]
Clean = Annotated[bool, typer.Option("--clean", help="Also the light without camera noise.")]
Timepoints = Annotated[int, typer.Option(min=1, help="Stacks.")]
Identities = Annotated[
    bool, typer.Option("--identities", help="Also label images of single objects.")
]
Channels = Annotated[int, typer.Option(min=2, max=3, help="2: yellow and red; 3: green as well.")]
Layout = Annotated[
    Literal["channels", "side-by-side", "quadrants", "halves"],
    typer.Option(help="An image of channels, or the sensor as an image splitter gives it."),
]


def read_shape(field: int, text: str) -> tuple[int, int]:
    """Return pixels (y, x)."""
    if not text:
        return field, field
    y, _, x = text.replace("x", ",").partition(",")
    if not (y.strip().isdigit() and x.strip().isdigit() and min(int(y), int(x)) >= 32):
        raise ConfigError(f"{text!r} is no field", where="--shape", fix="--shape 512,640 (y,x)")
    return int(y), int(x)


def read_range(text: str) -> tuple[float, float]:
    """Return the ends of ``A-B``, or ``A`` twice."""
    least, _, most = text.partition("-")
    low, *_, high = read_numbers(f"{least},{most or least}", "--photons", "2000-6000")
    if not 0 < low <= high:
        raise ConfigError(f"{text!r} is no range", where="--photons", fix="--photons 2000-6000")
    return low, high


def read_numbers(text: str, where: str, example: str) -> list[float]:
    """Return numbers with commas between them."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(
            f"{text!r} are no numbers", where=where, fix=f"{where} {example}"
        ) from error


def read_changes(
    preset: str, given: list[str] | None, base: Mapping[str, object] = MappingProxyType({})
) -> str:
    """Return changed parameters as JSON, checked, so that nothing is written in vain."""
    changes = dict(base)
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(
                f"{text!r} sets nothing", where="--set", fix="--set er.mesh_um=[0.8,1.2]"
            )
        changes[name.strip()] = _value(value)
    written = json.dumps(changes, sort_keys=True)
    parameters(preset, written)
    return written


def read_sampling(
    preset: str, changes: str, pixel_um: float | None, z_step_um: float | None
) -> tuple[float, float]:
    """Return pixel and z step (µm): as given, else the middle of the preset's ranges."""
    sampling = parameters(preset, changes).sampling
    return (
        pixel_um or sum(sampling.pixel_um) / 2.0,
        z_step_um or sum(sampling.z_step_um) / 2.0,
    )


def _value(text: str) -> object:
    try:
        return yaml_of(text)[1]
    except NotPlainError as error:
        raise ConfigError(
            f"{text!r} is no value", where="--set", fix="--set er.mesh_um=[0.8,1.2]"
        ) from error
