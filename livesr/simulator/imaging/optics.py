"""The microscope's optics: point-spread functions, chromatic offset, vignette, focus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import ChromaticModel, exponents
from livesr.simulator.parameters import OpticsParameters, ThreeBands, parameters

if TYPE_CHECKING:
    from livesr.types import Float32, Float64

Pair = tuple[float, float]
Triple = tuple[float, float, float]
CHANNELS = ("yellow", "red", "green")
"""Detection bands by channel number; yellow is the reference."""
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
"""Full width at half maximum of a Gaussian, in standard deviations."""
PIXEL_UM = 0.0668
"""Pixel in the sample in which parameters in pixels are quoted."""
FIELD_RADIUS_UM = 56.7
"""Half diagonal of a field of 1200 such pixels: where vignette, bowl and waves are quoted."""
PEDESTAL_LATERAL_UM = 0.6
"""Lateral standard deviation of the pedestal: light through a neighbouring pinhole."""
RAMP_UM = 2.0
"""Sample depth over which the axial scale changes from near to deep."""
DEGREE = 5
RESIDUE_UM = (0.025, 0.012, 0.012)
"""What registration leaves of the offset (z, y, x), standard deviation."""
RESIDUE_SHAPE = 2e-4
"""What it leaves of rotation (radians) and magnification, standard deviation."""


@dataclass(frozen=True, slots=True)
class Optics:
    """What the light meets between sample and camera; channels as in `CHANNELS`.

    Attributes
    ----------
    lateral_fwhm_um, axial_fwhm_um : tuple of float
        Width of a point's image in each channel, the camera's pixel included.
    pedestal : float
        Share of the light in a wide pedestal (pinhole cross-talk).
    pedestal_sigma_um : float
        Axial standard deviation of the pedestal; its lateral one is `PEDESTAL_LATERAL_UM`.
    chromatic, chromatic_green : ChromaticModel
        Where a point of the yellow image appears in the red and in the green one.
    vignette : tuple of float
        Loss at ``radius_um`` in each channel.
    tilt_um : tuple
        Centre (y, x) of each channel's vignette.
    radius_um : float
        Half diagonal of the field.
    axial_scale, axial_scale_deep, axial_knee_um : float
        Sample µm a stage µm down to the knee's sample depth, and far below it; see `depth`.
    drift_um_s : float
        How fast the focus moves into the sample while the stage stands, in stage µm.
    """

    lateral_fwhm_um: Triple = (0.135, 0.150, 0.115)
    axial_fwhm_um: Triple = (0.450, 0.500, 0.385)
    pedestal: float = 0.02
    pedestal_sigma_um: float = 1.5
    chromatic: ChromaticModel = field(default_factory=ChromaticModel.identity)
    chromatic_green: ChromaticModel = field(default_factory=ChromaticModel.identity)
    vignette: Triple = (0.0, 0.0, 0.0)
    tilt_um: tuple[Pair, Pair, Pair] = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    radius_um: float = FIELD_RADIUS_UM
    axial_scale: float = 1.0
    axial_scale_deep: float = 1.0
    axial_knee_um: float = 1.5
    drift_um_s: float = 0.0

    @classmethod
    def from_seed(
        cls,
        seed: int,
        p: OpticsParameters | None = None,
        pixel_um: float = PIXEL_UM,
        radius_um: float = FIELD_RADIUS_UM,
    ) -> Optics:
        """Return a splitter microscope before registration.

        Parameters
        ----------
        seed : int
            Equal seeds give equal optics.
        p : OpticsParameters, optional
            Ranges to draw from; default: preset `standard`.
        pixel_um : float
            Camera pixel in the sample, in which the parameters' shift and waves count.
        radius_um : float
            Half diagonal of the field, within which bowl, waves and vignette keep their limits.
        """
        p = p or parameters().optics
        day, red, green = np.random.SeedSequence([seed, 0x0971C5]).spawn(3)
        return cls._made(
            np.random.default_rng(day),
            p,
            p.width_spread,
            radius_um,
            chromatic=_splitter(np.random.default_rng(red), p, pixel_um, radius_um, 1.0),
            # green lies on the other side of yellow, and so does its magnification
            chromatic_green=_splitter(np.random.default_rng(green), p, pixel_um, radius_um, -1.0),
        )

    @classmethod
    def registered(cls, seed: int, p: OpticsParameters | None = None) -> Optics:
        """Return optics with what registration leaves over: 5 to 30 nm; for training data."""
        p = p or parameters().optics
        day, red, green = np.random.SeedSequence([seed, 0x4E6157]).spawn(3)
        return cls._made(
            np.random.default_rng(day),
            p,
            2.0 * p.width_spread,
            FIELD_RADIUS_UM,
            chromatic=_residue(np.random.default_rng(red)),
            chromatic_green=_residue(np.random.default_rng(green)),
        )

    @classmethod
    def _made(
        cls,
        rng: np.random.Generator,
        p: OpticsParameters,
        width_spread: float,
        radius_um: float,
        *,
        chromatic: ChromaticModel,
        chromatic_green: ChromaticModel,
    ) -> Optics:
        """Return optics with widths, illumination and drift drawn for the day."""
        lateral, axial = (1.0 + width_spread * rng.uniform(-1.0, 1.0, 2)).tolist()
        vignette, tilt_um = _illumination(rng, p)
        drift = p.drift_nm_min * rng.uniform(0.5, 1.0) * rng.choice([-1.0, 1.0])
        return cls(
            _triple(p.lateral_fwhm_nm, 1e-3 * lateral),
            _triple(p.axial_fwhm_nm, 1e-3 * axial),
            p.pedestal,
            p.pedestal_sigma_um,
            chromatic,
            chromatic_green,
            vignette,
            tilt_um,
            radius_um,
            p.axial_scale,
            p.axial_scale_deep,
            p.axial_knee_um,
            float(drift) / 1000.0 / 60.0,
        )

    def model(self, channel: int) -> ChromaticModel | None:
        """Return where a point of the yellow image appears in a channel; None for yellow."""
        return (None, self.chromatic, self.chromatic_green)[channel]

    def shading(self, channel: int, y_um: Float64, x_um: Float64) -> Float32:
        """Return the share of light that arrives at field coordinates (y, x)."""
        cy, cx = self.tilt_um[channel]
        r2 = ((y_um - cy) ** 2 + (x_um - cx) ** 2) / self.radius_um**2
        shade: Float32 = np.maximum(1.0 - self.vignette[channel] * r2, 0.05).astype(np.float32)
        return shade

    def sigma_xy(self, channel: int) -> float:
        """Return the lateral standard deviation, µm."""
        return float(self.lateral_fwhm_um[channel] / FWHM)

    def sigma_z(self, channel: int) -> float:
        """Return the axial standard deviation, µm."""
        return float(self.axial_fwhm_um[channel] / FWHM)

    def depth(self, stage_um: float, time_s: float = 0.0) -> float:
        """Return the sample height in focus (µm) at a position of the focus drive (µm).

        Oil against water focuses less deep than the stage moves. The scale is ``axial_scale``
        down to ``axial_knee_um``, changes linearly over the next `RAMP_UM` of sample, and stays
        ``axial_scale_deep``. Drift adds to the stage's position. With the default scales and no
        drift, the height is the stage's position exactly.
        """
        near, deep, stage = self.axial_scale, self.axial_scale_deep, self._drifted(stage_um, time_s)
        below = stage - self.axial_knee_um / near
        if near == deep or below <= 0.0:
            return near * stage
        ramp = 2.0 * RAMP_UM / (near + deep)
        if below >= ramp:
            return self.axial_knee_um + RAMP_UM + deep * (below - ramp)
        return self.axial_knee_um + near * below + (deep - near) * below**2 / (2.0 * ramp)

    def stage(self, depth_um: float, time_s: float = 0.0) -> float:
        """Return the position of the focus drive (µm) that shows a sample height (µm).

        The inverse of `depth`.
        """
        near, deep = self.axial_scale, self.axial_scale_deep
        below = depth_um - self.axial_knee_um
        if near == deep or below <= 0.0:
            return self._drifted(depth_um / near, -time_s)
        ramp = 2.0 * RAMP_UM / (near + deep)
        if below >= RAMP_UM:
            way = ramp + (below - RAMP_UM) / deep
        else:
            bend = 2.0 * (deep - near) * below / ramp
            way = 2.0 * below / (near + float(np.sqrt(near**2 + bend)))
        return self._drifted(self.axial_knee_um / near + way, -time_s)

    def _drifted(self, stage_um: float, time_s: float) -> float:
        return stage_um + self.drift_um_s * time_s


def _triple(bands: ThreeBands, factor: float) -> Triple:
    return (bands.yellow * factor, bands.red * factor, bands.green * factor)


def _illumination(
    rng: np.random.Generator, p: OpticsParameters
) -> tuple[Triple, tuple[Pair, Pair, Pair]]:
    """Return each channel's vignette and its centre: the splitter tilts them apart."""
    loss = rng.uniform(*p.vignette)
    red, green = (loss * (1.0 + p.vignette_spread * rng.uniform(-1.0, 1.0, 2))).tolist()
    centers = p.vignette_tilt_um * rng.uniform(-1.0, 1.0, (3, 2))
    yellow_at, red_at, green_at = ((float(y), float(x)) for y, x in centers)
    return (float(loss), red, green), (yellow_at, red_at, green_at)


