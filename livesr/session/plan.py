"""What a session will do, worked out and checked before the first photon."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.acquisition.sources import open_source
from livesr.calibration.profile import load_profile
from livesr.calibration.warp import target_grid
from livesr.catalog import BY_NAME
from livesr.errors import ConfigError, nearest
from livesr.segmentation.engines import working_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import network_voxel
from livesr.segmentation.trust import Seen, tables
from livesr.storage.space import space_beside, space_needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.acquisition.sources import Source
    from livesr.calibration.warp import ChromaticModel
    from livesr.config import Session
    from livesr.errors import HardwareError
    from livesr.segmentation.package import Package
    from livesr.types import RecordingInfo

log = logging.getLogger(__name__)

THIN_UM = 5.0
"""Simulated stacks of 3.3 µm lose a fourth of the nucleus' F1, those of 2.1 µm all of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked session: the source is open, the calibration fits, the package can do it.

    Attributes
    ----------
    unreliable : tuple of str
        Structures that are told apart by the ratio, in a session that has none.
    warnings : tuple of str
        What the session's user should know before it starts; kept in its log and journal.
    """

    session: Session
    source: Source
    package: Package | None
    calibration: str
    models: Mapping[int, ChromaticModel]
    structures: tuple[str, ...]
    unreliable: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def judged(self) -> bool:
        """Whether the package says what it was trained on, so that stacks are compared with it."""
        return self.package is not None and bool(self.package.trust.get("seen"))

    @property
    def info(self) -> RecordingInfo:
        """What the source says of itself."""
        return self.source.info

    def disk_bytes(self) -> int:
        """Return the bytes that the session takes at most."""
        grid, asked, count = self.info.grid, self.session.segmentation, len(self.structures)
        slots = self.session.storage.spool_slots
        if self.package is None:
            return space_needed(self.info, 0, slots=slots)
        network = target_grid(grid, network_voxel(self.package, grid))
        masks = network if asked.grid == "network" else grid
        return space_needed(self.info, count, grid=masks, slots=slots) + space_beside(
            self.info,
            count,
            probability=network if asked.probabilities else None,
            masked=masks if asked.masked_images else None,
        )

    def summary(self) -> dict[str, object]:
        """Return what the session means, for people and for ``--dry-run --json``."""
        info = self.info
        stacks = info.timepoints * info.positions
        return {
            "name": self.session.name,
            "stacks": stacks,
            "timepoints": info.timepoints,
            "positions": info.positions,
            "channels": list(info.channels),
            "stack_shape_czyx": list(info.shape),
            "pixel_um": info.pixel_um,
            "z_step_um": info.z_step_um,
            "interval_s": info.interval_s,
            "disk_gib": round(self.disk_bytes() / 2**30, 3),
            "microscope": info.microscope,
            "camera": info.camera,
            "simulated": info.simulated,
            "calibration": self.calibration,
            "package": self.package.name if self.package else None,
            "structures": list(self.structures),
            "unreliable_without_ratio": list(self.unreliable),
            "warnings": list(self.warnings),
        }


def make_plan(session: Session) -> Plan:
    """Open the source and check everything that can be checked before the run.

    Raises
    ------
    LivesrError
        The first thing that does not fit, with how to mend it. The source is closed again.
    """
    source = open_source(session, on_missing=_go_on)
    try:
        return _checked(session, source)
    except BaseException:
        source.close()
        raise


def _go_on(error: HardwareError) -> None:
    """Say that frames are missing; the recorder books them, and the session goes on."""
    log.warning("%s", error)


def _checked(session: Session, source: Source) -> Plan:
    info = source.info
    calibration, models = _calibration(session, info)
    if not session.segmentation.enabled:
        warnings = tuple(_channel_warnings(info, calibration, ()))
        return Plan(session, source, None, calibration, models, (), (), warnings)
    package = load_package(package_name(session, info))
    package.check_channels()
    _check_dims(package, info)
    structures = _structures(session, package)
    package.verify()
    tables(package.trust, structures)  # a damaged calibration is refused here
    working_engine(session.segmentation.engine)
    unreliable = () if len(info.channels) > 1 else _need_ratio(structures)
    warnings = (
        *_channel_warnings(info, calibration, unreliable),
        *_depth_warnings(info, package),
        *_trust_warnings(session, package, structures),
    )
    return Plan(session, source, package, calibration, models, structures, unreliable, warnings)


def package_name(session: Session, info: RecordingInfo) -> str:
    """Return the package that the session asks for; ``auto`` goes by the number of planes."""
    if session.segmentation.package != "auto":
        return session.segmentation.package
    return "ALL" if info.shape[1] > 1 else "ALL2D"


def _check_dims(package: Package, info: RecordingInfo) -> None:
    if package.dims == "3d" and info.shape[1] == 1:
        raise ConfigError(
            f"package {package.name} wants z-stacks, the session has one plane",
            where="segmentation.package",
            fix="use a 2-D package (ALL2D), or write 'package: auto'",
        )


def _calibration(session: Session, info: RecordingInfo) -> tuple[str, Mapping[int, ChromaticModel]]:
    """Return the name of the calibration that is applied, or none, and its models by channel."""
    if session.calibration == "none":
        return "none", {}
    profile = load_profile(session.calibration)
    profile.check(info, session.layout.kind)
    models = profile.models()
    applied = {number: models[name] for number, name in enumerate(info.channels) if name in models}
    return (profile.name if applied else "none"), applied


def _structures(session: Session, package: Package) -> tuple[str, ...]:
    """Return the structures to store, in the package's order."""
    if session.segmentation.structures == "all":
        return package.structures
    missing = [name for name in session.segmentation.chosen if name not in package.structures]
    if missing:
        raise ConfigError(
            f"package {package.name} does not give {', '.join(missing)}",
            where="segmentation.structures",
            fix=nearest(missing[0], package.structures),
        )
    return session.segmentation.chosen


def _channel_warnings(
    info: RecordingInfo, calibration: str, unreliable: tuple[str, ...]
) -> Iterator[str]:
    if len(info.channels) > 1 and calibration == "none":
        yield (
            "calibration: none. The channels are laid over each other as they are; membrane edges "
            "get a false ratio, and every output says so"
        )
    if unreliable:
        yield (
            "one channel only, so there is no ratio: the masks of "
            f"{', '.join(unreliable)} are marked as unreliable"
        )


def _depth_warnings(info: RecordingInfo, package: Package) -> Iterator[str]:
    depth = (info.shape[1] - 1) * info.z_step_um
    if package.dims == "3d" and depth < THIN_UM:
        yield (
            f"the stack is {depth:.1f} µm deep; {package.name} was trained on stacks of about 7 µm "
            "and knows thin ones poorly: nucleus, nuclear membrane and volumes may be wrong"
        )


def _trust_warnings(
    session: Session, package: Package, structures: tuple[str, ...]
) -> Iterator[str]:
    if Seen.of(package.trust) is None:
        yield (
            f"package {package.name} does not say what it was trained on: stacks that are unlike "
            "it are not flagged"
        )
    fitted = package.trust.get("probability") or {}
    missing = [name for name in structures if name not in fitted]
    if session.segmentation.probabilities and missing:
        of = ", ".join(missing) if fitted else "its probabilities"
        yield (
            f"package {package.name} has no calibration of {of}: they are stored as the network "
            "gives them"
        )


def _need_ratio(structures: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in structures if BY_NAME[name].from_ratio)
