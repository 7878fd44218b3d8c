"""The microscope's optics: point-spread functions, chromatic offset, vignette."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import ChromaticModel, exponents
from livesr.simulator.cloud import FWHM

if TYPE_CHECKING:
    from livesr.types import Float32, Float64

Pair = tuple[float, float]
FIELD_RADIUS_UM = 56.7
"""Half diagonal of a field of 1200 pixels of 0.0668 µm: where the vignette is quoted."""


@dataclass(frozen=True, slots=True)
class Optics:
    """What the light meets between sample and camera; channel 0 yellow, channel 1 red.

    Attributes
    ----------
    lateral_fwhm_um, axial_fwhm_um : tuple of float
        Width of a point's image in each channel.
    pedestal : float
        Share of the light in a wide axial pedestal (pinhole cross-talk).
    pedestal_sigma_um : float
        Axial standard deviation of the pedestal.
    chromatic : ChromaticModel
        Where a point of the yellow image appears in the red one.
    vignette : tuple of float
        Loss at `FIELD_RADIUS_UM` in each channel.
    tilt_um : tuple
        Centre (y, x) of each channel's vignette.
    """

    lateral_fwhm_um: tuple[float, float] = (0.135, 0.150)
    axial_fwhm_um: tuple[float, float] = (0.450, 0.500)
    pedestal: float = 0.02
    pedestal_sigma_um: float = 1.5
    chromatic: ChromaticModel = field(default_factory=ChromaticModel.identity)
    vignette: tuple[float, float] = (0.0, 0.0)
    tilt_um: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))

    @classmethod
    def from_seed(cls, seed: int) -> Optics:
        """Return a splitter microscope before registration, with the ranges of the science page."""
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0x0971C5]))
        scale = 1.0 + rng.uniform(0.0005, 0.002)
        turn = np.radians(rng.uniform(-0.2, 0.2))
        shift = rng.uniform(-0.2, 0.2, 2)
        dz = rng.uniform(0.1, 0.3) * rng.choice([-1.0, 1.0])
        affine = (
            (1.0, 0.0, 0.0, float(dz)),
            (0.0, float(scale * np.cos(turn)), float(scale * np.sin(turn)), float(shift[0])),
            (0.0, float(-scale * np.sin(turn)), float(scale * np.cos(turn)), float(shift[1])),
        )
        widths = _widths(rng, 0.02)
        model = ChromaticModel(affine, _local(rng, 0.10, 0.02), 5, FIELD_RADIUS_UM)
        vignette, tilt_um = _illumination(rng)
        return cls(*widths, chromatic=model, vignette=vignette, tilt_um=tilt_um)

    @classmethod
    def registered(cls, seed: int) -> Optics:
        """Return optics with what registration leaves over: 5 to 30 nm; for training data."""
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0x4E6157]))
        dy, dx = rng.normal(0.0, 0.012, 2)
        dz = rng.normal(0.0, 0.025)
        turn, scale = rng.normal(0.0, 2e-4), 1.0 + rng.normal(0.0, 2e-4)
        affine = (
            (1.0, 0.0, 0.0, float(dz)),
            (0.0, float(scale), float(turn), float(dy)),
            (0.0, float(-turn), float(scale), float(dx)),
        )
        widths = _widths(rng, 0.04)
        vignette, tilt_um = _illumination(rng)
        return cls(*widths, chromatic=ChromaticModel(affine), vignette=vignette, tilt_um=tilt_um)

    def shading(self, channel: int, y_um: Float64, x_um: Float64) -> Float32:
        """Return the share of light that arrives at field coordinates (y, x)."""
        cy, cx = self.tilt_um[channel]
        r2 = ((y_um - cy) ** 2 + (x_um - cx) ** 2) / FIELD_RADIUS_UM**2
        shade: Float32 = np.maximum(1.0 - self.vignette[channel] * r2, 0.05).astype(np.float32)
        return shade

    def sigma_xy(self, channel: int) -> float:
        """Return the lateral standard deviation, µm."""
        return float(self.lateral_fwhm_um[channel] / FWHM)

    def sigma_z(self, channel: int) -> float:
        """Return the axial standard deviation, µm."""
        return float(self.axial_fwhm_um[channel] / FWHM)


def _widths(rng: np.random.Generator, spread: float) -> tuple[Pair, Pair]:
    """Return lateral and axial widths of both channels, all sharper or blunter together."""
    lateral, axial = (float(f) for f in 1.0 + spread * rng.uniform(-1.0, 1.0, 2))
    return (0.135 * lateral, 0.150 * lateral), (0.450 * axial, 0.500 * axial)


def _illumination(rng: np.random.Generator) -> tuple[Pair, tuple[Pair, Pair]]:
    """Return each channel's vignette and its centre: the splitter tilts them apart."""
    loss = float(rng.uniform(0.15, 0.25))
    (y, x), (red_y, red_x) = rng.uniform(-8.0, 8.0, (2, 2)).tolist()
    return (loss, loss * float(rng.uniform(0.85, 1.15))), ((y, x), (red_y, red_x))


def _local(
    rng: np.random.Generator, bowl_um: float, waves_um: float
) -> tuple[tuple[float, ...], ...]:
    """Return a field bowl in z and smooth lateral waves as polynomials up to degree 5."""
    terms = exponents(5)
    bowl = rng.uniform(0.3, 1.0) * bowl_um * rng.choice([-1.0, 1.0])
    dz = [bowl if term in ((2, 0), (0, 2)) else 0.0 for term in terms]
    lateral = [
        [
            float(waves_um * rng.normal() / np.sqrt(sum(t) - 1.0)) if sum(t) >= 2 else 0.0
            for t in terms
        ]
        for _ in range(2)
    ]
    return tuple(map(float, dz)), tuple(lateral[0]), tuple(lateral[1])
