"""Finding the light in a Micro-Manager configuration: its devices, and what they need.

A second core must load as little as it can: a camera or a stage that is initialised anew may move,
and takes time. So only the light's own devices are kept, with what they cannot do without (serial
ports, hubs, devices that they name in a property), and of their properties only those that come
before initialisation or name another device: what is set later may switch the light on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymmcore_plus.core import DeviceType

from livesr.acquisition.core import config_text
from livesr.acquisition.light.path import LightPath
from livesr.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pymmcore_plus import CMMCorePlus

_PYTHON = "#py "
_IN_THE_PROCESS = "livesr.simulator"
"""Its light is a variable: it ends with the process that holds it."""


def light_path(
    core: CMMCorePlus, config: str, off: Mapping[str, Mapping[str, object]]
) -> LightPath:
    """Find the light of a loaded microscope: its shutters, and what the session names.

    Parameters
    ----------
    core : CMMCorePlus
    config : str
        As `livesr.acquisition.core.open_core` took it.
    off : mapping
        The session's ``microscope.light_off``.

    Raises
    ------
    ConfigError
        If the session names a device or property that is not there.
    """
    check_named(core, off)
    shutters = [str(label) for label in core.getLoadedDevicesOfType(DeviceType.ShutterDevice)]
    within = [s for s in shutters if core.getDeviceLibrary(s).startswith(_IN_THE_PROCESS)]
    named = {
        device: {str(name): str(value) for name, value in values.items()}
        for device, values in off.items()
        if not core.getDeviceLibrary(device).startswith(_IN_THE_PROCESS)
    }
    outside = [label for label in shutters if label not in within]
    lines = _split(config_text(core, config))
    needed = needed_devices(lines, [*outside, *named])
    return LightPath(
        tuple(outside),
        named,
        tuple(_about(lines, needed)) if needed else (),
        tuple(map(str, core.getDeviceAdapterSearchPaths())),
        tuple(within),
    )


def check_named(core: CMMCorePlus, off: Mapping[str, Mapping[str, object]]) -> None:
    """Refuse what ``microscope.light_off`` names and the microscope does not have."""
    devices = [str(label) for label in core.getLoadedDevices() if label != "Core"]
    for device, values in off.items():
        where = "microscope.light_off"
        if device not in devices:
            raise ConfigError(
                f"no such device: {device!r}", where=where, fix=nearest(device, devices)
            )
        names = [str(name) for name in core.getDevicePropertyNames(device)]
        for name in values:
            if name not in names:
                raise ConfigError(
                    f"no such property of {device}: {name!r}",
                    where=f"{where}.{device}",
                    fix=nearest(name, names),
                )


def needed_devices(lines: Sequence[Sequence[str]], lights: Sequence[str]) -> set[str]:
    """Return the lights and all devices that they cannot do without."""
    devices = {line[1] for line in lines if line[0] in ("Device", "pyDevice")}
    needs: dict[str, set[str]] = {}
    for line in lines:
        match line:
            case ["Parent", device, hub, *_]:
                needs.setdefault(device, set()).add(hub)
            case ["Property", device, _, value, *_] if value in devices and value != device:
                needs.setdefault(device, set()).add(value)
    found: set[str] = set()
    left = list(lights)
    while left:
        device = left.pop()
        if device not in found:
            found.add(device)
            left += needs.get(device, ())
    return found & devices


def _split(text: str) -> list[tuple[str, ...]]:
    """Return the commands of a configuration, those of Python devices too."""
    bare = (line.removeprefix(_PYTHON).strip() for line in text.splitlines())
    return [tuple(line.split(",")) for line in bare if line and not line.startswith("#")]


def _about(lines: Sequence[tuple[str, ...]], devices: set[str]) -> list[tuple[str, ...]]:
    """Return the lines that load and connect some devices, and none that switches anything."""
    names = {line[1] for line in lines if line[0] in ("Device", "pyDevice")}
    kept, initialised = [], False
    for line in lines:
        match line:
            case ["Property", "Core", "Initialize", value]:
                initialised = value.strip() == "1"
                if initialised:
                    kept.append(line)
            case ["Property", device, _, value, *_] if device in devices:
                if not initialised or value in names:
                    kept.append(line)
            case ["Device" | "pyDevice" | "Parent" | "Label", device, *_] if device in devices:
                kept.append(line)
    return kept
