"""Simulated recordings without cells: beads, dark frames, evenly lit fields, with their truth."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ConfigError
from livesr.simulator.imaging.beads import Beads, blank, flat
from livesr.simulator.recordings import picture, preview
from livesr.simulator.recordings.files import Contents, begin_recording
from livesr.simulator.recordings.instrument import Instrument, write_parameters
from livesr.simulator.recordings.sidecars import write_calibration, write_table
from livesr.storage.ome_tiff import TiffSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from livesr.simulator.recordings.instrument import Setup
    from livesr.types import Float32, Float64, UInt8, UInt16

    Say = Callable[[str], None]

BEYOND_UM = 2.0
"""How far a bead stack reaches beyond the beads, as the stage moves."""
EDGE_PX = 24
"""The bead in the picture lies this far from the edge at least."""
APART_PX = 30
"""No other bead lies nearer to it, if there is such a bead."""
DARK_PX = 96
"""Pixels along each side of the part of a dark frame in the picture."""


def simulate_beads(
    setup: Setup,
    folder: Path,
    *,
    count: int = 250,
    photons: tuple[float, float] = (2000.0, 6000.0),
    depth_um: float = 0.0,
    diameter_um: float = 0.1,
    channels: int = 2,
    planes: int | None = None,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Record one stack of beads; ``beads.csv`` says where each channel shows them.

    Parameters
    ----------
    setup : Setup
        Its planes and their start are replaced.
    folder : Path
        New.
    count : int
        Beads in the field.
    photons : tuple of float
        Least and most photons of a bead in yellow: all that one frame in best focus holds of it.
    depth_um : float
        Beads lie from the cover slip up to this height; 0: all on the cover slip.
    diameter_um : float
    channels : int
        2: yellow and red; 3: also green.
    planes : int, optional
        Default: enough to reach `BEYOND_UM` beyond the beads on either side.
    say : callable
        Takes a line of progress.

    Returns
    -------
    dict
        What was written, with plain values.

    Raises
    ------
    ConfigError
        Parameters that are unknown or of another form.
    StorageError
        If the folder exists, or the disk is full.
    """
    instrument = Instrument(_around(setup, depth_um, planes), tuple(range(channels)))
    setup = instrument.setup
    beads = Beads(
        setup.seed,
        count=count,
        photons=photons,
        z_um=(0.0, depth_um),
        diameter_um=diameter_um,
        field_um=setup.view_um,
        background=_dim(setup),
    )
    say(f"{count} beads, {setup.planes} planes")
    view, optics = setup.view(), instrument.optics
    light = beads.emission(instrument.heights(), view, optics, channels=instrument.channels)
    frames = instrument.expose(light)
    image = _write(instrument, folder, "beads", [(frames, light)])
    places = [beads.places(c, view, optics) for c in instrument.channels]
    table = write_table(folder / "beads.csv", list(_bead_rows(beads, places, instrument)))
    nice = _nicest(beads.photons[0], places[0][:, 1:], setup.shape)
    card = preview.beads_card(
        instrument.channels_of(frames),
        [at - [setup.z_start_um, 0.0, 0.0] for at in places],
        nice,
        setup.grid,
        "Simulated beads",
        _note(setup, f"{count} beads"),
    )
    options = {
        "count": count,
        "photons": list(photons),
        "depth_um": depth_um,
        "diameter_um": diameter_um,
        "channels": channels,
        "planes": planes,
    }
    return {
        **_finish(instrument, folder, "beads", options, image),
        "beads": count,
        "tables": {"beads": str(table)},
        "pictures": _pictures(folder, card),
    }


def simulate_dark(
    setup: Setup, folder: Path, *, frames: int = 50, channels: int = 2, say: Say = lambda _: None
) -> dict[str, Any]:
    """Record frames without light, one a time point.

    Parameters
    ----------
    setup, folder, channels, say
        As for `simulate_beads`; the planes are not used.
    frames : int
    """
    return _camera_frames(setup, folder, "dark", [(0.0, frames)], channels, say)


