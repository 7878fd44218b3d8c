"""The validation record: what was checked on which microscope, and whether it fits a session.

A record holds for one light path and one set of weights, as a calibration does for one light path.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import Field, field_validator

from livesr.calibration.datafile import Record, read_record
from livesr.calibration.profile import PIXEL_TOLERANCE, unlike
from livesr.catalog import structure
from livesr.errors import ConfigError, StorageError
from livesr.plain import there
from livesr.storage.disk import disk_errors, replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.segmentation.networks import Networks
    from livesr.types import RecordingInfo

HEADER = "# livesr validation record; docs/validate.md\n"
NONE = "none"
OLD_DAYS = 180
"""A record that is older is warned of."""
LEAST_F1 = 0.5
"""A structure that agrees less with its probe does not count as validated."""
MEND = "validate again (livesr validate), or take the file from a backup"
Share = Annotated[float, Field(ge=0, le=1)]
Interval = tuple[Share, Share]


class Scores(Record):
    """How a structure's mask and its probe's foreground agree, pooled over the voxels of stacks.

    Attributes
    ----------
    precision, recall, f1, iou : float
        Of the mask, with the probe's foreground for the truth.
    moc : float
        Manders' overlap coefficient of the two masks.
    m1 : float
        Manders' M1: share of the probe's light, in its foreground, that lies in the mask.
    m2 : float
        Manders' M2: share of the mask's yellow light that lies in the probe's foreground.
    """

    precision: Share
    recall: Share
    f1: Share
    iou: Share
    moc: Share
    m1: Share
    m2: Share


class StructureRecord(Record):
    """One structure's validation.

    Attributes
    ----------
    by : {"probe", "leak"}
        A probe, or Nile Red's own green light in lipid droplets.
    channel : str
    share : float
        Of yellow that was subtracted from the channel.
    foreground : str
        What told the probe's foreground: package FG, ``otsu``, or a number times its brightness.
    foreground_sha256 : str
    registered : bool
        Whether the calibration knows where the channel lies.
    package, package_sha256 : str
        Whose masks they are.
    ci95 : mapping of str to (float, float)
        Of each score, from stacks drawn with replacement; empty where there is only one.
    drawn : {"positions", "stacks", "none"}
        What the intervals are over: stacks of one position show the same cells.
    passed : bool
        F1 is at least ``least_f1``, in more than one stack.
    """

    by: Literal["probe", "leak"]
    channel: str
    share: float = Field(ge=0, le=1)
    foreground: str
    foreground_sha256: str = ""
    registered: bool
    package: str
    package_sha256: str
    scores: Scores
    ci95: dict[str, Interval] = Field(default_factory=dict)
    drawn: Literal["positions", "stacks", "none"] = "none"
    least_f1: Share = LEAST_F1
    passed: bool

    @property
    def verdict(self) -> str:
        """Whether it counts as validated, and if not, why."""
        if self.passed:
            return "yes"
        return f"no: F1 below {self.least_f1:g}" if self.ci95 else "no: a single stack"


class Made(Record):
    """Where the stacks were taken."""

    microscope: str = ""
    camera: str = ""
    objective: str = ""
    pixel_um: float = Field(gt=0, le=1e3)
    calibration: str = NONE

    @property
    def layout(self) -> str:
        """None: masks do not depend on how the channels came to the camera."""
        return ""


class Unmixed(Record):
    """How Nile Red's share of the probe's channel was found: ``error`` is of a control."""

    source: Literal["control", "given", "usual"]
    control: str = ""
    error: float | None = None


class Validation(Record):
    """One validation record.

    Attributes
    ----------
    made : str
        Date, ISO 8601.
    simulated : bool
        Of simulated cells: refused on a real microscope.
    microscope : Made
    session : str
        Folder that was validated.
    stacks, cells : int
        What was looked at.
    unmixing : Unmixed
    structures : mapping of str to StructureRecord
    """

    format: Literal[1] = 1
    made: dt.date
    software: str
    simulated: bool
    microscope: Made
    session: str
    stacks: int = Field(ge=1)
    cells: int = Field(ge=0)
    unmixing: Unmixed
    structures: dict[str, StructureRecord] = Field(min_length=1)

    @field_validator("structures")
    @classmethod
    def _known(cls, value: dict[str, StructureRecord]) -> dict[str, StructureRecord]:
        for name in value:
            try:
                structure(name)
            except ConfigError as error:
                raise ValueError(f"{error.what}: {error.fix}") from None
        return value

    def is_validated(self, name: str) -> bool:
        """Return whether a structure agreed well enough with its probe."""
        found = self.structures.get(name)
        return found is not None and found.passed

    def unregistered(self) -> str:
        """Return what is to be said of channels that lay as recorded; empty if none did."""
        channels = sorted({one.channel for one in self.structures.values() if not one.registered})
        if not channels:
            return ""
        return (
            f"The calibration does not know {', '.join(channels)}: laid over yellow as recorded,"
            " and scores of small structures suffer. Calibrate with beads in all channels."
        )

    def check(self, info: RecordingInfo, networks: Networks | None) -> None:
        """Refuse a session of another microscope, or with other weights.

        Raises
        ------
        ConfigError
            With every misfit.
        """
        misfits = [*self._light_path(info), *self._weights(networks)]
        if misfits:
            raise ConfigError(
                "the validation record does not fit this session: " + "; ".join(misfits),
                where="validation",
                fix="validate with this microscope and package (livesr validate), or write "
                "'validation: none': rules on real hardware then only notify",
            )

    def remarks(self, calibration: str, today: dt.date | None = None) -> Iterator[str]:
        """Yield what a user should know of the record before a session starts."""
        age = ((today or dt.datetime.now(tz=dt.UTC).date()) - self.made).days
        if age > OLD_DAYS:
            yield f"the validation record is {age} days old"
        if self.microscope.calibration != calibration:
            yield (
                f"the validation record was made with calibration {self.microscope.calibration}, "
                f"the session has {calibration}"
            )
        failed = [name for name, one in self.structures.items() if not one.passed]
        if failed:
            yield f"by the validation record these masks are not good enough: {', '.join(failed)}"

    def _light_path(self, info: RecordingInfo) -> Iterator[str]:
        made = self.microscope
        yield from unlike(made, info, "", simulated=self.simulated)
        if abs(info.pixel_um / made.pixel_um - 1) > PIXEL_TOLERANCE:
            yield f"it is for pixels of {made.pixel_um:g} µm, the session's are {info.pixel_um:g}"

    def _weights(self, networks: Networks | None) -> Iterator[str]:
        own = {s: p for p, names in networks.parts for s in names} if networks else {}
        for name, one in self.structures.items():
            if name in own and own[name].sha256 != one.package_sha256:
                yield (
                    f"{name} was validated with {one.package} ({one.package_sha256[:8]}), the "
                    f"session has {own[name].name} ({own[name].sha256[:8]})"
                )


def load_validation(file: str | Path) -> Validation:
    """Read a record.

    Raises
    ------
    ConfigError
        If there is none, or it is damaged.
    """
    path = Path(file)
    if there(path) != "file":
        raise ConfigError(
            f"there is no validation record {str(file)!r}",
            where="validation",
            fix="make one: livesr validate SESSION -o RECORD.yaml; or write 'validation: none'",
        )
    return read_record(path, Validation, ConfigError, MEND)


def session_validation(
    file: str, info: RecordingInfo, networks: Networks | None
) -> Validation | None:
    """Return a session's record, checked against it; None where it has none.

    Raises
    ------
    ConfigError
        If it is missing, damaged, or does not fit.
    """
    if file == NONE:
        return None
    record = load_validation(file)
    record.check(info, networks)
    return record


def save_validation(record: Validation, path: Path) -> None:
    """Write a record, whole or not at all.

    Raises
    ------
    StorageError
        If it cannot be written, or a file of this name is there.
    """
    if path.exists():
        raise StorageError(
            "there is a file of this name already", where=str(path), fix="name another with -o"
        )
    text = yaml.safe_dump(
        record.model_dump(mode="json", exclude_none=True),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
    )
    with disk_errors("the validation record cannot be written", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, HEADER + text)
