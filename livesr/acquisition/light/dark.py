"""Switching the light off from outside: a core of its own, the light's devices, nothing else.

One device that fails keeps no other from being switched off.
"""

from __future__ import annotations

import importlib
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pymmcore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.acquisition.light.path import LightPath

_FAILS = Exception
"""Whatever an adapter or a Python device raises: the next device must get its turn."""
_SERIAL, _HUB = pymmcore.SerialDevice, pymmcore.HubDevice


@dataclass(slots=True)
class Done:
    """What was switched off, and what could not be."""

    off: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """Keep what a step on the way raises."""
        try:
            yield
        except _FAILS as error:
            self.failed.setdefault(what, str(error).strip() or type(error).__name__)


class DarkRoom:
    """A core that has nothing loaded until the light must be switched off.

    Parameters
    ----------
    path : LightPath

    Notes
    -----
    All that can be done ahead is done here: imports, the core, the adapters' libraries. No device
    is opened: a serial port belongs to one process, and that is the acquisition.
    """

    def __init__(self, path: LightPath) -> None:
        self._path = path
        self._core: Any = _python_core() if path.python else pymmcore.CMMCore()
        if path.adapters:
            self._core.setDeviceAdapterSearchPaths(list(path.adapters))
        warm = Done()
        for line in path.lines:
            with warm.trying(line[1]):
                if line[0] == "Device":
                    self._core.getAvailableDevices(line[2])
                elif line[0] == "pyDevice":
                    importlib.import_module(line[2])

    def switch_off(self) -> Done:
        """Load the light's devices, close every shutter, and set what is named as off."""
        done = Done()
        self._load(done)
        core = self._core
        for label in self._path.shutters:
            with done.trying(label):
                core.setShutterOpen(label, False)
                core.waitForDevice(label)
                done.off.append(f"{label} closed")
        for device, values in self._path.off.items():
            for name, value in values.items():
                with done.trying(f"{device}.{name}"):
                    core.setProperty(device, name, value)
                    done.off.append(f"{device}.{name} = {value}")
        with done.trying("letting go"):
            core.unloadAllDevices()
        return done

    def _load(self, done: Done) -> None:
        core, lines = self._core, self._path.lines
        begins = lines.index(_INITIALISE) if _INITIALISE in lines else len(lines)
        loaded = []
        for line in lines:
            if line[0] in ("Device", "pyDevice"):
                with done.trying(line[1]):
                    core.loadDevice(*line[1:4])
                    loaded.append(line[1])
        for line in lines[:begins]:
            self._carry_out(line, done)
        for label in sorted(loaded, key=self._turn):
            with done.trying(label):
                core.initializeDevice(label)
        for line in lines[begins:]:
            self._carry_out(line, done)

    def _turn(self, label: str) -> int:
        """Return when a device is initialised: ports first, then hubs, then what hangs on them."""
        kind = int(self._core.getDeviceType(label))
        return {int(_SERIAL): 0, int(_HUB): 1}.get(kind, 2)

    def _carry_out(self, line: tuple[str, ...], done: Done) -> None:
        core = self._core
        with done.trying(f"{line[1]}: {','.join(line)}"):
            match line:
                case ["Parent", label, hub, *_]:
                    core.setParentLabel(label, hub)
                case ["Label", label, state, name]:
                    core.defineStateLabel(label, int(state), name)
                case ["Property", label, name, value] if label != "Core":
                    core.setProperty(label, name, value)


_INITIALISE = ("Property", "Core", "Initialize", "1")


def _python_core() -> Any:
    # a running Qt application would otherwise take the signals to its event loop
    os.environ["PYMM_SIGNALS_BACKEND"] = "psygnal"
    from livesr.acquisition.unicore import PythonCore

    return PythonCore()
