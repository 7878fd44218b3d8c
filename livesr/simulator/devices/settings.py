"""The simulated camera's properties."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from livesr.simulator.imaging.optics import CHANNELS
from livesr.simulator.microscope.faults import read_faults
from livesr.simulator.microscope.sensor import ARRANGEMENTS, Sensor, read_rectangles, split_sensor
from livesr.simulator.microscope.settings import PROPERTY_OF, SceneSettings
from livesr.simulator.parameters import PRESETS, parameters

if TYPE_CHECKING:
    from livesr.simulator.microscope.bench import Bench

_LIMITS: dict[str, tuple[float, float]] = {
    "Seed": (0, 2**31),
    "OpticsSeed": (0, 2**31),
    "FieldHeight": (16, 4096),
    "FieldWidth": (16, 4096),
    "PixelSizeUm": (0.01, 1.0),
    "Motion": (0, 100),
    "TimeStep-s": (0, 1e6),
    "SampleSizeUm": (0, 2000),
}
_SINGLE = "single"
_WHEEL = "wheel"


class CameraSettings:
    """What the session file may set on a simulated camera; comes before `CameraDevice`.

    Scene: `Seed`, `OpticsSeed`, `FieldHeight`, `FieldWidth`, `PixelSizeUm`, `Motion`,
    `TimeStep-s`, `SampleSizeUm`, `Preset`, `Parameters`. Sensor: `Layout`, `Channels`, `Filter`,
    `BitDepth`, `Shutter`. What goes wrong: `Faults`.
    """

    _bench: Bench
    register_property: Any
    get_property_value: Any

    def _add_settings(self) -> None:
        defaults = SceneSettings()
        for field, name in PROPERTY_OF.items():
            if name in _LIMITS:
                default = float(getattr(defaults, field))
                self.register_property(name, default_value=default, limits=_LIMITS[name])
        self._layout, self._changes, self._faults = ARRANGEMENTS[0], defaults.parameters, ""
        add = self.register_property
        add("Preset", default_value=defaults.preset, allowed_values=PRESETS)
        add(
            "Parameters",
            property_type=str,
            getter=lambda _: self._changes,
            setter=lambda _, value: self._set_changes(str(value)),
        )
        add(
            "FocusDrift",
            property_type=str,
            is_read_only=True,
            getter=lambda _: self._bench.drift().text(),
        )
        add(
            "Layout",
            property_type=str,
            getter=lambda _: self._layout,
            setter=lambda _, value: self._set_layout(str(value)),
        )
        add("Channels", default_value="2", allowed_values=("2", "3", 2, 3))
        add("Filter", default_value=_WHEEL, allowed_values=(_WHEEL, *CHANNELS))
        add("BitDepth", default_value="16", allowed_values=("12", "16", 12, 16))
        add("Shutter", default_value="global", allowed_values=("global", "rolling"))
        add(
            "Faults",
            property_type=str,
            getter=lambda _: self._faults,
            setter=lambda _, value: self._set_faults(str(value)),
        )

    def scene_settings(self) -> SceneSettings:
        """Return what there is to see."""
        return SceneSettings.from_properties(
            {name: self.get_property_value(name) for name in PROPERTY_OF.values()}
        )

    def sensors(self) -> tuple[Sensor, ...]:
        """Return the sensor, and those of other filters that will look at the same planes.

        Raises
        ------
        ConfigError
            If the layout does not fit the field.
        """
        height, width = (
            int(self.get_property_value(f"Field{side}")) for side in ("Height", "Width")
        )
        channels = int(self.get_property_value("Channels"))
        if self._layout != _SINGLE:
            return (_split(self._layout, channels, height, width),)
        chosen = str(self.get_property_value("Filter"))
        passing = self._bench.emission() if chosen == _WHEEL else chosen
        return _singles(passing, CHANNELS[:channels], height, width)

    @property
    def rolling(self) -> bool:
        """Whether light stays on while rows of two frames are exposed together."""
        return bool(self.get_property_value("Shutter") == "rolling")

    @property
    def bits(self) -> int:
        """Depth of a pixel."""
        return int(self.get_property_value("BitDepth"))

    def _set_changes(self, text: str) -> None:
        parameters(changes=text)
        self._changes = text

    def _set_layout(self, text: str) -> None:
        if text not in ARRANGEMENTS:
            read_rectangles(text)
        self._layout = text

    def _set_faults(self, text: str) -> None:
        read_faults(text)
        self._faults = text


_split = lru_cache(maxsize=16)(split_sensor)


@lru_cache(maxsize=16)
def _singles(
    channel: str, channels: tuple[str, ...], height: int, width: int
) -> tuple[Sensor, ...]:
    others = [name for name in channels if name != channel] if channel in channels else []
    return tuple(Sensor.single(name, height, width) for name in (channel, *others))
