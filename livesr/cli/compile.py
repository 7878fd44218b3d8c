"""``livesr compile``: a package's plans for TensorRT, before a session needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging
from livesr.errors import ConfigError, nearest
from livesr.segmentation.engines.tensorrt.compiling import Wish, compile_package
from livesr.segmentation.engines.tensorrt.library import LIBRARIES
from livesr.segmentation.package import load_package

_WINDOW = "24,816,816"
"""A stack of 24 planes of 1200 × 1200 pixels, on the networks' grid."""


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "compile",
        help="Compile a package for TensorRT or TensorRT-RTX before a session needs it. "
        "TensorRT-RTX compiles for any of its cards on any machine, without a GPU; TensorRT only "
        "on the machine with the card, its driver and NVIDIA's libraries.",
        epilog="Example: livesr compile ALL --engine tensorrt-rtx --target sm86,sm89",
    )(compile_)


def compile_(
    package: Annotated[
        str, typer.Argument(metavar="PACKAGE", help="A folder, or a name in models/.")
    ],
    engine: Annotated[str, typer.Option(help=" or ".join(LIBRARIES) + ".")] = "tensorrt-rtx",
    target: Annotated[
        str,
        typer.Option(
            metavar="SM,…",
            help="Cards by compute capability: sm75 (RTX 20), sm86 (RTX 30), sm89 (RTX 40), sm120 "
            "(RTX 50).",
            show_default="the card of this machine",
        ),
    ] = "",
    window: Annotated[
        str, typer.Option(metavar="Z,Y,X", help="Voxels of the networks' grid that they see.")
    ] = _WINDOW,
    precision: Annotated[str, typer.Option(help="auto (f16), f16 or f32.")] = "auto",
    structure: Annotated[
        list[str] | None, typer.Option("--structure", help="Only these. May be repeated.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to write to.", show_default="where engines look"),
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Compile and keep the plans; LIVESR_CACHE names another folder where engines look."""
    start_logging(verbose)
    if engine not in LIBRARIES:
        raise ConfigError(
            f"{engine!r} does not compile ahead",
            where="--engine",
            fix=nearest(engine, LIBRARIES),
        )
    plans = compile_package(
        load_package(package),
        LIBRARIES[engine],
        [name for name in target.split(",") if name.strip()],
        Wish(_window(window), precision, tuple(structure or ())),
        folder=out,
        progress=say,
    )
    for plan in plans:
        say(f"{plan.path}: {plan.bytes / 1e6:.1f} MB, {plan.library} for {plan.target}")
    if as_json:
        emit({"plans": [plan.as_dict() for plan in plans]})
    return 0


def _window(text: str) -> tuple[int, int, int]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isdigit() and int(part) for part in parts):
        raise ConfigError(f"{text!r} is no window", where="--window", fix=f"--window {_WINDOW}")
    z, y, x = map(int, parts)
    return z, y, x
