"""Bead recordings on which calibrations are compared: a known distortion, and where beads are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import ChromaticModel, exponents
from livesr.simulator.imaging.beads import Beads
from livesr.simulator.recordings.instrument import Instrument, Setup

if TYPE_CHECKING:
    from livesr.types import Float64, Grid, UInt16

GRID = (24, 512, 512)
VOXEL_UM = (0.25, 0.065, 0.065)
"""Planes and pixels of the head-to-head."""
DEGREE = 5


@dataclass(frozen=True, slots=True)
class Recorded:
    """Beads as the camera shows them, and where they truly are.

    Attributes
    ----------
    counts : ndarray, (c, z, y, x), uint16
        Yellow and red.
    places_um : ndarray, (c, n, 3), float64
        (z, y, x) of each bead in each channel: z from the first plane, y and x from the centre of
        the channel's image.
    grid : Grid
        Of one channel.
    """

    counts: UInt16
    places_um: Float64
    grid: Grid

    def inside(self, margin_px: float = 8.0) -> Recorded:
        """Return the recording with the places of those beads that lie in both channels' field."""
        half = np.array(self.grid.shape[1:]) / 2.0 - margin_px
        reach = half * np.array(self.grid.voxel_um[1:])
        kept = np.all(np.abs(self.places_um[..., 1:]) < reach, axis=(0, 2))
        return replace(self, places_um=self.places_um[:, kept])


def head_to_head_model(
    shape: tuple[int, int, int] = GRID, voxel_um: tuple[float, float, float] = VOXEL_UM
) -> ChromaticModel:
    """Return the distortion on which bead fits and Chromagnon were first compared.

    Rotation by 0.10°, magnification 1.0012 (y) and 1.0018 (x), shift by −2.3 and 3.7 pixels, 0.6
    planes in z; on top a radial cubic of 0.4 pixels and a bowl of 0.25 planes, both at half the
    field's side from its centre, and a wave of 0.25 pixels along each axis, its period the field's
    side. The waves are the cosine's closest polynomials of degree 4, which miss it by 3 % (root
    mean square). No shift, turn, magnification or shear follows any of them.

    Parameters
    ----------
    shape : tuple of int
        Planes and pixels (z, y, x) of a channel.
    voxel_um : tuple of float
    """
    (_, ny, nx), (vz, vy, vx) = shape, voxel_um
    half_y, half_x = ny * vy / 2.0, nx * vx / 2.0
    radius = (half_y + half_x) / 2.0
    turn = np.radians(0.10)
    c, s = float(np.cos(turn)), float(np.sin(turn))
    affine = (
        (1.0, 0.0, 0.0, 0.6 * vz),
        (0.0, 1.0012 * c, 1.0012 * s, -2.3 * vy),
        (0.0, -1.0018 * s, 1.0018 * c, 3.7 * vx),
    )
    dy = {(3, 0): 0.4 * vy, (1, 2): 0.4 * vy} | _wave(0.25 * vy, radius / half_x, along_x=True)
    dx = {(0, 3): 0.4 * vx, (2, 1): 0.4 * vx} | _wave(0.25 * vx, radius / half_y, along_x=False)
    dz = {(2, 0): 0.25 * vz, (0, 2): 0.25 * vz}
    rows = [tuple(part.get(term, 0.0) for term in exponents(DEGREE)) for part in (dz, dy, dx)]
    return ChromaticModel(affine, tuple(rows), DEGREE, radius)


def record_beads(
    seed: int,
    model: ChromaticModel | None = None,
    *,
    optics_seed: int = 65_000,
    shape: tuple[int, int, int] = GRID,
    voxel_um: tuple[float, float, float] = VOXEL_UM,
    count: int = 250,
    photons: tuple[float, float] = (2000.0, 6000.0),
    depth_um: float = 0.0,
) -> Recorded:
    """Record beads; another seed gives other beads and other noise on the same microscope.

    Parameters
    ----------
    seed : int
        Of the beads and of the noise.
    model : ChromaticModel, optional
        Where a point of the yellow image appears in the red one, and the focus then moves as far
        as the stage; default: the microscope's own, which acts on the sample's heights.
    optics_seed : int
        Of the microscope: point spread, shading and the camera's fixed pattern.
    shape, voxel_um
        Of a channel; the middle of the beads' heights lies in the middle of the planes.
    count : int
    photons : tuple of float
        Range of a bead's photons in one frame in best focus.
    depth_um : float
        Beads lie from the cover slip up to this height; 0: all on it.
    """
    planes, *field = shape
    setup = Setup(
        seed=seed,
        optics_seed=optics_seed,
        shape=(field[0], field[1]),
        planes=planes,
        z_step_um=voxel_um[0],
        pixel_um=voxel_um[1],
    )
    middle = _microscope(setup, model).optics.stage(depth_um) / 2.0
    start = middle - (planes - 1) / 2.0 * voxel_um[0]
    instrument = _microscope(replace(setup, z_start_um=start), model)
    light = setup.numbers.light
    dim = light.background_photons[0]
    beads = Beads(
        seed,
        count=count,
        photons=photons,
        z_um=(0.0, depth_um),
        field_um=setup.view_um,
        background=(dim, dim * light.background_ratio[0], dim * light.background_ratio[0]),
    )
    photons_seen = beads.emission(instrument.heights(), setup.view(), instrument.optics)
    counts = instrument.channels_of(instrument.expose(photons_seen))
    places = np.stack([_places_um(beads, channel, instrument) for channel in (0, 1)])
    return Recorded(counts, places, setup.grid)


def _microscope(setup: Setup, model: ChromaticModel | None) -> Instrument:
    """Return the setup's microscope, with another chromatic offset if one is given."""
    instrument = Instrument(setup)
    if model is not None:
        # a given model is what a recording shows: the focus moves as the stage, and heights count
        # from the first plane, not from the cover slip
        first = setup.z_start_um
        z, y, x = (row[0] for row in model.affine)
        moved = model.shifted((1.0 - z) * first, -y * first, -x * first)
        instrument.optics = replace(
            instrument.optics, chromatic=moved, axial_scale=1.0, axial_scale_deep=1.0
        )
    return instrument


def _places_um(beads: Beads, channel: int, instrument: Instrument) -> Float64:
    """Return where a channel shows the beads, (n, 3): z from its first plane, y, x from its centre.

    z as the stage moves, which is what a recording knows.
    """
    setup = instrument.setup
    places = beads.places(channel, setup.view(), instrument.optics)
    z = np.array([instrument.optics.stage(float(z)) for z in places[:, 0]]) - setup.z_start_um
    middle = (np.array(setup.shape) - 1) / 2.0
    return np.column_stack([z, (places[:, 1:] - middle) * setup.pixel_um])


def _wave(height_um: float, scale: float, *, along_x: bool) -> dict[tuple[int, int], float]:
    """Return the terms of ``height_um`` cos(π s), s from −1 to 1 over the field.

    Parameters
    ----------
    height_um : float
    scale : float
        s for a scaled coordinate of 1.
    along_x : bool
        Whether it is a function of x, or of y.
    """
    s = np.linspace(-1.0, 1.0, 401)
    powers = np.array([0, 2, 4])
    found = np.linalg.lstsq(s[:, None] ** powers, np.cos(np.pi * s), rcond=None)[0]
    terms = [(0, int(n)) if along_x else (int(n), 0) for n in powers]
    return {
        term: float(height_um * value * scale**n)
        for term, value, n in zip(terms, found, powers, strict=True)
    }
