"""What is wrong with this machine, and how to mend it: each check names both."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil

from livesr.acquisition.holders import holders
from livesr.calibration.profile import list_profiles, load_profile
from livesr.errors import LivesrError
from livesr.segmentation.engines import ENGINES
from livesr.segmentation.package import list_packages
from livesr.viewer.check import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: ``mend`` says what to do unless the status is ok."""

    name: str
    status: Status
    found: str
    mend: str = ""


def examine(folder: Path | None = None) -> list[dict[str, str]]:
    """Run every check.

    Parameters
    ----------
    folder : Path, optional
        Where sessions will be recorded, for the disk checks; default the working folder.
    """
    where = folder or Path.cwd()
    checks: list[Callable[[], Iterator[Check]]] = [
        _python,
        _memory,
        _micro_manager,
        _hardware,
        _engines,
        _packages,
        _calibrations,
        _viewer,
        lambda: _disk(where),
    ]
    return [asdict(found) for check in checks for found in check()]


def _python() -> Iterator[Check]:
    found = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Check("python", "ok", found)
    if sys.version_info < (3, 12):
        qt = _version("PySide6-Essentials")
        if qt == "6.12.0":
            yield Check(
                "qt version",
                "failed",
                "PySide6 6.12.0 on Python 3.11 ends the viewer after a few thousand frames",
                'python -m pip install "PySide6-Essentials!=6.12.0"',
            )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _memory() -> Iterator[Check]:
    gib = psutil.virtual_memory().available / 2**30
    found = f"{gib:.1f} GiB free, {os.cpu_count()} processors"
    if gib < _MEMORY_GIB:
        yield Check(
            "memory",
            "warning",
            found,
            "close other programs: a 1200 × 1200 × 24 stack wants about 4 GiB to segment",
        )
    else:
        yield Check("memory", "ok", found)


def _micro_manager() -> Iterator[Check]:
    core, adapters = _version("pymmcore"), _version("mm-test-adapters")
    interface = core.split(".")[3] if core else ""
    if adapters is None:
        yield Check(
            "micro-manager",
            "warning",
            f"pymmcore {core}, without the demonstration devices",
            "for 'config: demo': python -m pip install mm-test-adapters; "
            "for your hardware: mmcore install",
        )
    elif adapters.split(".")[0] != interface:
        yield Check(
            "micro-manager",
            "failed",
            f"device interface {interface} of pymmcore {core} and {adapters} of mm-test-adapters "
            "do not match",
            "install livesr again: its requirements name a matching pair",
        )
    else:
        yield Check("micro-manager", "ok", f"pymmcore {core}, device interface {interface}")


def _hardware() -> Iterator[Check]:
    held = holders()
    if not held:
        yield Check("hardware", "ok", "no other program that uses microscopes is running")
    for one in held:
        yield Check(
            "hardware",
            "warning",
            f"{one.program} is running (process {one.pid}) and may hold the camera or a port",
            "close it before a session on real hardware: a device serves one program at a time",
        )


def _engines() -> Iterator[Check]:
    working = 0
    for engine in ENGINES:
        reason = engine.unavailable()
        working += reason is None
        if reason is None:
            yield Check(f"engine {engine.name}", "ok", engine.describe())
        else:
            why, _, mend = reason.rpartition(": ")
            yield Check(f"engine {engine.name}", "warning", why or reason, mend)
    if not working:
        yield Check("engines", "failed", "none works here", "python -m pip install openvino")


def _packages() -> Iterator[Check]:
    try:
        packages = list_packages()
        for package in packages:
            package.verify()
    except LivesrError as error:
        yield Check("models", "failed", error.what, error.fix)
        return
    if packages:
        yield Check("models", "ok", ", ".join(package.name for package in packages))
    else:
        fix = "take models/ from the project, or train one: livesr train examples/train-all.yaml"
        yield Check("models", "warning", "none", fix)


def _calibrations() -> Iterator[Check]:
    try:
        names = [load_profile(name).name for name in list_profiles()]
    except LivesrError as error:
        yield Check("calibrations", "failed", error.what, error.fix)
        return
    yield Check("calibrations", "ok", ", ".join(names) or "none")


def _viewer() -> Iterator[Check]:
    reason = unavailable()
    if reason is None:
        yield Check("viewer", "ok", f"PySide6 {_version('PySide6-Essentials')}, a display")
    else:
        yield Check("viewer", "warning", "no window can be opened here", reason)


def _disk(folder: Path) -> Iterator[Check]:
    try:
        speed = _write_speed(folder)
    except OSError as error:
        yield Check(
            "disk",
            "failed",
            f"{folder} cannot be written: {error.strerror}",
            "choose another folder",
        )
        return
    free = shutil.disk_usage(folder).free / 2**30
    found = f"{folder}: {free:.0f} GiB free, writes {speed:.0f} MB/s"
    if speed < _CAMERA_MB_S:
        mend = f"a camera of 2 × 1200 × 1200 at 20 fps makes {_CAMERA_MB_S} MB/s: use a local disk"
        yield Check("disk", "warning", found, mend)
    elif free < _FREE_GIB:
        yield Check("disk", "warning", found, "make room: an hour can take 100 GiB and more")
    else:
        yield Check("disk", "ok", found)


def _write_speed(folder: Path) -> float:
    """Return MB/s of a synced sequential write of 64 MB."""
    block = os.urandom(2**22)
    with tempfile.TemporaryFile(dir=folder) as file:
        began = time.monotonic()
        for _ in range(16):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return 16 * len(block) / 1e6 / (time.monotonic() - began)


_MEMORY_GIB = 4.0
_FREE_GIB = 50.0
_CAMERA_MB_S = 115
