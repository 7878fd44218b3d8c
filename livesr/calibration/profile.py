"""A stored chromatic calibration: its YAML file, and whether it fits a session.

A calibration is as good as the light path it was measured on. So the file says what that was, and
`Profile.check` refuses anything else, naming all misfits at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, Self

import yaml
from pydantic import Field, model_validator

from livesr.calibration.datafile import Record, read_record
from livesr.calibration.records import ChannelTransform as ChannelTransform
from livesr.calibration.records import Measured as Measured
from livesr.calibration.records import Nanometres as Nanometres
from livesr.calibration.records import PointSpread as PointSpread
from livesr.calibration.records import Polynomial as Polynomial
from livesr.calibration.records import Provenance as Provenance
from livesr.calibration.records import RegistrationError as RegistrationError
from livesr.calibration.records import ValidFor as ValidFor
from livesr.data import data_folder
from livesr.errors import CalibrationError, StorageError, nearest
from livesr.plain import there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.calibration.warp import ChromaticModel
    from livesr.types import RecordingInfo

PIXEL_TOLERANCE = 0.01
"""Pixel sizes may differ by this share."""
SIMULATED_MICROSCOPE = "simulated microscope"
"""What the simulated microscope and its recordings call themselves."""
PLAIN_NAME = r"^([\w.-]*)$"
HEADER = "# livesr chromatic calibration; see calibration/README.md\n"
FIELD_TOLERANCE = 0.01
"""A field may be larger than the calibrated one by this share: beyond it lies extrapolation."""


class Profile(Record):
    """One stored calibration.

    Attributes
    ----------
    name : str
        As in ``calibration/NAME.yaml``.
    reference : str
        Channel that the others are registered to.
    channels : mapping of str to ChannelTransform
        The other channels.
    simulated : bool
        Made on the simulated microscope: refused on any other.
    measured : mapping of str to Measured
        What is behind each channel's transform; empty where it is known instead of measured.
    psf : mapping of str to PointSpread
        How wide each channel images a point, if beads told.
    error_map : str
        File beside this one with the expected error over the field; empty for none.
    """

    format: Literal[1] = 1
    name: str
    reference: str
    channels: dict[str, ChannelTransform]
    valid_for: ValidFor
    simulated: bool
    provenance: Provenance
    error: RegistrationError
    measured: dict[str, Measured] = Field(default_factory=dict)
    psf: dict[str, PointSpread] = Field(default_factory=dict)
    error_map: str = Field("", pattern=PLAIN_NAME)

    @model_validator(mode="after")
    def _reference_stands_still(self) -> Self:
        if self.reference in self.channels:
            raise ValueError(f"the reference channel {self.reference} has no transform")
        return self

    def models(self) -> dict[str, ChromaticModel]:
        """Return the chromatic model of each channel but the reference."""
        return {name: transform.model() for name, transform in self.channels.items()}

    def check(self, info: RecordingInfo, layout: str = "") -> None:
        """Refuse a session that the calibration was not made for.

        A name (microscope, camera, objective, layout) is compared where the calibration states it.
        A session that states none does not fit, for nobody can then know; the simulated microscope
        alone is excused.

        Parameters
        ----------
        info : RecordingInfo
            What the source says of itself.
        layout : str
            Kind of the session's channel layout; not compared if empty.

        Raises
        ------
        CalibrationError
            With every misfit.
        """
        misfits = [
            *unlike(self.valid_for, info, layout, simulated=self.simulated),
            *self._geometry(info),
            *self._channels(info),
        ]
        if misfits:
            raise CalibrationError(
                f"calibration {self.name} does not fit this session: " + "; ".join(misfits),
                where="calibration",
                fix="name a calibration of this light path (the file: calibration/README.md);"
                " or write 'calibration: none': every output then says so",
            )

    def _geometry(self, info: RecordingInfo) -> Iterator[str]:
        pixel = self.valid_for.pixel_um
        if abs(info.pixel_um / pixel - 1) > PIXEL_TOLERANCE:
            yield f"it is for pixels of {pixel:g} µm, the session's are {info.pixel_um:g} µm"
        fields = zip("yx", info.shape[2:], self.valid_for.field_um, strict=True)
        for axis, pixels, calibrated in fields:
            field = pixels * info.pixel_um
            if field > calibrated * (1 + FIELD_TOLERANCE):
                yield f"it covers {calibrated:.1f} µm along {axis}, the field is {field:.1f} µm"

    def _channels(self, info: RecordingInfo) -> Iterator[str]:
        if len(info.channels) == 1:
            return
        known = (self.reference, *self.channels)
        for name in info.channels[: info.seen]:  # others may be recorded beside them unregistered
            if name not in known:
                yield f"it has no channel {name!r} ({nearest(name, known)})"
        if self.reference not in info.channels:
            yield f"its reference channel {self.reference!r} is not recorded"


class MadeOn(Protocol):
    """The names that a calibration states of the light path it was made on."""

    @property
    def microscope(self) -> str:
        """The stand."""

    @property
    def camera(self) -> str:
        """The camera."""

    @property
    def objective(self) -> str:
        """The objective."""

    @property
    def layout(self) -> str:
        """Kind of the channel layout."""


def unlike(made_on: MadeOn, info: RecordingInfo, layout: str, *, simulated: bool) -> Iterator[str]:
    """Yield what differs between the names of a calibration and a session's."""
    from_simulator = info.simulated or info.microscope == SIMULATED_MICROSCOPE
    if simulated and not from_simulator:
        yield "it was made on the simulated microscope, this is another source"
    for what, mine, theirs in (
        ("microscope", made_on.microscope, info.microscope),
        ("camera", made_on.camera, info.camera),
        ("objective", made_on.objective, info.objective),
    ):
        if mine and not theirs and not info.simulated:
            yield f"it is for the {what} {mine!r}, the session does not say which it has"
        elif mine and theirs and mine.strip().casefold() != theirs.strip().casefold():
            yield f"it is for the {what} {mine!r}, the session has {theirs!r}"
    if made_on.layout and layout and made_on.layout != layout:
        yield f"it is for the layout {made_on.layout!r}, the session has {layout!r}"


def list_profiles() -> list[str]:
    """Return the names of the stored calibrations."""
    names = (path.stem for path in data_folder("calibration").glob("*.yaml"))
    return sorted(name for name in names if not name.endswith(".camera"))


def load_profile(name_or_path: str | Path) -> Profile:
    """Return a stored calibration.

    Parameters
    ----------
    name_or_path : str or Path
        A file, or a name in ``calibration/``.

    Raises
    ------
    CalibrationError
        If there is none, or its file is damaged.
    """
    path = Path(name_or_path)
    if there(path) != "file":
        path = data_folder("calibration") / f"{name_or_path}.yaml"
    if there(path) != "file":
        raise CalibrationError(
            f"there is no calibration {str(name_or_path)!r}, neither as a file nor by name",
            where="calibration",
            fix=nearest(str(name_or_path), [*list_profiles(), "none"]),
        )
    fix = "calibrate again, or take the file from a backup"
    return read_record(path, Profile, CalibrationError, fix)


def save_profile(profile: Profile, path: Path) -> None:
    """Write a calibration so that `load_profile` reads the same values back.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    text = yaml.safe_dump(
        profile.model_dump(mode="json"),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + text, "utf-8")
    except OSError as problem:
        raise StorageError(
            f"the calibration cannot be written: {problem}",
            where=str(path),
            fix="choose a folder that you may write to",
        ) from None
