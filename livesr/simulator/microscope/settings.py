"""The simulated camera's properties that decide what there is to see, and their meaning."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from livesr.simulator.microscope.focus import FocusDrift
from livesr.simulator.parameters import Parameters, parameters
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROPERTY_OF: dict[str, str] = {
    "seed": "Seed",
    "optics_seed": "OpticsSeed",
    "field_height": "FieldHeight",
    "field_width": "FieldWidth",
    "pixel_um": "PixelSizeUm",
    "motion": "Motion",
    "time_step_s": "TimeStep-s",
    "sample_um": "SampleSizeUm",
    "preset": "Preset",
    "parameters": "Parameters",
    "focus": "FocusDrift",
}
"""The simulated camera's properties, by the setting that they give."""


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """The camera properties that decide what there is to see.

    Attributes
    ----------
    seed, optics_seed : int
        Of the sample and of the optics.
    field_height, field_width : int
        Pixels of one channel.
    pixel_um : float
        Size of a pixel in the sample.
    motion : float
        Speed of everything that moves, as a factor; 0 freezes the sample.
    time_step_s : float
        The sample stands still for this long: planes of one step belong to one instant.
    sample_um : float
        Side of the square sample that the stage moves over; never less than the field.
    preset, parameters : str
        The simulator's numbers: `livesr.simulator.parameters.parameters(preset, parameters)`.
    focus : str
        The focus drift, as `FocusDrift.text` wrote it.
    """

    seed: int = 60_000
    optics_seed: int = 60_000
    field_height: int = 512
    field_width: int = 512
    pixel_um: float = 0.0668
    motion: float = 1.0
    time_step_s: float = 2.0
    sample_um: float = 80.0
    preset: str = "standard"
    parameters: str = "{}"
    focus: str = ""

    @classmethod
    def from_properties(cls, properties: Mapping[str, object]) -> SceneSettings:
        """Read the settings from the simulated camera's properties.

        Parameters
        ----------
        properties : mapping
            As a session keeps them (``info.extra["camera_properties"]``); others are ignored,
            missing ones have the camera's defaults.
        """
        given = {
            field.name: _READ[str(field.type)](str(properties[PROPERTY_OF[field.name]]))
            for field in fields(cls)
            if PROPERTY_OF[field.name] in properties
        }
        return cls(**given)

    def same_sample(self, other: SceneSettings) -> bool:
        """Return whether both show the same sample through the same optics."""
        return replace(self, focus="") == replace(other, focus="")

    @property
    def numbers(self) -> Parameters:
        """The simulator's numbers.

        Raises
        ------
        ConfigError
            An unknown preset or parameter, or a value of another form.
        """
        return parameters(self.preset, self.parameters)

    @property
    def drift(self) -> FocusDrift:
        """The focus drift."""
        return FocusDrift.from_text(self.focus)

    def view(self, xy_um: tuple[float, float]) -> View:
        """Return the field that a camera sees at a stage position (x, y)."""
        x, y = xy_um
        return View((y, x), self.pixel_um, (self.field_height, self.field_width))

    @property
    def field_um(self) -> tuple[float, float]:
        """Extent (y, x) of the sample."""
        pixels = (self.field_height, self.field_width)
        height, width = (max(n * self.pixel_um, self.sample_um) for n in pixels)
        return height, width


def _whole(text: str) -> int:
    return int(float(text))


_READ: dict[str, Callable[[str], Any]] = {"int": _whole, "float": float, "str": str}
