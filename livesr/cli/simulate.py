"""``livesr simulate``: recordings of the simulated microscope on disk, with their truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livesr.cli.options import (
    Change,
    Channels,
    Clean,
    Field,
    Format,
    Identities,
    Layout,
    OpticsSeed,
    Out,
    Pixel,
    Planes,
    Preset,
    Seed,
    Shape,
    Step,
    Timepoints,
    read_changes,
    read_numbers,
    read_range,
    read_sampling,
    read_shape,
)
from livesr.cli.output import Json, Verbose, emit, free_folder, say, start_logging
from livesr.simulator.recordings import cells, targets
from livesr.simulator.recordings.instrument import Setup

if TYPE_CHECKING:
    from collections.abc import Callable

DIVIDING = {"sample.dividing": 1.0}

simulate = typer.Typer(
    help="Recordings of the simulated microscope: images, truth, tables, a picture.",
    epilog="Begin with: livesr simulate cell   (then look at livesr-cell/preview.png)",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.add_typer(simulate, name="simulate")


@simulate.command(epilog="Example: livesr simulate cell --seed 60001 --out my-cell")
def cell(
    seed: Seed = 60_000,
    out: Out = None,
    field: Field = 640,
    shape: Shape = "",
    planes: Planes = 24,
    z_step: Step = None,
    pixel: Pixel = None,
    timepoints: Timepoints = 1,
    interval: Annotated[float, typer.Option(min=0.0, help="Between stacks, s.")] = 10.0,
    identities: Identities = False,
    preset: Preset = "standard",
    change: Change = None,
    form: Format = "zarr",
    optics_seed: OpticsSeed = 60_000,
    clean: Clean = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Cells in their everyday life: both channels, fifteen masks, objects, contacts."""
    changes = read_changes(preset, change)
    pixel_um, z_um = read_sampling(preset, changes, pixel, z_step)
    setup = Setup(
        seed=seed,
        optics_seed=optics_seed,
        shape=read_shape(field, shape),
        planes=planes,
        z_step_um=z_um,
        pixel_um=pixel_um,
        preset=preset,
        changes=changes,
        form=form,
        clean=clean,
    )
    return _run(
        "cell",
        out,
        as_json,
        verbose,
        lambda folder, progress: cells.simulate_cell(
            setup,
            folder,
            timepoints=timepoints,
            interval_s=interval,
            identities=identities,
            say=progress,
        ),
    )


