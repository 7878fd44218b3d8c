"""Times microsim on one stack: a script for an interpreter of its own, which need not have livesr.

microsim wants older NumPy and Zarr than livesr, so both do not fit into one environment. Reads a
JSON object from the command line, prints one: see `livesr.bench.simulator_peer`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from importlib.metadata import version
from typing import Any

import microsim.schema as ms
import numpy as np
import scipy.fft
from microsim.psf import make_psf
from microsim.schema.backend import NumpyAPI
from microsim.schema.optical_config.config import LightSource, OpticalConfig
from microsim.schema.optical_config.filter import Bandpass
from microsim.schema.sample._distributions.direct import FixedArrayTruth
from microsim.schema.spectrum import Spectrum

BANDS_NM = {"yellow": (617.0, 73.0), "red": (685.0, 40.0)}
LASER_NM = 488.0
OBJECTIVE = {"numerical_aperture": 1.49}
PINHOLE_AU = 0.2
AIRY_UNITS = 0.006
"""Radius of the point-spread function's window: the default of six Airy units, divided by 1000
since version 0.0.12 takes nanometres for micrometres there and would use the whole field."""


def main() -> None:
    """Time it and print the seconds, the version and the widths of the blur."""
    task = json.loads(sys.argv[1])
    logging.getLogger("microsim").setLevel(logging.WARNING)
    simulation = simulation_of(task["shape"], task["voxel_um"], task["finer"])
    simulation.ground_truth()
    seconds = []
    with scipy.fft.set_workers(task["workers"]):
        for _ in range(2):  # the first makes the point-spread functions, which microsim keeps
            began = time.perf_counter()
            image = simulation.digital_image()
            seconds.append(time.perf_counter() - began)
    answer = {
        "seconds": seconds[-1],
        "version": version("microsim"),
        "shape": image.shape,
        "fwhm_um": widths_um(),
    }
    sys.stdout.write(json.dumps(answer) + "\n")


def simulation_of(shape: list[int], voxel_um: list[float], finer: int) -> Any:
    """Return a confocal simulation of two dyes, each seen by one of two channels.

    The sample is handed over as arrays, so that nothing has to be drawn; what stands in them does
    not matter to the time.
    """
    fine = tuple(finer * n for n in shape)
    rng = np.random.default_rng(0)
    light = np.zeros(fine, np.float32)
    light.ravel()[rng.integers(0, light.size, light.size // 50)] = 100.0
    settings = ms.Settings(
        np_backend="numpy", device="cpu", random_seed=0, max_psf_radius_aus=AIRY_UNITS
    )
    return ms.Simulation(
        truth_space=ms.ShapeScaleSpace(shape=fine, scale=tuple(v / finer for v in voxel_um)),
        output_space={"downscale": finer} if finer > 1 else None,
        sample=ms.Sample(
            labels=[
                ms.FluorophoreDistribution(
                    distribution=FixedArrayTruth(array=light), fluorophore=_dye(center)
                )
                for center, _ in BANDS_NM.values()
            ]
        ),
        modality=ms.Confocal(pinhole_au=PINHOLE_AU),
        objective_lens=ms.ObjectiveLens(**OBJECTIVE),
        channels=[
            OpticalConfig(
                name=name,
                filters=[Bandpass(bandcenter=center, bandwidth=width, placement="EM")],
                lights=[LightSource.laser(LASER_NM)],
                power=1,
            )
            for name, (center, width) in BANDS_NM.items()
        ],
        exposure_ms=50,
        settings=settings,
    )


def _dye(peak_nm: float) -> Any:
    nm = np.arange(400.0, 800.0)
    return ms.Fluorophore(
        name=f"{peak_nm:g} nm",
        excitation_spectrum=Spectrum(wavelength=nm, intensity=np.abs(nm - LASER_NM) < 20),
        emission_spectrum=Spectrum(wavelength=nm, intensity=np.abs(nm - peak_nm) < 10),
        extinction_coefficient=50_000,
        quantum_yield=0.7,
    )


def widths_um() -> dict[str, tuple[float, float]]:
    """Return the full widths at half maximum (lateral, axial) of both channels' blur."""
    step, nz, nx = 0.01, 201, 101
    found = {}
    for name, (center, _) in BANDS_NM.items():
        psf = make_psf(
            nz=nz,
            nx=nx,
            dx=step,
            dz=step,
            objective=ms.ObjectiveLens(**OBJECTIVE),
            em_wvl_nm=center,
            pinhole_au=PINHOLE_AU,
            xp=NumpyAPI(),
        )
        psf = np.asarray(psf)
        lateral, axial = psf[nz // 2, nx // 2], psf[:, nx // 2, nx // 2]
        found[name] = (_width(lateral) * step, _width(axial) * step)
    return found


def _width(profile: Any) -> float:
    """Return the samples of a profile that are above half of its maximum."""
    return float(np.sum(profile > profile.max() / 2))


if __name__ == "__main__":
    main()
