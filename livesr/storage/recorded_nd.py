"""MetaMorph's multi-dimensional recordings: an ``.nd`` file, and a file a wave and time point."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livesr.errors import ConfigError, HardwareError
from livesr.plain import there
from livesr.storage.recorded_file import Description, check_dtype
from livesr.storage.recorded_tiff import TiffRecording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from livesr.storage.recorded_file import DtypeCheck

_MOST_BYTES = 2**24
_MOST_FILES = 2**20
_OPEN = 8
"""Files that are held open: of a long recording there are thousands."""
_FILE = re.compile(
    r"(?:_w(?P<wave>.+?))?(?:_s(?P<s>\d+))?(?:_t(?P<t>\d+))?\.(?:stk|tiff?)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class NdPlan:
    """What an ``.nd`` file says of its recording.

    Attributes
    ----------
    waves : tuple of str
        Names of the channels; one empty name where there are no waves.
    stages : tuple of str
        Names of the stage positions; one empty name where there are none.
    timepoints : int
    z_step_um : float or None
    """

    waves: tuple[str, ...]
    stages: tuple[str, ...]
    timepoints: int
    z_step_um: float | None


def stage_of(path: Path) -> tuple[Path, int] | None:
    """Return the ``.nd`` file and the stage, from 1, that a path names; None if it names none.

    A stage of several is named as if it were a file in a folder: ``night.nd/s2``.
    """
    if path.suffix.lower() == ".nd" and there(path) == "file":
        return path, 1
    match = re.fullmatch(r"s([1-9]\d{0,5})", path.name)
    if match and path.parent.suffix.lower() == ".nd" and there(path.parent) == "file":
        return path.parent, int(match[1])
    return None


def read_nd(path: Path) -> NdPlan:
    """Return what an ``.nd`` file says.

    Raises
    ------
    HardwareError
        If it is none, or damaged.
    """
    try:
        said = _said(_text(path))
        waves = _listed(said, "DoWave", "NWavelengths", "WaveName")
        stages = _listed(said, "DoStage", "NStagePositions", "Stage")
        times = int(said["NTimePoints"]) if _is(said, "DoTimelapse") else 1
        step = float(said.get("ZStepSize", "0")) if _is(said, "DoZSeries") else 0.0
        _whole(times * len(waves) * len(stages), "files")
    except (OSError, ValueError, KeyError) as error:
        raise HardwareError(
            f"this is no MetaMorph .nd file that can be read: {error}",
            where=str(path),
            fix="copy it again from where it was recorded",
        ) from None
    return NdPlan(waves, stages, times, step or None)


def _said(text: str) -> dict[str, str]:
    said = {}
    for line in text.splitlines():
        key, comma, value = line.partition(",")
        if comma:
            said[key.strip().strip('"')] = value.strip().strip('"')
    if "NDInfoFile" not in said:
        raise ValueError('it does not begin with "NDInfoFile"')
    return said


def _is(said: Mapping[str, str], key: str) -> bool:
    return said.get(key, "").upper() == "TRUE"


def _listed(said: Mapping[str, str], does: str, count: str, name: str) -> tuple[str, ...]:
    if not _is(said, does):
        return ("",)
    number = int(said[count])
    _whole(number, count)
    return tuple(said.get(f"{name}{k}", str(k)) for k in range(1, number + 1))


def _whole(number: int, what: str) -> None:
    if not 1 <= number <= _MOST_FILES:
        raise ValueError(f"it declares {number} {what}")


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("it is larger than any such file")
    return path.read_text(encoding="utf-8", errors="replace")


def nd_files(path: Path, plan: NdPlan) -> dict[tuple[int, int, int], Path]:
    """Return the files of a recording by wave, stage and time point, each from 1."""
    stem = path.stem.casefold()
    found: dict[tuple[int, int, int], Path] = {}
    for file in sorted(path.parent.iterdir()):
        if not file.name.casefold().startswith(stem) or "_thumb_" in file.name.casefold():
            continue
        match = _FILE.fullmatch(file.name[len(stem) :])
        wave = _wave(match["wave"] or "1", plan.waves) if match else 0
        if match and wave:
            found[wave, int(match["s"] or 1), int(match["t"] or 1)] = file
    return found


def _wave(text: str, waves: Sequence[str]) -> int:
    """Return the wave that a file name gives, 0 for none: number and name are written together.

    ``_w1561`` is wave 1 with the name 561, or wave 1561.
    """
    numbers = [n for n in range(1, len(waves) + 1) if text.startswith(str(n))]
    named = [n for n in numbers if _plain(text[len(str(n)) :]) in ("", _plain(waves[n - 1]))]
    return max(named or numbers, default=0)


def _plain(name: str) -> str:
    """Return a name without what MetaMorph replaces in the names of files."""
    return "".join(filter(str.isalnum, name)).casefold()


class NdRecording:
    """One stage of a MetaMorph recording, as if it were one file; thread-safe.

    Parameters
    ----------
    path : Path
        The ``.nd`` file, of several stages ``FILE.nd/s2``.
    check : callable
        Refuses pixels of the wrong kind.

    Raises
    ------
    HardwareError
        If it is damaged, or files of it are missing or unlike each other.
    ConfigError
        If there is no such stage.
    """

    def __init__(self, path: Path, check: DtypeCheck = check_dtype) -> None:
        named = stage_of(path)
        if named is None:
            raise ConfigError("there is no such recording", where=str(path), fix="name the .nd")
        self.path, (nd, self._stage), self._check = path, named, check
        self._plan = read_nd(nd)
        if self._stage > len(self._plan.stages):
            raise ConfigError(
                f"the recording has {len(self._plan.stages)} stage positions, not {self._stage}",
                where=str(nd),
                fix="count them from s1",
            )
        self._files = nd_files(nd, self._plan)
        self._held: OrderedDict[Path, TiffRecording] = OrderedDict()
        self._lock = threading.Lock()
        self._require_files()
        first = self._file(0, 0)
        self.dtype = first.dtype
        self._planes = first.description.shape
        self.description = self._describe(first.description)

    def read(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return the plane at an index of (t, c[, z])."""
        t, c, *within = index
        with self._lock:
            return self._read(self._file(t, c), tuple(within))

    def _read(self, file: TiffRecording, within: tuple[int, ...]) -> npt.NDArray[Any]:
        if file.description.shape != self._planes:
            raise HardwareError(
                f"its shape is {file.description.shape}, that of the others {self._planes}",
                where=str(file.path),
                fix="record each wave with the same z series, or process each wave alone",
            )
        return file.read(within)

    def missing(self) -> list[tuple[int, ...]]:
        """Return the planes that are missing: none, for missing files are refused at once."""
        return []

    def close(self) -> None:
        """Close the files."""
        for file in self._held.values():
            file.close()
        self._held.clear()

    def _require_files(self) -> None:
        plan, s = self._plan, self._stage
        wanted = [
            (w, t) for w in range(1, len(plan.waves) + 1) for t in range(1, plan.timepoints + 1)
        ]
        absent = [(w, t) for w, t in wanted if (w, s, t) not in self._files]
        if absent:
            named = ", ".join(f"w{w} t{t}" for w, t in absent[:6])
            raise HardwareError(
                f"{len(absent)} of the recording's {len(wanted)} files are missing: {named}",
                where=str(self.path),
                fix="put the .stk or .tif files beside the .nd file that names them",
            )

    def _file(self, t: int, c: int) -> TiffRecording:
        path = self._files[c + 1, self._stage, t + 1]
        if path in self._held:
            self._held.move_to_end(path)
        else:
            while len(self._held) >= _OPEN:
                self._held.popitem(last=False)[1].close()
            self._held[path] = TiffRecording(path, self._check)
        return self._held[path]

    def _describe(self, first: Description) -> Description:
        plan, shape = self._plan, first.shape
        axes = "TC" + ("ZYX" if len(shape) == 3 else "YX")
        return Description(
            axes,
            (plan.timepoints, len(plan.waves), *shape),
            pixel_um=first.pixel_um,
            z_step_um=first.z_step_um or plan.z_step_um,
            channels=plan.waves if all(plan.waves) else (),
        )
