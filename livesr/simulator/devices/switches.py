"""Properties that are on or off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymmcore_plus.experimental.unicore import Device

_ON, _OFF = ("On", 1, "1"), ("Off", 0, "0")


def is_on(value: object) -> bool:
    """Return what a switch's value means; YAML makes 1 and 0 of a bare On and Off."""
    return value in _ON


def add_switch(
    device: Device, name: str, get: Callable[[], bool], turn: Callable[[bool], None]
) -> None:
    """Give a device a property that is `On` or `Off`."""
    device.register_property(
        name,
        property_type=str,
        allowed_values=(*_ON, *_OFF),
        getter=lambda _: "On" if get() else "Off",
        setter=lambda _, value: turn(is_on(value)),
    )
