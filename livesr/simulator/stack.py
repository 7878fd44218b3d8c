"""Training stacks: a view drawn on or near cells, its photons and its truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.imaging.optics import Optics
from livesr.simulator.sample import REFERENCE_PIXEL_UM, Sample
from livesr.simulator.view import View

if TYPE_CHECKING:
    from livesr.types import Bool, Float32


def simulate_stack(
    seed: int,
    *,
    shape: tuple[int, int, int] = (24, 384, 384),
    pixel_um: float = REFERENCE_PIXEL_UM,
    z_step_um: float = 0.3,
    z_start_um: float = 0.0,
    center_um: tuple[float, float] | None = None,
    optics: Optics | None = None,
    time_s: float = 0.0,
) -> tuple[Float32, dict[str, Bool]]:
    """Return one simulated stack and where its structures are.

    Parameters
    ----------
    seed : int
        Of the sample, of the centre and of the optics unless these are given.
    shape : tuple of int
        Planes, rows, columns.
    pixel_um, z_step_um, z_start_um : float
        Size of a voxel and height of the first plane above the cover slip.
    center_um : tuple of float, optional
        Centre (y, x) of the field. Drawn by default: on the nucleus, the cytoplasm, the edge, or
        anywhere.
    optics : Optics, optional
        Default: `Optics.registered`, which leaves only a registration's residue between channels.
    time_s : float

    Returns
    -------
    photons : ndarray, (2, z, y, x), float32
        Expected photons a pixel, yellow and red.
    truth : dict of str to ndarray, (z, y, x), bool
        All fifteen structures.
    """
    sample = Sample(seed)
    center = draw_center(sample) if center_um is None else center_um
    view = View(center, pixel_um, (shape[1], shape[2]))
    planes = z_start_um + z_step_um * np.arange(shape[0])
    photons = sample.emission(time_s, planes.tolist(), view, optics or Optics.registered(seed))
    return photons, sample.truth(time_s, planes.tolist(), view)


def draw_center(sample: Sample) -> tuple[float, float]:
    """Return a centre (y, x) from the sample's seed.

    Two in five lie beside the first cell's nucleus, one in four in its cytoplasm, one in four at
    its edge, one in ten anywhere.
    """
    rng = np.random.default_rng(np.random.SeedSequence([sample.seed, 0xCE47E6]))
    mother = sample.figures[0].mother
    kind, angle = rng.uniform(), rng.uniform(-np.pi, np.pi)
    cy, cx = mother.body.center
    edge = float(mother.body.edge(np.array([angle]))[0])
    if kind < 0.4:
        _, ny, nx = mother.nucleus.center
        dy, dx = rng.normal(0.0, 4.0, 2)
        return float(ny + dy), float(nx + dx)
    if kind < 0.9:
        reach = edge * (rng.uniform(0.4, 0.8) if kind < 0.65 else rng.uniform(0.85, 1.05))
        return float(cy + reach * np.sin(angle)), float(cx + reach * np.cos(angle))
    y, x = rng.uniform(-40.0, 40.0, 2)
    return float(y), float(x)
