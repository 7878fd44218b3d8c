"""A simulated camera, its frames without a disk between, and how far a correction is off it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.camera.correction import PEDESTAL, Correction
from livesr.calibration.camera.found import Region
from livesr.calibration.camera.pattern import SPOT
from livesr.simulator.imaging.beads import blank, flat
from livesr.simulator.recordings.instrument import Instrument, Setup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.calibration.camera.found import CameraCalibration
    from livesr.types import Bool, Float32, Float64, UInt16

REGIONS = (Region("yellow", 0), Region("red", 1))


class SimulatedFrames:
    """Frames at levels of light, as `livesr simulate dark` and `flat` write them.

    Parameters
    ----------
    instrument : Instrument
    series : sequence of (float, int)
        Photons a pixel where no light is lost, and frames.
    fading : float
        Share of its light that the lamp loses over each level.
    """

    def __init__(
        self, instrument: Instrument, series: Sequence[tuple[float, int]], fading: float = 0.0
    ) -> None:
        self.source = f"simulated, seed {instrument.setup.seed}"
        self.shape = (len(REGIONS), *instrument.setup.shape)
        self._instrument = instrument
        self._light = [
            level * (1 - fading * number / frames)
            for level, frames in series
            for number in range(frames)
        ]

    def __iter__(self) -> Iterator[UInt16]:
        """Yield frames, (2, y, x), uint16."""
        made = self._instrument
        view = made.setup.view()
        for t, level in enumerate(self._light):
            light = (
                flat(level, 1, view, made.optics, made.channels)
                if level
                else blank(1, view, made.channels)
            )
            yield made.channels_of(made.expose(light, t))[:, 0]


def instrument_of(seed: int, optics_seed: int, field: int) -> Instrument:
    """Return the simulated microscope: the optics' seed is that of its camera's pattern."""
    return Instrument(Setup(seed=seed, optics_seed=optics_seed, shape=(field, field), planes=1))


@dataclass(frozen=True, slots=True)
class Truth:
    """The camera's own maps, (2, y, x), in the channels' geometry.

    Attributes
    ----------
    offset, gain, noise : ndarray, float64
        Counts without light (dark current included), counts an electron, electrons.
    light : ndarray, float64
        Electrons of one photon where no light is lost.
    """

    offset: Float64
    gain: Float64
    noise: Float64
    light: Float64

    @classmethod
    def of(cls, instrument: Instrument) -> Truth:
        """Return the truth of a simulated microscope."""
        camera = instrument.camera
        maps = camera.pattern(*instrument.sensor.shape)
        offset, gain, noise = (
            instrument.channels_of(one[None])[:, 0].astype(np.float64) for one in maps
        )
        view = instrument.setup.view()
        light = flat(1.0, 1, view, instrument.optics, instrument.channels)[:, 0]
        dark = camera.dark_e_per_s * camera.exposure_s
        return cls(offset + gain * dark, gain, noise / gain, camera.qe * light.astype(np.float64))

    def counts(self, photons: float) -> Float64:
        """Return what an evenly lit field has, without noise."""
        return self.offset + self.gain * photons * self.light


@dataclass(frozen=True, slots=True)
class Errors:
    """How far a measured camera is off the true one, pixel by pixel, hot ones left out.

    Attributes
    ----------
    offset : ndarray, (n,)
        Counts.
    gain : ndarray, (n,)
        Relative.
    noise : float
        Of the median pixel's read noise, relative.
    """

    offset: Float64
    gain: Float64
    noise: float

    @classmethod
    def of(cls, found: CameraCalibration, truth: Truth) -> Errors:
        """Compare."""
        usable = ~found.maps.hot
        gains = np.array(found.gain_e_per_adu)[:, None, None]
        gain = found.maps.response / gains / truth.gain - 1
        noise = found.read_noise_e[0] / float(np.median(truth.noise[0])) - 1
        return cls((found.maps.offset - truth.offset)[usable], gain[usable], noise)


def ratio_errors(found: CameraCalibration, truth: Truth, photons: float) -> dict[str, float]:
    """Return the false ratio of an evenly lit field without noise, root mean square.

    Returns
    -------
    dict of str to float
        ``pixel`` and ``spot`` (of the point-spread function's size), each ``before`` (one offset
        for all pixels) and ``after``; ``most after`` is the worst spot.
    """
    maps = found.maps
    correction = Correction.of(maps.offset, maps.response, maps.hot, maps.flat)
    counts = truth.counts(photons)
    usable: Bool = np.logical_not(maps.hot.any(axis=0))
    before = counts - np.median(maps.offset)
    after = counts * correction.factor + correction.term - PEDESTAL
    out = {}
    for when, channels in (("before", before), ("after", after)):
        out[f"pixel {when}"] = _rms(_deviation(channels)[usable])
        spots = _deviation(np.stack([_spot(one, usable) for one in channels]))
        out[f"spot {when}"] = _rms(spots)
        out[f"most {when}"] = float(np.abs(spots).max())
    return out


def _deviation(channels: Float64 | Float32) -> Float64:
    ratio = np.asarray(channels[1] / channels[0], np.float64)
    return np.asarray(ratio / np.median(ratio) - 1)


def _spot(image: Float64, usable: Bool) -> Float64:
    weight = usable.astype(np.float64)
    total, share = (
        cv2.GaussianBlur(one, (0, 0), SPOT).astype(np.float64) for one in (image * weight, weight)
    )
    return np.asarray(total / share)


def _rms(values: Float64) -> float:
    return float(np.sqrt(np.mean(values**2)))