def simulate_flat(
    setup: Setup,
    folder: Path,
    *,
    levels: Sequence[float] = (50.0, 200.0, 1000.0, 5000.0),
    frames: int = 20,
    channels: int = 2,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Record frames of an even sea of dye at several levels, one a time point.

    Parameters
    ----------
    setup, folder, channels, say
        As for `simulate_beads`; the planes are not used.
    levels : sequence of float
        Photons a pixel where no light is lost.
    frames : int
        At each level.

    Raises
    ------
    ConfigError
        Also if a level is not positive.
    """
    if not levels or min(levels) <= 0:
        raise ConfigError(
            f"levels of light {list(levels)}", where="--levels", fix="positive, as in 50,200,1000"
        )
    return _camera_frames(setup, folder, "flat", [(v, frames) for v in levels], channels, say)


def _camera_frames(
    setup: Setup,
    folder: Path,
    what: str,
    series: Sequence[tuple[float, int]],
    channels: int,
    say: Say,
) -> dict[str, Any]:
    """Write frames at levels of light, (level, frames) each, and the camera's own maps."""
    instrument = Instrument(replace(setup, planes=1), tuple(range(channels)))
    setup, view = instrument.setup, instrument.setup.view()
    levels = [level for level, number in series for _ in range(number)]

    def exposed() -> Iterator[tuple[UInt16, Float32]]:
        for t, level in enumerate(levels):
            if t % 10 == 0:
                say(f"frame {t + 1}/{len(levels)}")
            light = (
                flat(level, 1, view, instrument.optics, instrument.channels)
                if level
                else blank(1, view, instrument.channels)
            )
            yield instrument.expose(light, t), np.ascontiguousarray(light)

    kept: list[UInt16] = []
    image = _write(instrument, folder, what, exposed(), len(levels), kept)
    rows = [{"t": t, "level_photons": level} for t, level in enumerate(levels)]
    table = write_table(folder / "frames.csv", rows)
    last = np.concatenate(kept[-series[-1][1] :], axis=1)
    level, number = series[-1]
    title = f"Simulated {what} frames"
    note = _note(setup, f"{number} frames at {level:g} photons a pixel")
    crop = None if level else DARK_PX
    card = preview.frames_card(last, instrument.names, title, note, crop=crop)
    options = {"series": [list(pair) for pair in series], "channels": channels}
    return {
        **_finish(instrument, folder, what, options, image),
        "frames": len(levels),
        "tables": {"frames": str(table)},
        "truth": _camera_maps(instrument, folder),
        "pictures": _pictures(folder, card),
    }


def _write(
    instrument: Instrument,
    folder: Path,
    what: str,
    exposures: Sequence[tuple[UInt16, Float32]] | Iterator[tuple[UInt16, Float32]],
    timepoints: int = 1,
    kept: list[UInt16] | None = None,
) -> Path:
    """Write the sensor's counts and their light, a time point each; keep channels if asked."""
    setup = instrument.setup
    info = instrument.info(timepoints, 0.0)
    contents = Contents(info, clean=setup.clean and not instrument.split)
    files = begin_recording(folder, contents, setup.form, f"{what}-{setup.seed}")
    for t, (frames, light) in enumerate(exposures):
        files.raw(t, instrument.stored(frames))
        files.clean(t, light)
        if kept is not None:
            kept.append(instrument.channels_of(frames))
    files.close()
    return files.image


def _finish(
    instrument: Instrument, folder: Path, what: str, options: dict[str, Any], image: Path
) -> dict[str, Any]:
    """Write what made the recording and its chromatic truth; return what there is."""
    setup = instrument.setup
    made = write_parameters(folder, instrument, what, options, setup.view())
    models = {instrument.names[place]: model for place, model in instrument.models.items()}
    calibration = write_calibration(
        folder / "calibration.yaml", models, setup.grid, setup.optics_seed
    )
    return {
        **made,
        "image": str(image),
        "channels": list(instrument.info(1, 0.0).channels),
        "calibration": str(calibration),
    }


def _camera_maps(instrument: Instrument, folder: Path) -> dict[str, str]:
    """Write the camera's own maps, in the geometry of the recording, and return their paths."""
    info = instrument.info(1, 0.0)
    maps = instrument.camera.pattern(*instrument.sensor.shape)
    written = {}
    for name, sensor in zip(("offset", "gain", "read_noise"), maps, strict=True):
        path = folder / f"{name}.ome.tif"
        stored = instrument.stored(sensor[None])
        series = TiffSeries(
            path,
            (1, *stored.shape),
            "float32",
            info.grid,
            channels=info.channels,
            identity=f"{name}-{instrument.setup.optics_seed}",
        )
        series.write(0, stored)
        series.close()
        written[name] = str(path)
    return written


def _around(setup: Setup, depth_um: float, planes: int | None) -> Setup:
    """Return the setup whose planes lie around beads from the cover slip to a depth."""
    optics = Instrument(setup).optics
    top = optics.stage(depth_um) + BEYOND_UM
    wanted = ceil((top + BEYOND_UM) / setup.z_step_um - 1e-6) + 1 if planes is None else planes
    middle = 0.5 * (top - BEYOND_UM)
    start = middle - 0.5 * (wanted - 1) * setup.z_step_um
    return replace(setup, planes=wanted, z_start_um=start)


def _dim(setup: Setup) -> tuple[float, float, float]:
    """Return the light of an empty field in yellow, red and green: the least of a cell's day."""
    light = setup.numbers.light
    yellow, other = light.background_photons[0], light.background_ratio[0]
    return yellow, yellow * other, yellow * other


def _bead_rows(
    beads: Beads, places: Sequence[Float64], instrument: Instrument
) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``beads.csv``."""
    setup = instrument.setup
    for number, bead in enumerate(beads.rows()):
        row: dict[str, Any] = {
            "identity": bead.identity,
            "z_um": bead.z_um,
            "y_um": bead.y_um,
            "x_um": bead.x_um,
        }
        for channel, name, at in zip(instrument.channels, instrument.names, places, strict=True):
            z, y, x = (float(v) for v in at[number])
            row |= {
                f"{name}_photons": bead.photons[channel],
                f"{name}_plane": (instrument.optics.stage(z) - setup.z_start_um) / setup.z_step_um,
                f"{name}_y_px": y,
                f"{name}_x_px": x,
            }
        yield row


def _nicest(photons: Float64, places: Float64, shape: tuple[int, int]) -> int:
    """Return the brightest bead that lies alone and not at the edge, by (y, x) in pixels."""
    inside = np.all((places > EDGE_PX) & (places < np.array(shape) - EDGE_PX), axis=1)
    way = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(way, np.inf)
    alone = way.min(axis=1) > APART_PX if len(places) > 1 else np.ones(1, np.bool_)
    return int(np.argmax(photons * (1.0 + 10.0 * (inside & alone))))


def _note(setup: Setup, what: str) -> str:
    return f"{what}, seed {setup.seed}, optics seed {setup.optics_seed}, preset {setup.preset}"


def _pictures(folder: Path, card: UInt8) -> dict[str, str]:
    return {"preview": str(picture.save(card, folder / "preview.png"))}
