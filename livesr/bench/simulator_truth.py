"""Is the simulated image what its parameters say: each read off it as one would off a microscope's.

Gain and read noise from photon transfer, the dye's band ratios from single structures, and whether
the sample depends on nothing but seed and time.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.photon_transfer import photon_transfer
from livesr.bench.rows import Row, attained
from livesr.catalog import NAMES
from livesr.simulator.imaging.beads import blank, flat
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import PIXEL_UM, Optics
from livesr.simulator.imaging.spectra import band_ratios
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from livesr.simulator.parameters import Parameters

SEED = 70_000
LEVELS = (20.0, 100.0, 500.0, 2000.0, 8000.0, 30_000.0)
"""Photons a pixel of the photon transfer's flat fields."""
STAIN_OF = {name: name for name in NAMES if name != "extracellular"} | {"nucleus": "nucleoplasm"}
"""Structures that are rendered alone, and the stain that their light must have."""
SOME = ("lipid_droplet", "golgi", "cytosol")
WHOLE_PIXEL_UM = 0.085
WHOLE_FIELD = (800, 800)
"""A field that holds a whole cell."""
PLAIN = (
    '{"dye.cell_jitter": 0, "dye.object_jitter": 0, "dye.day_gain": [1, 1], '
    '"light.background_photons": [0, 0]}'
)
"""Every cell and object as the table says, on a black ground."""


def rows(*, small: bool = False) -> Iterator[Row]:
    """Measure all of it; ``small``: on a part of the field, with fewer frames."""
    yield from camera_rows(128 if small else 512, 8 if small else 32)
    yield band_ratio_row(SOME if small else STAIN_OF)
    yield purity_row(96 if small else 400)


def camera_rows(field: int, frames: int) -> Iterator[Row]:
    """Read gain and read noise off dark frames and flat fields."""
    p = parameters().camera
    camera = CameraModel.from_parameters(p)
    view, optics = View((0.0, 0.0), PIXEL_UM, (field, field)), Optics.from_seed(SEED)
    rng = np.random.default_rng(SEED)
    levels = [camera.expose(blank(frames, view, (0,))[0], rng)]
    levels += [camera.expose(flat(level, frames, view, optics, (0,))[0], rng) for level in LEVELS]
    found = photon_transfer(levels)
    _, gain, noise = camera.pattern(field, field)
    set_noise = float(np.sqrt(np.mean((noise / gain) ** 2)))
    about = f"{frames} frames of {field} × {field} at {len(levels)} levels"
    for name, value, wanted, asked in (
        ("gain_error", found.gain_e_per_adu, p.gain_e_per_adu, 0.01),
        ("read_noise_error", found.read_noise_e, set_noise, 0.03),
    ):
        error = abs(value / wanted - 1.0)
        yield Row(
            name,
            error,
            "relative",
            bound=f"{asked:g} asked",
            attained=attained(error, asked),
            detail=f"photon transfer: {value:.4f}, set {wanted:.4f}; {about}",
        )


def band_ratio_row(names: Iterable[str]) -> Row:
    """Return the worst relative error of a structure's summed red over its summed yellow."""
    p = parameters("standard", PLAIN)
    sample, optics = Sample(SEED, parameters=p), Optics(pedestal=0.0)
    cell = sample.stages(0.0)[0]
    view = View((cell.y_um, cell.x_um), WHOLE_PIXEL_UM, WHOLE_FIELD)
    # from well below to well above, or the longer red would lose more light there
    z_um = np.arange(-0.9, cell.height_um + 0.9, 0.3).tolist()
    errors = {}
    for name in names:
        light = sample.emission(0.0, z_um, view, optics, names=(name,))
        yellow, red = light.sum(axis=(1, 2, 3), dtype=np.float64).tolist()
        if yellow:
            errors[name] = abs(red / yellow / _set_ratio(p, STAIN_OF[name]) - 1.0)
    worst = max(errors, key=lambda name: errors[name])
    return Row(
        "band_ratio_error",
        errors[worst],
        "relative",
        bound="0.03 asked",
        attained=attained(errors[worst], 0.03),
        detail=f"{len(errors)} compartments rendered alone, without jitter, noise, pedestal, "
        f"chromatic offset and background; worst {worst}",
    )


def _set_ratio(p: Parameters, name: str) -> float:
    stain = p.dye.stain(name)
    return band_ratios(stain.peak_nm, stain.fwhm_nm, p.bands)[0]


def purity_row(field: int) -> Row:
    """Return 1 if another process, asked in another order, sees the same to the last bit."""
    times, z_um = [0.0, 90.0, 30.0], [0.3, 1.5, 3.0]
    here = fingerprint(SEED, field, times, z_um)
    program = (
        "from livesr.bench.simulator_truth import fingerprint; "
        f"print(fingerprint({SEED}, {field}, {times[::-1]}, {z_um[::-1]}, alone=True))"
    )
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    same = done.stdout.strip() == here
    return Row(
        "purity",
        float(same),
        "1 = pure",
        bound="1",
        attained=float(same),
        detail=f"{len(times)} times × {len(z_um)} planes, photons and truth, against another "
        "process that is asked backwards, plane by plane",
    )


def fingerprint(
    seed: int, field: int, times: Sequence[float], z_um: Sequence[float], *, alone: bool = False
) -> str:
    """Return a hash of photons and truth that does not depend on the order of times and planes.

    Parameters
    ----------
    seed, field : int
        Sample, and pixels along each side.
    times, z_um : sequence of float
    alone : bool
        Ask for each plane by itself.
    """
    sample, optics = Sample(seed), Optics.from_seed(seed)
    view = View((0.0, 0.0), PIXEL_UM, (field, field))
    digests = []
    for time_s in times:
        for group in [[z] for z in z_um] if alone else [list(z_um)]:
            photons = sample.emission(time_s, group, view, optics)
            truth = sample.truth(time_s, group, view)
            for k, z in enumerate(group):
                digest = hashlib.sha256(f"{time_s} {z}".encode())
                digest.update(photons[:, k].tobytes())
                for name in sorted(truth):
                    digest.update(truth[name][k].tobytes())
                digests.append(digest.hexdigest())
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
