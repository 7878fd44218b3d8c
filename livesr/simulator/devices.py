"""The simulated microscope as Micro-Manager devices, for ``#py`` lines of a configuration.

A session on them is a normal session: the acquisition cannot tell them from others. The camera
computes what falls on its sensor from the sample, the stages' positions, the laser and the
emission filter; its exposures let the simulated time pass and trigger the z stage.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pymmcore_plus.core import FocusDirection
from pymmcore_plus.experimental.unicore import (
    CameraDevice,
    GenericDevice,
    ShutterDevice,
    StageDevice,
    StateDevice,
    XYStageDevice,
)

from livesr.simulator.bench import Bench
from livesr.simulator.camera import CameraModel
from livesr.simulator.scene import PROPERTY_OF, Scene, SceneSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import DTypeLike

    from livesr.simulator.scene import Sensor
    from livesr.types import UInt16

TIME_PROPERTY = "SessionTime-s"
START_PROPERTY = "SessionStart-s"
SPEED_PROPERTY = "Speedup"
NOMINAL_EXPOSURE_MS = 50.0
_LIMITS: dict[str, tuple[float, float]] = {
    "Seed": (0, 2**31),
    "OpticsSeed": (0, 2**31),
    "FieldHeight": (16, 4096),
    "FieldWidth": (16, 4096),
    "PixelSizeUm": (0.01, 1.0),
    "Motion": (0, 100),
    "TimeStep-s": (0, 1e6),
}
_DEFAULTS = SceneSettings()
_BIT_DEPTHS = ("12", "16")


class SimulatedClock(GenericDevice):
    """Keeps the simulated time: reading it tells the time, setting a later one waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self._bench = Bench.join("clock", self)
        clock = self._bench.clock
        self.register_property(
            TIME_PROPERTY,
            property_type=float,
            getter=lambda _: clock.now(),
            setter=lambda _, value: clock.wait_until(float(value)),
        )
        self.register_property(
            START_PROPERTY,
            property_type=float,
            getter=lambda _: 0.0,
            setter=lambda _, value: self._bench.begin(float(value)),
        )
        self.register_property(
            SPEED_PROPERTY,
            property_type=float,
            limits=(1e-3, 1e9),
            getter=lambda _: clock.speedup,
            setter=lambda _, value: setattr(clock, "speedup", float(value)),
        )

    def initialize(self) -> None:
        """Close the bench to further devices."""
        self._bench.complete = True

    def shutdown(self) -> None:
        """Leave the bench."""
        self._bench.leave("clock")


class SimulatedZStage(StageDevice):
    """A focus drive that can be triggered through a stack by the camera."""

    def __init__(self) -> None:
        super().__init__()
        self._bench = Bench.join("z", self)
        self._z = 0.0
        self._heights: tuple[float, ...] = ()
        self._step = 0
        self._armed = False

    def shutdown(self) -> None:
        """Leave the bench."""
        self._bench.leave("z")

    def set_position_um(self, val: float) -> None:
        """Move."""
        self._z = float(val)

    def get_position_um(self) -> float:
        """Return the height, µm."""
        return self._z

    def get_focus_direction(self) -> FocusDirection:
        """Return that larger heights move the objective towards the sample."""
        return FocusDirection.TowardSample

    def set_focus_direction(self, sign: int) -> None:
        """Accept what the configuration says; the direction is fixed."""

    def home(self) -> None:
        """Move to zero."""
        self._z = 0.0

    def stop(self) -> None:
        """Stop: moves are instantaneous."""

    def set_origin(self) -> None:
        """Call the present height zero."""
        self._z = 0.0

    def get_sequence_max_length(self) -> int:
        """Return how many heights the stage can be triggered through."""
        return 1000

    def send_sequence(self, sequence: tuple[float, ...]) -> None:
        """Load the heights of a stack."""
        self._heights = tuple(float(z) for z in sequence)

    def start_sequence(self) -> None:
        """Move to the first height and wait for triggers."""
        self._step, self._armed = 0, True
        self._z = self._heights[0]
        self._bench.announce_stack(self._heights)

    def stop_sequence(self) -> None:
        """Ignore further triggers."""
        self._armed = False

    def trigger(self) -> None:
        """Move to the next height."""
        if self._armed:
            self._step = (self._step + 1) % len(self._heights)
            self._z = self._heights[self._step]


class SimulatedXYStage(XYStageDevice):
    """A stage; (0, 0) is the middle of the simulated sample."""

    def __init__(self) -> None:
        super().__init__()
        self._bench = Bench.join("xy", self)
        self._xy = (0.0, 0.0)

    def shutdown(self) -> None:
        """Leave the bench."""
        self._bench.leave("xy")

    def set_position_um(self, x: float, y: float) -> None:
        """Move."""
        self._xy = (float(x), float(y))

    def get_position_um(self) -> tuple[float, float]:
        """Return (x, y), µm."""
        return self._xy

    def home(self) -> None:
        """Move to the middle."""
        self._xy = (0.0, 0.0)

    def stop(self) -> None:
        """Stop: moves are instantaneous."""

    def set_origin_x(self) -> None:
        """Call the present x zero."""
        self._xy = (0.0, self._xy[1])

    def set_origin_y(self) -> None:
        """Call the present y zero."""
        self._xy = (self._xy[0], 0.0)


