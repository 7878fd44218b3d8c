"""The simulated microscope's focus drift, and the lock that holds it."""

from __future__ import annotations

from typing import Any

from pymmcore_plus.experimental.unicore import GenericDevice

from livesr.simulator.devices.switches import add_switch
from livesr.simulator.microscope.bench import OnBench
from livesr.simulator.microscope.focus import FocusDrift, Hold

_PROPERTIES: dict[str, tuple[str, tuple[float, float]]] = {
    "Rate-nm/min": ("rate_nm_min", (-1e4, 1e4)),
    "Thermal-um": ("thermal_um", (-100.0, 100.0)),
    "ThermalTime-min": ("thermal_min", (0.01, 1e4)),
    "Wander-nm": ("wander_nm", (0.0, 1e4)),
    "Seed": ("seed", (0, 2**31)),
}


class SimulatedFocusDrift(OnBench, GenericDevice):
    """Moves the focus while the stage stands still: steadily, by warming up, and in a slow wander.

    `Offset-um` reads how far it is now, in µm of the stage; larger is deeper in the sample.
    """

    role = "drift"

    def __init__(self) -> None:
        super().__init__()
        defaults = FocusDrift()
        for name, (field, limits) in _PROPERTIES.items():
            default = float(getattr(defaults, field))
            self.register_property(name, default_value=default, limits=limits)
        self.register_property(
            "Offset-um",
            property_type=float,
            is_read_only=True,
            getter=lambda _: self._bench.drift().at(self._bench.clock.now()),
        )

    def drift(self) -> FocusDrift:
        """Return the drift that nothing holds."""
        value = {field: float(self.get_property_value(n)) for n, (field, _) in _PROPERTIES.items()}
        return FocusDrift(
            rate_nm_min=value["rate_nm_min"],
            thermal_um=value["thermal_um"],
            thermal_min=value["thermal_min"],
            wander_nm=value["wander_nm"],
            seed=int(value["seed"]),
        )


class SimulatedFocusLock(OnBench, GenericDevice):
    """Holds the focus where it stands when `State` is turned on, shifted by `Offset-um`.

    pymmcore-plus has no autofocus devices written in Python, so this is a generic device: it is
    switched by its properties, and a sequence's autofocus actions do not reach it.
    """

    role = "lock"

    def __init__(self) -> None:
        super().__init__()
        self._on = False
        self._offset_um = 0.0
        self._holds: list[Hold] = []
        self._bench.on_begin(self._forget)
        add_switch(self, "State", lambda: self._on, self._turn)
        self.register_property(
            "Offset-um",
            property_type=float,
            limits=(-20.0, 20.0),
            getter=lambda _: self._offset_um,
            setter=lambda _, value: self._shift(value),
        )

    def holds(self) -> tuple[Hold, ...]:
        """Return what it did since the session began."""
        return tuple(self._holds)

    def _turn(self, on: bool) -> None:
        self._on = on
        self._note(self._bench.clock.now())

    def _shift(self, offset_um: Any) -> None:
        self._offset_um = float(offset_um)
        self._note(self._bench.clock.now())

    def _forget(self) -> None:
        """Let the session's history begin with the present state."""
        self._holds = []
        if self._on:
            self._note(0.0)

    def _note(self, time_s: float) -> None:
        kept = [hold for hold in self._holds if hold.time_s != time_s]
        self._holds = [*kept, Hold(time_s, self._on, self._offset_um)]