@simulate.command(epilog="Example: livesr simulate mitosis --interval 120")
def mitosis(
    seed: Seed = 60_000,
    out: Out = None,
    field: Field = 512,
    shape: Shape = "",
    planes: Planes = 54,
    z_step: Step = None,
    pixel: Pixel = None,
    timepoints: Timepoints = 10,
    interval: Annotated[
        float | None,
        typer.Option(min=1.0, help="Between stacks, s; default: times that show every stage."),
    ] = None,
    identities: Identities = False,
    preset: Preset = "standard",
    change: Change = None,
    form: Format = "zarr",
    optics_seed: OpticsSeed = 60_000,
    clean: Clean = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Cell division: tall stacks from prophase to the daughters, and their stages."""
    changes = read_changes(preset, change, DIVIDING)
    pixel_um, z_um = read_sampling(preset, changes, pixel, z_step)
    setup = Setup(
        seed=seed,
        optics_seed=optics_seed,
        shape=read_shape(field, shape),
        planes=planes,
        z_step_um=z_um,
        pixel_um=pixel_um,
        preset=preset,
        changes=changes,
        form=form,
        clean=clean,
    )
    return _run(
        "mitosis",
        out,
        as_json,
        verbose,
        lambda folder, progress: cells.simulate_mitosis(
            setup,
            folder,
            timepoints=timepoints,
            interval_s=interval,
            identities=identities,
            say=progress,
        ),
    )


@simulate.command(epilog="Example: livesr simulate coloc --probe golgi")
def coloc(
    seed: Seed = 60_000,
    out: Out = None,
    field: Field = 640,
    shape: Shape = "",
    planes: Planes = 24,
    z_step: Step = None,
    pixel: Pixel = None,
    probe: Annotated[
        str, typer.Option(help="Structure with a green fluorescent protein.")
    ] = "mitochondria",
    expression: Annotated[
        float, typer.Option(min=0.0, help="Its green light in the median cell; ER tube = 1.")
    ] = 1.0,
    spread: Annotated[
        float, typer.Option(min=0.0, help="Of the expression from cell to cell, log.")
    ] = 0.5,
    preset: Preset = "standard",
    change: Change = None,
    form: Format = "zarr",
    optics_seed: OpticsSeed = 60_000,
    clean: Clean = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Cells with a green probe in one structure: three channels, masks of it and of droplets."""
    changes = read_changes(preset, change)
    pixel_um, z_um = read_sampling(preset, changes, pixel, z_step)
    setup = Setup(
        seed=seed,
        optics_seed=optics_seed,
        shape=read_shape(field, shape),
        planes=planes,
        z_step_um=z_um,
        pixel_um=pixel_um,
        preset=preset,
        changes=changes,
        form=form,
        clean=clean,
    )
    return _run(
        "coloc",
        out,
        as_json,
        verbose,
        lambda folder, progress: cells.simulate_coloc(
            setup,
            folder,
            structure=probe,
            expression=expression,
            spread=spread,
            say=progress,
        ),
    )


@simulate.command(epilog="Example: livesr simulate beads --count 400 --photons 500-2000")
def beads(
    seed: Seed = 60_000,
    out: Out = None,
    count: Annotated[int, typer.Option(min=1, help="Beads in the field.")] = 250,
    photons: Annotated[
        str, typer.Option(metavar="A-B", help="Of a bead in one frame in focus, least-most.")
    ] = "2000-6000",
    depth: Annotated[
        float, typer.Option(min=0.0, help="Beads up to this height, µm; 0: on the cover slip.")
    ] = 0.0,
    diameter: Annotated[float, typer.Option(min=0.0, help="Of a bead, µm.")] = 0.1,
    field: Field = 512,
    shape: Shape = "",
    planes: Annotated[
        int | None, typer.Option(min=1, help="Default: to 2 µm beyond the beads.")
    ] = None,
    z_step: Annotated[float, typer.Option(min=0.01, help="Distance of the planes, µm.")] = 0.2,
    pixel: Pixel = None,
    channels: Channels = 2,
    layout: Layout = "channels",
    preset: Preset = "standard",
    change: Change = None,
    form: Format = "zarr",
    optics_seed: OpticsSeed = 60_000,
    clean: Clean = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Beads for a calibration, and where each channel shows them."""
    changes = read_changes(preset, change)
    pixel_um, _ = read_sampling(preset, changes, pixel, None)
    setup = Setup(
        seed=seed,
        optics_seed=optics_seed,
        shape=read_shape(field, shape),
        z_step_um=z_step,
        pixel_um=pixel_um,
        preset=preset,
        changes=changes,
        form=form,
        clean=clean,
        layout=layout,
    )
    least, most = read_range(photons)
    return _run(
        "beads",
        out,
        as_json,
        verbose,
        lambda folder, progress: targets.simulate_beads(
            setup,
            folder,
            count=count,
            photons=(least, most),
            depth_um=depth,
            diameter_um=diameter,
            channels=channels,
            planes=planes,
            say=progress,
        ),
    )


@simulate.command(epilog="Example: livesr simulate dark --frames 200")
def dark(
    seed: Seed = 60_000,
    out: Out = None,
    frames: Annotated[int, typer.Option(min=2, help="Frames.")] = 50,
    field: Field = 512,
    shape: Shape = "",
    channels: Channels = 2,
    layout: Layout = "channels",
    preset: Preset = "standard",
    change: Change = None,
    form: Format = "zarr",
    optics_seed: OpticsSeed = 60_000,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Frames without light, for the camera's offset and read noise."""
    changes = read_changes(preset, change)
    pixel_um, _ = read_sampling(preset, changes, None, None)
    setup = Setup(
        seed=seed,
        optics_seed=optics_seed,
        shape=read_shape(field, shape),
        pixel_um=pixel_um,
        preset=preset,
        changes=changes,
        form=form,
        layout=layout,
    )
    return _run(
        "dark",
        out,
        as_json,
        verbose,
        lambda folder, progress: targets.simulate_dark(
            setup, folder, frames=frames, channels=channels, say=progress
        ),
    )


@simulate.command(epilog="Example: livesr simulate flat --levels 100,1000,10000")
def flat(
    seed: Seed = 60_000,
    out: Out = None,
    levels: Annotated[
        str, typer.Option(metavar="A,B,…", help="Photons a pixel, level by level.")
    ] = "50,200,1000,5000",
    frames: Annotated[int, typer.Option(min=2, help="Frames at each level.")] = 20,
    field: Field = 512,
    shape: Shape = "",
    channels: Channels = 2,
    layout: Layout = "channels",
    preset: Preset = "standard",
    change: Change = None,
    form: Format = "zarr",
    optics_seed: OpticsSeed = 60_000,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Frames of an even field at several levels, for the camera's gain and the illumination."""
    changes = read_changes(preset, change)
    pixel_um, _ = read_sampling(preset, changes, None, None)
    setup = Setup(
        seed=seed,
        optics_seed=optics_seed,
        shape=read_shape(field, shape),
        pixel_um=pixel_um,
        preset=preset,
        changes=changes,
        form=form,
        layout=layout,
    )
    lit = read_numbers(levels, "--levels", "50,200,1000")
    return _run(
        "flat",
        out,
        as_json,
        verbose,
        lambda folder, progress: targets.simulate_flat(
            setup, folder, levels=lit, frames=frames, channels=channels, say=progress
        ),
    )


def _run(
    what: str,
    out: Path | None,
    as_json: bool,
    verbose: bool,
    make: Callable[[Path, Callable[[str], None]], dict[str, Any]],
) -> int:
    """Make a recording in a folder and say what was written."""
    start_logging(verbose)
    folder = out or free_folder(Path(f"livesr-{what}"))
    live = sys.stderr.isatty()

    def progress(text: str) -> None:
        if live:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        else:
            say(text)

    made = make(folder, progress)
    if live:
        print(file=sys.stderr)
    say(f"written: {folder}")
    for path in made["pictures"].values():
        say(f"picture: {path}")
    if as_json:
        emit(made)
    return 0
