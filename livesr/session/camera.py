"""The camera correction of a session: found, checked, dated, ready to be applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from livesr.calibration.camera.applied import check_camera, correction_of
from livesr.calibration.camera.record import camera_file, load_camera, load_maps
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from livesr.calibration.camera.correction import Correction
    from livesr.calibration.camera.record import CameraProfile
    from livesr.config.session import Session
    from livesr.types import RecordingInfo

OLD_DAYS = 90
"""Older corrections are warned of: offsets and hot pixels age, lamps and splitters are moved."""


@dataclass(frozen=True, slots=True)
class CameraUse:
    """The camera correction that a session applies; without one its name is ``none``.

    Attributes
    ----------
    name : str
    measured : date or None
    sha256 : str
        Of its arrays.
    correction : Correction or None
    """

    name: str = "none"
    measured: date | None = None
    sha256: str = ""
    correction: Correction | None = field(default=None, repr=False)

    def as_dict(self) -> dict[str, object]:
        """Return what journals and ``--json`` keep."""
        measured = None if self.measured is None else self.measured.isoformat()
        return {"name": self.name, "measured": measured, "sha256": self.sha256}


def camera_use(session: Session, info: RecordingInfo) -> CameraUse:
    """Return the camera correction that a session names.

    Raises
    ------
    CalibrationError
        If there is none of that name, it is damaged, or it does not fit the session.
    """
    if session.camera_correction == "none":
        return CameraUse()
    path = camera_file(session.camera_correction)
    profile = load_camera(path)
    check_camera(profile, info, session.layout, _exposures_ms(session, info))
    return _use(session, profile, path, info.channels)


def camera_again(
    session: Session, channels: Sequence[str], before: Mapping[str, object], folder: Path
) -> CameraUse:
    """Return the camera correction of a recorded session, which must be the one that it had.

    Parameters
    ----------
    session : Session
    channels : sequence of str
        Names of the stored channels.
    before : mapping
        The correction as the session's journal has it.
    folder : Path

    Raises
    ------
    ConfigError
        If its file now holds another one.
    CalibrationError
        If its file is gone or damaged.
    """
    if session.camera_correction == "none":
        return CameraUse()
    path = camera_file(session.camera_correction)
    use = _use(session, load_camera(path), path, channels)
    check_same_camera(use, before, folder)
    return use


def _use(
    session: Session, profile: CameraProfile, path: Path, channels: Sequence[str]
) -> CameraUse:
    correction = correction_of(profile, load_maps(profile, path), channels, session.layout)
    return CameraUse(profile.name, profile.measured, profile.sha256, correction)


def camera_warnings(
    use: CameraUse, info: RecordingInfo, *, hardware: bool, today: date | None = None
) -> Iterator[str]:
    """Yield what a user should know of the camera before a session starts.

    Parameters
    ----------
    use : CameraUse
    info : RecordingInfo
    hardware : bool
        Whether a real microscope takes the pictures.
    today : date, optional
        Default: today.
    """
    if use.measured is None:
        if hardware and len(info.channels) > 1:
            yield (
                "camera_correction: none. Uneven light and the camera's own pattern are a false"
                " ratio of a few percent, more where it is dim: livesr calibrate --dark … --flat …"
            )
        return
    age = ((today or datetime.now(UTC).date()) - use.measured).days
    if age > OLD_DAYS:
        yield (
            f"the camera correction {use.name} is {age} days old ({use.measured}): offsets and hot"
            " pixels age, and light changes with every adjustment; measure the camera again"
        )


def check_same_camera(use: CameraUse, before: Mapping[str, object], folder: Path) -> None:
    """Refuse to go on with another camera correction than the session began with.

    Its masks would not be of one kind. A file of the same name may hold another one by now.

    Parameters
    ----------
    use : CameraUse
        As the session would apply it now.
    before : mapping
        As its journal has it; empty where it does not say.
    folder : Path

    Raises
    ------
    ConfigError
        If it is another one.
    """
    if before and before != use.as_dict():
        name, measured = before.get("name"), before.get("measured")
        raise ConfigError(
            f"the session in {folder} was begun with the camera correction {name}"
            f" ({measured or 'not measured'}), its file now holds another one: {use.name}"
            f" ({use.measured or 'not measured'})",
            where="camera_correction",
            fix="put the older file and the .npz beside it back, or start a new session",
        )


def _exposures_ms(session: Session, info: RecordingInfo) -> list[float]:
    given = [channel.exposure for channel in session.sequence.channels]
    known = [exposure for exposure in given if exposure is not None]
    own = info.extra.get("exposure_ms")
    if len(known) == len(given) and known:
        return known
    return [*known, float(own)] if isinstance(own, int | float) else known
