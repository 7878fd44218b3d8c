"""The simulated microscope's focus drive and stage, with limits and settle time."""

from __future__ import annotations

from math import isfinite
from typing import Any

from pymmcore_plus.core import FocusDirection
from pymmcore_plus.experimental.unicore import StageDevice, XYStageDevice

from livesr.simulator.microscope.bench import OnBench

LOWER_PROPERTY, UPPER_PROPERTY = "LowerLimit-um", "UpperLimit-um"
SETTLE_PROPERTY = "SettleTime-ms"
_Z_LIMITS_UM = (-100.0, 1_000.0)
_XY_LIMITS_UM = (-50_000.0, 50_000.0)
_LONGEST_SETTLE_MS = 60_000.0


class _Moving(OnBench):
    """Limits and settle time of a stage; comes before the device's own base class."""

    register_property: Any
    get_property_value: Any

    def _add_limits(self, limits_um: tuple[float, float]) -> None:
        for name, limit in zip((LOWER_PROPERTY, UPPER_PROPERTY), limits_um, strict=True):
            self.register_property(name, default_value=limit, property_type=float)
        self.register_property(SETTLE_PROPERTY, default_value=0.0, limits=(0.0, _LONGEST_SETTLE_MS))

    def _check(self, axis: str, *positions_um: float) -> None:
        value = self.get_property_value
        low, high = (float(value(name)) for name in (LOWER_PROPERTY, UPPER_PROPERTY))
        for position in positions_um:
            if not (isfinite(position) and low <= position <= high):
                raise ValueError(
                    f"{axis} = {position:g} µm is outside the stage's limits, "
                    f"{low:g} to {high:g} µm; nothing moved"
                )

    def _settle(self, *, moved: bool) -> None:
        seconds = float(self.get_property_value(SETTLE_PROPERTY)) / 1000.0
        if moved and seconds > 0:
            self._bench.clock.advance(seconds)


class SimulatedZStage(_Moving, StageDevice):
    """A focus drive that can be triggered through a stack by the camera."""

    role = "z"

    def __init__(self) -> None:
        super().__init__()
        self._z = 0.0
        self._heights: tuple[float, ...] = ()
        self._step = 0
        self._armed = False
        self._add_limits(_Z_LIMITS_UM)

    def set_position_um(self, val: float) -> None:
        """Move."""
        self._check("z", val)
        self._move(float(val))

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
        self._move(0.0)

    def stop(self) -> None:
        """Stop: a move is over when its call returns."""

    def set_origin(self) -> None:
        """Call the present height zero."""
        self._z = 0.0

    def get_sequence_max_length(self) -> int:
        """Return how many heights the stage can be triggered through."""
        return 1000

    def send_sequence(self, sequence: tuple[float, ...]) -> None:
        """Load the heights of a stack."""
        self._check("z", *sequence)
        self._heights = tuple(float(z) for z in sequence)

    def start_sequence(self) -> None:
        """Move to the first height and wait for triggers."""
        self._step, self._armed = 0, True
        self._move(self._heights[0])
        self._bench.announce_stack(self._heights)

    def coming(self) -> tuple[float, ...]:
        """Return the height, and those that triggers will lead to in the present stack."""
        return self._heights[self._step :] if self._armed else (self._z,)

    def stop_sequence(self) -> None:
        """Ignore further triggers."""
        self._armed = False

    def trigger(self) -> None:
        """Move to the next height."""
        if self._armed:
            self._step = (self._step + 1) % len(self._heights)
            self._move(self._heights[self._step])

    def _move(self, z_um: float) -> None:
        moved, self._z = z_um != self._z, z_um
        self._settle(moved=moved)


class SimulatedXYStage(_Moving, XYStageDevice):
    """A stage; (0, 0) is the middle of the simulated sample."""

    role = "xy"

    def __init__(self) -> None:
        super().__init__()
        self._xy = (0.0, 0.0)
        self._add_limits(_XY_LIMITS_UM)

    def set_position_um(self, x: float, y: float) -> None:
        """Move."""
        self._check("x", x)
        self._check("y", y)
        place = (float(x), float(y))
        moved, self._xy = place != self._xy, place
        self._settle(moved=moved)

    def get_position_um(self) -> tuple[float, float]:
        """Return (x, y), µm."""
        return self._xy

    def home(self) -> None:
        """Move to the middle."""
        self.set_position_um(0.0, 0.0)

    def stop(self) -> None:
        """Stop: a move is over when its call returns."""

    def set_origin_x(self) -> None:
        """Call the present x zero."""
        self._xy = (0.0, self._xy[1])

    def set_origin_y(self) -> None:
        """Call the present y zero."""
        self._xy = (self._xy[0], 0.0)
