"""A stored camera correction: a small YAML file that says what it is of, and its arrays beside it.

The arrays are an uncompressed ``.npz`` of plain numbers. The YAML file knows their shape and hash:
nothing else is read.
"""

from __future__ import annotations

import zipfile
from datetime import date
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import yaml
from pydantic import Field, model_validator

from livesr.calibration.camera.found import CameraMaps, Region
from livesr.calibration.datafile import Record, read_record
from livesr.config.layouts import Rectangle
from livesr.data import data_folder
from livesr.errors import CalibrationError, StorageError, nearest
from livesr.plain import there
from livesr.storage.disk import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUFFIX = ".camera.yaml"
"""Of a name in ``calibration/``: chromatic calibrations end in ``.yaml`` alone."""
HEADER = "# livesr camera correction; see docs/camera.md\n"
MOST_PIXELS = 2**27
"""Of all images of a camera, or of all channels' fields."""
MENDED = "calibrate the camera again (livesr calibrate --dark … --flat …), or take both files, the"
_FIX = f"{MENDED} YAML and the .npz beside it, from a backup"
_MAPS = ("offset", "response", "read_noise", "hot")
_KINDS = {"offset": "<f4", "response": "<f4", "read_noise": "<f4", "hot": "|b1", "flat": "<f4"}
_DAMAGE = (
    OSError, ValueError, TypeError, KeyError, EOFError, RuntimeError, MemoryError, OverflowError,
    SyntaxError, NotImplementedError, zipfile.BadZipFile,
)  # fmt: skip
"""What numpy and zipfile raise for archives that are damaged or made by others."""
Share = Annotated[float, Field(ge=-1e3, le=1e3)]
Counts = Annotated[float, Field(ge=0, le=65535)]
Side = Annotated[int, Field(gt=0, le=2**16)]


class CameraChannel(Record):
    """Where a channel lies on the camera's images; its rectangle is None for the whole."""

    name: str
    image: int = Field(ge=0)
    rectangle: Rectangle | None = None

    def region(self) -> Region:
        """Return it as the maps are cut by."""
        return Region(self.name, self.image, self.rectangle)


class MadeFor(Record):
    """The camera and light path that were measured; what is empty is not compared.

    Attributes
    ----------
    layout : str
        Kind of channel layout.
    sensor : tuple of int
        Images of a frame, and their pixels along y and x.
    exposure_ms : tuple of float or None
        Least and greatest exposure that it is good for.
    roi : tuple of int or None
        Region of interest on the sensor: x, y, width, height.
    """

    microscope: str = ""
    camera: str = ""
    objective: str = ""
    layout: str = ""
    sensor: tuple[Side, Side, Side]
    exposure_ms: tuple[float, float] | None = None
    binning: str = ""
    roi: tuple[int, int, int, int] | None = None


class LevelRecord(Record):
    """One level of light: its frames, counts above the offset by channel, how steady it was."""

    frames: int = Field(ge=1)
    counts: tuple[Counts, ...]
    drift: Share
    flicker: Share
    gain_deviation: Share


class CameraNumbers(Record):
    """What was found, in numbers; the standard errors are those of one pixel."""

    offset: tuple[Counts, ...]
    gain_e_per_adu: tuple[float, ...]
    read_noise_e: tuple[float, ...]
    hot_pixels: int = Field(ge=0)
    offset_error: float
    response_error: float
    response_spread: float
    false_ratio: dict[str, float] = Field(default_factory=dict)


class CameraProfile(Record):
    """One stored camera correction.

    Attributes
    ----------
    measured : date
        When the frames were taken.
    simulated : bool
        Made on the simulated microscope: refused on any other.
    arrays : str
        File beside this one.
    sha256 : str
        Of that file.
    """

    kind: Literal["camera correction"] = "camera correction"
    format: Literal[1] = 1
    name: str
    measured: date
    simulated: bool
    made_for: MadeFor
    channels: tuple[CameraChannel, ...] = Field(min_length=1, max_length=64)
    darks: int = Field(ge=1)
    levels: tuple[LevelRecord, ...] = Field(min_length=1)
    found: CameraNumbers
    by: str
    source: str
    software: str
    arrays: str = Field(pattern=r"^[^/\\:\x00]+\.npz$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        images, height, width = self.made_for.sensor
        if images * height * width > MOST_PIXELS:
            raise ValueError(f"a sensor of {images} × {height} × {width} pixels is none")
        for channel in self.channels:
            r = channel.rectangle
            if channel.image >= images or (
                r is not None and (r.y + r.height > height or r.x + r.width > width)
            ):
                raise ValueError(f"channel {channel.name} does not lie on the sensor")
        if len({self.field_of(channel) for channel in self.channels}) > 1:
            raise ValueError("the channels' fields are not of one size")
        if len({channel.name for channel in self.channels}) < len(self.channels):
            raise ValueError("two channels have one name")
        return self

    def field_of(self, channel: CameraChannel) -> tuple[int, int]:
        """Return the pixels (y, x) of a channel as a session stores it."""
        if channel.rectangle is not None:
            return channel.rectangle.stored_shape
        return self.made_for.sensor[1], self.made_for.sensor[2]

    def age_days(self, today: date) -> int:
        """Return how old it is."""
        return (today - self.measured).days


def list_cameras() -> list[str]:
    """Return the names of the stored camera corrections."""
    folder = data_folder("calibration")
    return sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))