class SimulatedLaser(ShutterDevice):
    """A laser that the camera gates: open, it lights the sample during exposures only."""

    def __init__(self) -> None:
        super().__init__()
        self._bench = Bench.join("laser", self)
        self._open = False
        self.register_property("Power", default_value=1.0, limits=(0.0, 10.0))
        self.register_property(
            "State",
            property_type=int,
            allowed_values=(0, 1, "0", "1"),
            getter=lambda _: int(self._open),
            setter=lambda _, value: self.set_open(str(value) == "1"),
        )

    def shutdown(self) -> None:
        """Leave the bench."""
        self._bench.leave("laser")

    def get_open(self) -> bool:
        """Return whether light may reach the sample."""
        return self._open

    def set_open(self, open: bool) -> None:  # noqa: A002 - Micro-Manager's name
        """Open or close."""
        self._open = bool(open)

    def power(self) -> float:
        """Return the power on the sample, 1 = nominal."""
        return float(self.get_property_value("Power")) if self._open else 0.0


class SimulatedEmission(StateDevice):
    """An emission filter wheel, in use when the camera's splitter is out of the path."""

    def __init__(self) -> None:
        super().__init__({0: "Yellow", 1: "Red"})
        self._bench = Bench.join("emission", self)
        self._state = 0

    def shutdown(self) -> None:
        """Leave the bench."""
        self._bench.leave("emission")

    def get_state(self) -> int:
        """Return the position."""
        return self._state

    def set_state(self, position: int) -> None:
        """Turn to a position."""
        self._state = int(position)

    def label(self) -> str:
        """Return the filter in the path."""
        return str(self._state_to_label[self._state])


class SimulatedCamera(CameraDevice):
    """A camera behind an image splitter that looks at the simulated sample.

    With its splitter on, the sensor shows yellow on its left half and red on its right, mirrored;
    with the splitter off, what the emission filter lets pass. `Seed`, `OpticsSeed`, `FieldHeight`,
    `FieldWidth`, `PixelSizeUm`, `Motion` and `TimeStep-s` choose what there is to see.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bench = Bench.join("camera", self)
        self._bench.on_stack(self._prepare)
        self._exposure_ms = NOMINAL_EXPOSURE_MS
        self._roi: tuple[int, int, int, int] | None = None
        self._scene: Scene | None = None
        for field, name in PROPERTY_OF.items():
            default = float(getattr(_DEFAULTS, field))
            self.register_property(name, default_value=default, limits=_LIMITS[name])
        self.register_property("Splitter", default_value="On", allowed_values=("On", "Off"))
        self.register_property("BitDepth", default_value="16", allowed_values=_BIT_DEPTHS)

    def shutdown(self) -> None:
        """Leave the bench."""
        self._bench.leave("camera")

    def get_camera_name(self) -> str:
        """Return the camera's name."""
        return "livesr simulated camera"

    def get_exposure(self) -> float:
        """Return the exposure time, ms."""
        return self._exposure_ms

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure time, ms."""
        self._exposure_ms = float(exposure)

    def shape(self) -> tuple[int, int]:
        """Return the shape (y, x) of the region that is read out."""
        _, _, width, height = self.get_roi()
        return (height, width)

    def get_roi(self) -> tuple[int, int, int, int]:
        """Return (x, y, width, height) of the region that is read out."""
        return self._roi or (0, 0, *self._sensor_size())

    def set_roi(self, x: int, y: int, width: int, height: int) -> None:
        """Read out a region only."""
        wide, high = self._sensor_size()
        if min(x, y) < 0 or min(width, height) < 1 or x + width > wide or y + height > high:
            raise ValueError(f"region {x, y, width, height} is outside the {wide}×{high} sensor")
        self._roi = (x, y, width, height)

    def clear_roi(self) -> None:
        """Read out the whole sensor."""
        self._roi = None

    def dtype(self) -> DTypeLike:
        """Return the type of a pixel."""
        return np.uint16

    def start_sequence(
        self,
        n: int | None,
        get_buffer: Callable[[Sequence[int], DTypeLike], np.ndarray[Any, Any]],
    ) -> Iterator[Mapping[str, str]]:
        """Expose ``n`` frames, or until stopped."""
        clock = self._bench.clock
        for _ in range(n) if n is not None else count():
            began = clock.now()
            buffer = get_buffer(self.shape(), np.uint16)
            self._expose(began, buffer)
            clock.advance(self._exposure_ms / 1000.0)
            self._bench.trigger()
            yield {TIME_PROPERTY: f"{began:.6f}"}

    def _expose(self, time_s: float, counts: UInt16) -> None:
        bench = self._bench
        photons = self._current_scene().plane(time_s, bench.z_um(), bench.xy_um(), self._sensor())
        x, y, width, height = self.get_roi()
        photons = photons[y : y + height, x : x + width]
        share = np.float32(bench.light() * self._exposure_ms / NOMINAL_EXPOSURE_MS)
        rng = np.random.default_rng(
            [int(self._number("Seed")), bench.frames, round(time_s * 1e6) & 0x7FFFFFFFFFFF]
        )
        bench.frames += 1
        model = CameraModel(
            bits=int(self.get_property_value("BitDepth")), exposure_s=self._exposure_ms / 1000.0
        )
        model.expose(photons if share == 1 else photons * share, rng, counts)

    def _prepare(self, heights: tuple[float, ...]) -> None:
        bench = self._bench
        self._current_scene().prepare(bench.clock.now(), heights, bench.xy_um(), self._sensor())

    def _current_scene(self) -> Scene:
        values = {name: self.get_property_value(name) for name in PROPERTY_OF.values()}
        settings = SceneSettings.from_properties(values)
        if self._scene is None or self._scene.settings != settings:
            self._scene = Scene(settings)
        return self._scene

    def _sensor_size(self) -> tuple[int, int]:
        width, height = (int(self._number(name)) for name in ("FieldWidth", "FieldHeight"))
        return (2 * width if self._sensor() == "both" else width, height)

    def _sensor(self) -> Sensor:
        if self.get_property_value("Splitter") == "On":
            return "both"
        return cast("Sensor", self._bench.emission())

    def _number(self, name: str) -> float:
        return float(self.get_property_value(name))
