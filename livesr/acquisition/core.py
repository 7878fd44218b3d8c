"""Opening a microscope: one Micro-Manager configuration, loaded and set up.

`open_core` is the one place that knows which core a configuration needs: pymmcore-plus' C++ one,
or, where the file has ``#py`` lines, its experimental core that runs devices written in Python.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

import pymmcore

import livesr
from livesr.errors import ConfigError, HardwareError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pymmcore_plus import CMMCorePlus

log = logging.getLogger(__name__)

SIMULATED_CONFIG = Path(livesr.__file__).parent / "simulator" / "simulated.cfg"
_SIMULATED_TWO_CONFIG = SIMULATED_CONFIG.with_name("simulated-two-cameras.cfg")
_DEMO_CONFIG = "MMConfig_demo.cfg"
_NO_HARDWARE = frozenset({"simulated", "simulated-two-cameras", "demo"})
_PYTHON_LINE = "#py "
_ALMOST_PYTHON_LINE = re.compile(r"#\s*py\s*(pyDevice|Property|ConfigGroup|Label)\b", re.IGNORECASE)
_UNLOAD_LINE = "Property,Core,Initialize,0"
_open_cores: WeakSet[CMMCorePlus] = WeakSet()


def open_core(config: str) -> CMMCorePlus:
    """Load a Micro-Manager configuration.

    Parameters
    ----------
    config : str
        Path of a .cfg; ``simulated`` or ``simulated-two-cameras`` for the simulated microscope,
        ``demo`` for the demonstration devices of Micro-Manager.

    Raises
    ------
    HardwareError
        If the file is missing or a device of it cannot be loaded.
    ConfigError
        If a Python device's line would be skipped in silence.
    """
    # a running Qt application would otherwise take the signals to its event loop
    os.environ["PYMM_SIGNALS_BACKEND"] = "psygnal"
    core = _core_for(config)
    _open_cores.add(core)
    try:
        core.loadSystemConfiguration(_path(config))
    except (RuntimeError, ImportError, AttributeError, OSError, ValueError, TypeError) as error:
        close_core(core)
        raise _not_loaded(error, config) from error
    return core


def _not_loaded(error: BaseException, config: str) -> HardwareError:
    """Return the error for a configuration that does not load, with who may hold the hardware."""
    from livesr.acquisition.holders import advice

    usual = (
        "check that the devices are switched on and not in use by another program, and that "
        "their adapters are installed: mmcore list; mmcore install"
    )
    said = "" if config in _NO_HARDWARE else advice(str(error))
    return HardwareError(
        f"the microscope did not load: {_first_lines(error)}",
        where=config,
        fix=f"{said}. Otherwise {usual}" if said else usual,
    )


def close_core(core: CMMCorePlus) -> None:
    """Let go of all devices; the core is of no use after it."""
    _open_cores.discard(core)
    try:
        if core.isSequenceRunning():
            core.stopSequenceAcquisition()
        core.unloadAllDevices()
        core.setCircularBufferMemoryFootprint(1)  # else its gigabytes stay with this process
    except (RuntimeError, OSError) as error:  # an unplugged device; what ended the run counts
        log.warning("a device could not be let go of: %s", _first_lines(error))
    # its thread of callbacks would otherwise abort a process that ends
    pymmcore.CMMCore.registerCallback(core, None)


@atexit.register
def _close_all() -> None:
    for core in tuple(_open_cores):
        close_core(core)


def _path(config: str) -> str:
    known = {
        "simulated": str(SIMULATED_CONFIG),
        "simulated-two-cameras": str(_SIMULATED_TWO_CONFIG),
        "demo": _DEMO_CONFIG,
    }
    return known.get(config, config)


def _core_for(config: str) -> CMMCorePlus:
    text = "" if config == "demo" else _read(Path(_path(config)))
    _check_python_lines(text, config)
    if runs_python_devices(config):
        from livesr.acquisition.unicore import PythonCore

        return PythonCore()
    from pymmcore_plus import CMMCorePlus

    return CMMCorePlus()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise HardwareError(
            "the Micro-Manager configuration does not exist",
            where=str(path),
            fix="give microscope.config the path of a .cfg, or 'simulated', or 'demo'",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise HardwareError(
            f"the Micro-Manager configuration cannot be read: {error}",
            where=str(path),
            fix="give microscope.config the path of a .cfg that this user may read",
        ) from error


def _check_python_lines(text: str, config: str) -> None:
    python_device = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith(_PYTHON_LINE) and _ALMOST_PYTHON_LINE.match(line.strip()):
            raise ConfigError(
                f"this line would be skipped in silence: {line.strip()}",
                where=f"{config}, line {number}",
                fix="begin it with '#py ' exactly, without a blank before py",
            )
        if line.startswith(_PYTHON_LINE):
            python_device = python_device or number
        if line.startswith(_UNLOAD_LINE) and python_device:
            raise ConfigError(
                f"{_UNLOAD_LINE} unloads the Python devices of line {python_device} again",
                where=f"{config}, line {number}",
                fix="make it the first command of the file",
            )


def runs_python_devices(config: str) -> bool:
    """Return whether a configuration has devices written in Python."""
    text = "" if config == "demo" else _read(Path(_path(config)))
    return any(line.startswith(_PYTHON_LINE) for line in text.splitlines())


def reload_core(core: CMMCorePlus, config: str) -> None:
    """Load a configuration again, all devices anew.

    Raises
    ------
    RuntimeError
        If a device does not load; then none is loaded.
    """
    with suppress(RuntimeError, OSError):
        if core.isSequenceRunning():
            core.stopSequenceAcquisition()
    core.unloadAllDevices()
    core.loadSystemConfiguration(_path(config))


def reload_device(core: CMMCorePlus, config: str, label: str) -> None:
    """Load and initialise one device again, as its lines of the configuration say.

    Raises
    ------
    RuntimeError
        If it does not load, or does not answer.
    """
    lines = [line.split(",") for line in config_text(core, config).splitlines()]
    begins = lines.index(["Property", "Core", "Initialize", "1"])
    (library, name), *_ = (line[2:4] for line in lines if line[:2] == ["Device", label])
    with suppress(RuntimeError):
        if core.isSequenceRunning():
            core.stopSequenceAcquisition()
    with suppress(RuntimeError):  # gone already
        core.unloadDevice(label)
    core.loadDevice(label, library, name)
    for line in lines[:begins]:
        _repeat(core, line, label)
    core.initializeDevice(label)
    for line in lines[begins:]:
        _repeat(core, line, label)


def config_text(core: CMMCorePlus, config: str) -> str:
    """Return a configuration as it was loaded; ``demo`` is found by the core."""
    return _read(Path(core.systemConfigurationFile() or _path(config)))


def _repeat(core: CMMCorePlus, line: list[str], label: str) -> None:
    """Carry out a line of a configuration if it is about a device, or gives it its role."""
    match line:
        case ["Property", "Core", role, given] if given == label:
            core.setProperty("Core", role, label)
        case ["Property", given, name, value] if given == label:
            core.setProperty(label, name, value)
        case ["Parent", given, hub] if given == label:
            core.setParentLabel(label, hub)
        case ["Delay", given, milliseconds] if given == label:
            core.setDeviceDelayMs(label, float(milliseconds))
        case ["FocusDirection", given, sign] if given == label:
            core.setFocusDirection(label, int(sign))
        case ["Label", given, state, name] if given == label:
            core.defineStateLabel(label, int(state), name)


def apply_properties(
    core: CMMCorePlus, properties: Mapping[str, Mapping[str, str | float | int]]
) -> None:
    """Set device properties.

    Raises
    ------
    ConfigError
        If there is no such device or property, or it refuses the value.
    """
    for device, values in properties.items():
        where = f"microscope.properties.{device}"
        _known(device, core.getLoadedDevices(), "device", where)
        for name, value in values.items():
            _known(name, core.getDevicePropertyNames(device), f"property of {device}", where)
            try:
                core.setProperty(device, name, value)
            except (RuntimeError, ValueError, TypeError) as error:
                allowed = ", ".join(map(str, core.getAllowedPropertyValues(device, name)))
                raise ConfigError(
                    f"{device} refuses {name} = {value!r}: {_first_lines(error)}",
                    where=where,
                    fix=f"allowed: {allowed}" if allowed else "give a value in its limits",
                ) from error


def apply_presets(core: CMMCorePlus, presets: Mapping[str, str]) -> None:
    """Set configuration presets, {group: preset}.

    Raises
    ------
    ConfigError
        If there is no such group or preset.
    HardwareError
        If a device refuses it.
    """
    for group, preset in presets.items():
        check_preset(core, group, preset, "microscope.presets")
        try:
            core.setConfig(group, preset)
        except (RuntimeError, ValueError) as error:
            raise HardwareError(
                f"preset {preset!r} of {group!r} cannot be set: {_first_lines(error)}",
                where="microscope.presets",
                fix="try it in Micro-Manager; check the device's cable and power",
            ) from error


def check_preset(core: CMMCorePlus, group: str, preset: str, where: str) -> None:
    """Refuse a group or preset that the configuration does not have."""
    _known(group, core.getAvailableConfigGroups(), "configuration group", where)
    _known(preset, core.getAvailableConfigs(group), f"preset of {group}", where)


def _known(word: str, known: Iterable[str], kind: str, where: str) -> None:
    words = [str(item) for item in known]
    if word not in words:
        raise ConfigError(f"no such {kind}: {word!r}", where=where, fix=nearest(word, words))


def _first_lines(error: BaseException) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines()[:3] if line.strip())