def _splitter(
    rng: np.random.Generator, p: OpticsParameters, pixel_um: float, radius_um: float, sign: float
) -> ChromaticModel:
    """Return a channel's offset against yellow, drawn within the parameters' limits."""
    scale = 1.0 + sign * rng.uniform(*p.magnification)
    turn = np.radians(p.rotation_deg * rng.uniform(-1.0, 1.0))
    reach, way = p.shift_px * pixel_um * np.sqrt(rng.uniform()), rng.uniform(-np.pi, np.pi)
    dz = rng.uniform(*p.shift_z_um) * rng.choice([-1.0, 1.0])
    affine = (
        (1.0, 0.0, 0.0, float(dz)),
        (0.0, *_floats(scale * np.cos(turn), scale * np.sin(turn), reach * np.sin(way))),
        (0.0, *_floats(-scale * np.sin(turn), scale * np.cos(turn), reach * np.cos(way))),
    )
    bowl = p.bowl_um * rng.uniform(0.3, 1.0) * rng.choice([-1.0, 1.0])
    dz_terms = tuple(float(bowl) * (term in ((2, 0), (0, 2))) for term in exponents(DEGREE))
    waves = _waves(rng, p.waves_px * pixel_um * rng.uniform(0.3, 0.99))
    return ChromaticModel(affine, (dz_terms, *waves), DEGREE, radius_um)


