"""The simulated microscope's clock as a device."""

from __future__ import annotations

from pymmcore_plus.experimental.unicore import GenericDevice

from livesr.simulator.microscope.bench import OnBench

TIME_PROPERTY = "SessionTime-s"
START_PROPERTY = "SessionStart-s"
SPEED_PROPERTY = "Speedup"


class SimulatedClock(OnBench, GenericDevice):
    """Keeps the simulated time: reading it tells the time, setting a later one waits for it."""

    role = "clock"

    def __init__(self) -> None:
        super().__init__()
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
