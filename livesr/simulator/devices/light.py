"""The simulated microscope's laser and emission filters."""

from __future__ import annotations

from pymmcore_plus.experimental.unicore import ShutterDevice, StateDevice

from livesr.simulator.devices.switches import add_switch
from livesr.simulator.microscope.bench import OnBench


class SimulatedLaser(OnBench, ShutterDevice):
    """A laser that the camera gates: open, it lights the sample during exposures only.

    Its light bleaches the dye while `Bleaching` is on; `Dose-ms` tells what it gave since the
    session began, in milliseconds of nominal power.
    """

    role = "laser"

    def __init__(self) -> None:
        super().__init__()
        self._open = False
        self._bleaches = True
        self.register_property("Power", default_value=1.0, limits=(0.0, 10.0))
        self.register_property(
            "State",
            property_type=int,
            allowed_values=(0, 1, "0", "1"),
            getter=lambda _: int(self._open),
            setter=lambda _, value: self.set_open(str(value) == "1"),
        )
        self.register_property(
            "Dose-ms",
            property_type=float,
            is_read_only=True,
            getter=lambda _: self._bench.dose_ms,
        )
        add_switch(self, "Bleaching", self.bleaches, self._turn_bleaching)

    def get_open(self) -> bool:
        """Return whether light may reach the sample."""
        return self._open

    def set_open(self, open: bool) -> None:  # noqa: A002 - Micro-Manager's name
        """Open or close."""
        self._open = bool(open)

    def power(self) -> float:
        """Return the power on the sample, 1 = nominal."""
        return float(self.get_property_value("Power")) if self._open else 0.0

    def bleaches(self) -> bool:
        """Return whether its light bleaches the dye."""
        return self._bleaches

    def _turn_bleaching(self, on: bool) -> None:
        self._bleaches = on


class SimulatedEmission(OnBench, StateDevice):
    """An emission filter wheel, in use where the camera's layout is a single channel."""

    role = "emission"

    def __init__(self) -> None:
        super().__init__({0: "Yellow", 1: "Red", 2: "Green"})
        self._state = 0

    def get_state(self) -> int:
        """Return the position."""
        return self._state

    def set_state(self, position: int) -> None:
        """Turn to a position."""
        self._state = int(position)

    def label(self) -> str:
        """Return the filter in the path."""
        return str(self._state_to_label[self._state])