def _waves(rng: np.random.Generator, most_um: float) -> tuple[tuple[float, ...], ...]:
    """Return smooth lateral displacements (dy, dx) whose length reaches ``most_um`` in the field.

    Polynomials without their linear part, which belongs to magnification and rotation. The length
    is looked at on a lattice, which misses its maximum by less than a hundredth.
    """
    terms = np.array(exponents(DEGREE))
    order = terms.sum(axis=1)
    damping = np.where(order >= 2, 1.0 / np.sqrt(np.maximum(order - 1.0, 1.0)), 0.0)
    waves = rng.standard_normal((2, len(terms))) * damping
    side = np.sqrt(0.5) * np.linspace(-1.0, 1.0, 41)  # a square field, its corners at radius 1
    v, u = np.meshgrid(side, side, indexing="ij")
    basis = v[..., None] ** terms[:, 0] * u[..., None] ** terms[:, 1]
    length = np.linalg.norm(basis @ waves.T, axis=-1).max()
    dy, dx = waves * (most_um / length)
    return tuple(map(float, dy)), tuple(map(float, dx))


def _residue(rng: np.random.Generator) -> ChromaticModel:
    """Return the small offset that a registration leaves."""
    dz, dy, dx = rng.normal(0.0, RESIDUE_UM)
    turn, scale = rng.normal(0.0, RESIDUE_SHAPE), 1.0 + rng.normal(0.0, RESIDUE_SHAPE)
    return ChromaticModel(
        (
            (1.0, 0.0, 0.0, float(dz)),
            (0.0, *_floats(scale, turn, dy)),
            (0.0, *_floats(-turn, scale, dx)),
        )
    )


def _floats(a: float, b: float, c: float) -> Triple:
    return float(a), float(b), float(c)