def camera_file(name_or_path: str | Path) -> Path:
    """Return the file of a camera correction.

    Raises
    ------
    CalibrationError
        If there is none.
    """
    from pathlib import Path

    folder = data_folder("calibration")
    asked = (
        Path(name_or_path),
        folder / f"{name_or_path}{SUFFIX}",
        folder / f"{name_or_path}.yaml",
    )
    path = next((one for one in asked if there(one) == "file"), None)
    if path is None:
        raise CalibrationError(
            f"there is no camera correction {str(name_or_path)!r}, neither as a file nor by name",
            where="camera_correction",
            fix=nearest(str(name_or_path), [*list_cameras(), "none"]),
        )
    return path


def load_camera(path: Path) -> CameraProfile:
    """Return what the YAML file of a camera correction says.

    Raises
    ------
    CalibrationError
        If it is damaged, or another kind of calibration.
    """
    profile: CameraProfile = read_record(path, CameraProfile, CalibrationError, _FIX)
    return profile


def load_maps(profile: CameraProfile, path: Path) -> CameraMaps:
    """Return the arrays of a camera correction whose YAML file is ``path``.

    Raises
    ------
    CalibrationError
        If they are missing, damaged, or not those that the file was written with.
    """
    arrays = path.with_name(profile.arrays)
    try:
        content = _content(profile, arrays)
        with zipfile.ZipFile(BytesIO(content)) as archive:
            found = {name: _array(archive, name, profile) for name in (*_MAPS, "flat")}
    except _DAMAGE as problem:
        raise CalibrationError(
            f"the arrays of the camera correction cannot be read: {problem}",
            where=str(arrays),
            fix=_FIX,
        ) from None
    return CameraMaps(**found)


def _content(profile: CameraProfile, arrays: Path) -> bytes:
    """Return the file's bytes, if they are as many as they must be, and the right ones."""
    expected = sum(
        np.dtype(kind).itemsize * int(np.prod(_shape(profile, name)))
        for name, kind in _KINDS.items()
    )
    most = expected + 2**16  # heads of the arrays and of the archive
    with arrays.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is larger than the {expected:,} bytes of its arrays")
    if sha256(content).hexdigest() != profile.sha256:
        raise ValueError("it is not the file that the correction was written with (sha256)")
    return content


def _shape(profile: CameraProfile, name: str) -> tuple[int, ...]:
    if name == "flat":
        return (len(profile.channels), *profile.field_of(profile.channels[0]))
    return profile.made_for.sensor


def _array(archive: zipfile.ZipFile, name: str, profile: CameraProfile) -> Any:
    """Return one array, whose head is read before room is made for it."""
    kind, shape = np.dtype(_KINDS[name]), _shape(profile, name)
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is of another version of NumPy's format")
        found, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if found != shape or fortran or dtype != kind:
            raise ValueError(f"{name} is {dtype} {found}, not {kind} {shape}")
        values = np.frombuffer(file.read(kind.itemsize * int(np.prod(shape))), kind)
    values = values.reshape(shape)
    if not _sane(name, values):
        raise ValueError(f"{name} holds values that no camera has")
    return values


def _sane(name: str, values: Any) -> bool:
    if name == "hot":
        return bool(np.all(values.view(np.uint8) <= 1))
    low, high = {"response": (0.0, 1e3), "flat": (0.0, 1e3)}.get(name, (-1.0, 65536.0))
    return bool(np.isfinite(values).all() and values.min() > low and values.max() < high)


def save_camera(profile: Mapping[str, Any], maps: CameraMaps, path: Path) -> CameraProfile:
    """Write arrays and YAML file; the YAML file comes last and names the arrays' hash.

    Parameters
    ----------
    profile : mapping
        Fields of a `CameraProfile` without ``arrays`` and ``sha256``.
    maps : CameraMaps
    path : Path
        Of the YAML file.

    Raises
    ------
    StorageError
        If they cannot be written.
    """
    content = _packed(maps)
    digest = sha256(content).hexdigest()
    stem = path.name.removesuffix(path.suffix).removesuffix(".camera")
    # each content has a name of its own: until the YAML file is replaced the older pair is whole
    arrays = path.with_name(f"{stem}.camera-{digest[:12]}.npz")
    stored = CameraProfile.model_validate({**profile, "arrays": arrays.name, "sha256": digest})
    text = yaml.safe_dump(
        stored.model_dump(mode="json"),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays.write_bytes(content)
        replace_text(path, HEADER + text)
    except OSError as problem:
        raise StorageError(
            f"the camera correction cannot be written: {problem}",
            where=str(path),
            fix="choose a folder that you may write to, on a disk with room",
        ) from None
    return stored


def _packed(maps: CameraMaps) -> bytes:
    buffer = BytesIO()
    arrays = {
        name: np.ascontiguousarray(getattr(maps, name), np.dtype(kind))
        for name, kind in _KINDS.items()
    }
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
