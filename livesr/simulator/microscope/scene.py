"""What the simulated microscope looks at: one sample through one optics, and its truth."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.imaging.optics import CHANNELS, FIELD_RADIUS_UM, Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.simulator.microscope.sensor import Sensor
    from livesr.simulator.microscope.settings import SceneSettings
    from livesr.simulator.parameters import Parameters
    from livesr.types import Bool, Float32

CACHE_BYTES = 640 * 2**20
_Z_DIGITS = 4

Place = tuple[float, float]
"""Stage position (x, y), µm."""


class Scene:
    """Expected photons of any plane at any time, kept while the sample shows it; and the truth.

    Photons are those of 50 ms of nominal light and unbleached dye: what light and bleaching make
    of them is the camera's business, so that planes can be kept.
    """

    def __init__(self, settings: SceneSettings) -> None:
        self.settings = settings
        self._sample = _sample(
            settings.seed, settings.field_um, settings.motion, _of_the_sample(settings.numbers)
        )
        self._optics = optics_of(settings)
        drift = settings.drift
        own = self._optics.drift_um_s * 60e3
        self._drift = replace(drift, rate_nm_min=drift.rate_nm_min + own)
        self._planes: OrderedDict[tuple[object, ...], Float32] = OrderedDict()
        self._floors: dict[Sensor, Float32] = {}
        self._photons: Float32 | None = None
        self._shown = 0.0

    def sample_time(self, time_s: float) -> float:
        """Return the instant that the sample shows at a time."""
        return 0.0 if self.settings.motion == 0 else self._step(time_s)

    def height_um(self, stage_z_um: float, time_s: float) -> float:
        """Return the sample height in focus at a height of the stage.

        The focus stands still as long as the sample does, so that a stack's planes can be computed
        together.
        """
        drift = self._drift.at(self._step(time_s))
        return round(self._optics.depth(stage_z_um + drift), _Z_DIGITS)

    def prepare(
        self, time_s: float, z_um: Sequence[float], xy_um: Place, sensors: Sequence[Sensor]
    ) -> None:
        """Compute the planes of a stack together, which is far cheaper than one by one.

        Parameters
        ----------
        time_s : float
            When the stack begins.
        z_um : sequence of float
            Heights of the stage.
        xy_um : tuple of float
            Stage position (x, y).
        sensors : sequence of Sensor
            What will look at them.
        """
        instant = self.sample_time(time_s)
        self._forget_before(instant)
        heights = {self.height_um(z, time_s) for z in z_um}
        missing = sorted(
            height
            for height in heights
            if any((instant, height, xy_um, sensor) not in self._planes for sensor in sensors)
        )
        if not missing:
            return
        names = [name for name in CHANNELS if any(name in sensor.channels for sensor in sensors)]
        photons = self._emission(instant, missing, xy_um, names)
        for place, height in enumerate(missing):
            images = {name: photons[c, place] for c, name in enumerate(names)}
            for sensor in sensors:
                self._keep((instant, height, xy_um, sensor), sensor.compose(images))

    def plane(
        self, time_s: float, z_um: Sequence[float], xy_um: Place, sensors: Sequence[Sensor]
    ) -> Float32:
        """Return expected photons at the first height on the first of the sensors, (y, x) float32.

        The other heights and sensors are those that will be asked for next; see `prepare` for the
        parameters.
        """
        key = (self.sample_time(time_s), self.height_um(z_um[0], time_s), xy_um, sensors[0])
        if key not in self._planes:
            self.prepare(time_s, z_um, xy_um, sensors)
        self._planes.move_to_end(key)
        return self._planes[key]

    def floor(self, sensor: Sensor) -> Float32:
        """Return the part of every plane that does not bleach, the medium's, (y, x) float32."""
        if sensor not in self._floors:
            view = self.settings.view((0.0, 0.0))
            images = {
                name: np.float32(self._sample.background(channel, view))
                * self._optics.shading(channel, *view.field())
                for channel, name in enumerate(CHANNELS)
                if name in sensor.channels
            }
            self._floors[sensor] = sensor.compose(images)
        return self._floors[sensor]

    def truth(
        self, times_s: Sequence[float], z_um: Sequence[float], xy_um: Place
    ) -> dict[str, Bool]:
        """Return where each structure is, one mask (n, y, x) on the yellow channel's pixels.

        Parameters
        ----------
        times_s, z_um : sequence of float
            Start of exposure and stage height of each plane; equally long.
        xy_um : tuple of float
            Stage position (x, y).
        """
        instants = [self.sample_time(time_s) for time_s in times_s]
        heights = [self.height_um(z, time_s) for z, time_s in zip(z_um, times_s, strict=True)]
        shape = (len(instants), self.settings.field_height, self.settings.field_width)
        view = self.settings.view(xy_um)
        masks: dict[str, Bool] = {}
        for instant in sorted(set(instants)):
            places = [k for k, other in enumerate(instants) if other == instant]
            found = self._sample.truth(instant, [heights[k] for k in places], view)
            for name, mask in found.items():
                masks.setdefault(name, np.zeros(shape, np.bool_))[places] = mask
        return masks

    def _step(self, time_s: float) -> float:
        step = self.settings.time_step_s
        return float(np.floor(time_s / step + 1e-6) * step) if step > 0 else time_s

    def _emission(
        self, instant: float, heights: Sequence[float], xy_um: Place, names: Sequence[str]
    ) -> Float32:
        """Return photons (c, z, y, x) in an array that the next call uses again."""
        channels = tuple(CHANNELS.index(name) for name in names)
        view = self.settings.view(xy_um)
        shape = (len(channels), len(heights), *view.shape)
        if self._photons is None or self._photons.shape != shape:
            self._photons = np.empty(shape, np.float32)
        return self._sample.emission(
            instant, heights, view, self._optics, channels=channels, out=self._photons
        )

    def _forget_before(self, instant: float) -> None:
        """Let go of planes of earlier instants: the sample moved on, and memory must not grow."""
        if instant != self._shown:
            self._planes.clear()
            self._shown = instant

    def _keep(self, key: tuple[object, ...], plane: Float32) -> None:
        self._planes[key] = plane
        while len(self._planes) > 1 and len(self._planes) * plane.nbytes > CACHE_BYTES:
            self._planes.popitem(last=False)


def optics_of(settings: SceneSettings) -> Optics:
    """Return the optics; their aberrations keep their limits within the field."""
    pixels = np.hypot(settings.field_height, settings.field_width)
    radius = max(FIELD_RADIUS_UM, float(pixels) * settings.pixel_um / 2.0)
    return Optics.from_seed(
        settings.optics_seed, settings.numbers.optics, settings.pixel_um, radius
    )


@lru_cache(maxsize=2)
def _sample(seed: int, field_um: tuple[float, float], motion: float, numbers: Parameters) -> Sample:
    """Return a sample; its cells take seconds to build, and the truth needs them again."""
    return Sample(seed, parameters=numbers, field_um=field_um, motion=motion)


def _of_the_sample(numbers: Parameters) -> Parameters:
    """Return the numbers with all that is not the sample's as in preset ``standard``."""
    standard = parameters()
    light = replace(
        numbers.light,
        bleaching_stacks=standard.light.bleaching_stacks,
        exchange_min=standard.light.exchange_min,
    )
    return replace(numbers, light=light, optics=standard.optics, camera=standard.camera)
