"""What a session will do, worked out and checked before the first photon."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING

from livesr.acquisition.next_stack import NextStack
from livesr.acquisition.plan import StackPlan
from livesr.acquisition.sources import open_source
from livesr.acquisition.troubles import Reports
from livesr.calibration.applicability import applicability, remarks
from livesr.calibration.matching import Matching
from livesr.calibration.profile import load_profile
from livesr.calibration.warp import target_grid
from livesr.catalog import BY_NAME
from livesr.channels import check_order
from livesr.errors import ConfigError
from livesr.focus.of_session import check_focus
from livesr.segmentation.networks import WHERE, Networks, choose_networks
from livesr.segmentation.segment import network_voxel
from livesr.session import steered
from livesr.session.camera import CameraUse, camera_use, camera_warnings
from livesr.session.planned_engine import engine_warnings, planned_engine
from livesr.session.promise import promise_of
from livesr.storage.space import space_beside, space_needed
from livesr.types import StackIndex
from livesr.validation.record import session_validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from livesr.acquisition.sources import Source
    from livesr.calibration.applicability import Applicability
    from livesr.calibration.warp import ChromaticModel
    from livesr.config import Session
    from livesr.types import RecordingInfo
    from livesr.validation.record import Validation

log = logging.getLogger(__name__)

TWO = 2
"""Channels that make a ratio."""
THIN_UM = 5.0
"""Simulated stacks of 3.3 µm lose a fourth of the nucleus' F1, those of 2.1 µm all of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked session: the source is open, the calibration fits, the package can do it.

    Attributes
    ----------
    applies : mapping of str to Applicability
        Where in field and depth each channel's calibration was measured; empty where it is known
        without measurement.
    unreliable : tuple of str
        Structures that are told apart by the ratio, in a session that has none.
    warnings : tuple of str
        What the session's user should know before it starts; kept in its log and journal.
    engine : str
        The best that works here of those asked for; empty without segmentation.
    matching : Matching or None
        Blur that gives the channels one width, if asked for.
    validation : Validation or None
        The record that the session quotes, which fits it.
    passed_over : mapping of str to str
        Better engines, and why each does not work here.
    camera : CameraUse
        The camera correction; `none` by default.
    reports : Reports
        Where the source tells of the hardware's faults; the run listens.
    next_stack : NextStack
        What the source asks before each stack; the run answers.
    """

    session: Session
    source: Source
    networks: Networks | None
    calibration: str
    models: Mapping[int, ChromaticModel]
    applies: Mapping[str, Applicability]
    unreliable: tuple[str, ...]
    warnings: tuple[str, ...]
    engine: str
    passed_over: Mapping[str, str]
    matching: Matching | None = None
    camera: CameraUse = field(default_factory=CameraUse)
    validation: Validation | None = None
    reports: Reports = field(default_factory=Reports)
    next_stack: NextStack = field(default_factory=NextStack)

    @property
    def played(self) -> bool:
        """Whether time stands still while nobody records: a recording, or the simulator."""
        return self.info.simulated or self.session.recording is not None

    @property
    def stack_plan(self) -> StackPlan:
        """The stacks that are to be taken, with their times."""
        return StackPlan(self.session.sequence, self.session.layout)

    @property
    def structures(self) -> tuple[str, ...]:
        """Those that get masks, in the order in which they are stored."""
        return self.networks.structures if self.networks else ()

    @property
    def followed(self) -> Mapping[int, ChromaticModel]:
        """The models of the channels whose offset is followed: of those that the networks see."""
        if not self.session.calibration_follow:
            return {}
        return {c: model for c, model in self.models.items() if 0 < c < self.info.seen}

    def beside(self) -> dict[str, str]:
        """Return the channels that no network sees, and how each is laid over yellow."""
        return {
            name: "registered" if c in self.models else "as recorded"
            for c, name in self.info.beside.items()
        }

    def is_validated(self, structure: str) -> bool:
        """Return whether a record says that this structure's masks are good on this microscope.

        Rules on real hardware act on no other structure.
        """
        return self.validation is not None and self.validation.is_validated(structure)

    @property
    def judged(self) -> bool:
        """Whether a package says what it was trained on, so that stacks are compared with it."""
        return self.networks is not None and self.networks.seen() is not None

    @property
    def info(self) -> RecordingInfo:
        """What the source says of itself."""
        return self.source.info

    def stacks(self) -> list[StackIndex]:
        """Return the stacks that are planned."""
        info = self.info
        return [StackIndex(p, t) for t in range(info.timepoints) for p in range(info.positions)]

    def disk_bytes(self) -> int:
        """Return the bytes that the session takes at most."""
        spool = self.session.storage.spool_slots * 2 * prod(self.info.tallest)
        return self.info.stacks * self.stack_bytes()[0] + spool

    def stack_bytes(self) -> list[int]:
        """Return the bytes that a stack of each mode takes at most."""
        one = [self.info.in_mode(k) for k in range(len(self.info.modes) + 1)]
        return [self._stack_bytes(replace(info, timepoints=1, positions=1)) for info in one]

    def _stack_bytes(self, info: RecordingInfo) -> int:
        grid, asked, count = info.grid, self.session.segmentation, len(self.structures)
        if self.networks is None:
            return space_needed(info, 0)
        network = target_grid(grid, network_voxel(self.networks.first, grid))
        masks = network if asked.grid == "network" else grid
        return space_needed(info, count, grid=masks) + space_beside(
            info,
            count,
            probability=network if asked.probabilities else None,
            masked=masks if asked.masked_images else None,
        )

    def summary(self) -> dict[str, object]:
        """Return what the session means, for people and for ``--dry-run --json``."""
        info = self.info
        stacks = info.stacks
        return {
            "name": self.session.name,
            "stacks": stacks,
            "timepoints": info.timepoints,
            "positions": info.positions,
            "position_names": list(info.position_names),
            "focus": self.session.focus.mode,
            "channels": list(info.channels),
            "channels_beside": self.beside(),
            "stack_shape_czyx": list(info.shape),
            "pixel_um": info.pixel_um,
            "z_step_um": info.z_step_um,
            "interval_s": info.interval_s,
            "disk_gib": round(self.disk_bytes() / 2**30, 3),
            "microscope": info.microscope,
            "camera": info.camera,
            "simulated": info.simulated,
            "calibration": self.calibration,
            "calibration_measured": {name: one.as_dict() for name, one in self.applies.items()},
            "camera_correction": self.camera.as_dict(),
            "calibration_followed": [self.info.channels[c] for c in self.followed],
            "package": self.networks.name if self.networks else None,
            "structures": list(self.structures),
            "engine": self.engine or None,
            "engines_passed_over": dict(self.passed_over),
            "unreliable_without_ratio": list(self.unreliable),
            "validation": self.session.validation,
            "validated": [name for name in self.structures if self.is_validated(name)],
            "promise": promise_of(self).as_dict(),
            "warnings": list(self.warnings),
            **steered.summary(self),
        }


def make_plan(session: Session, opened: Callable[[Reports], Source] | None = None) -> Plan:
    """Open the source and check everything that can be checked before the run.

    Parameters
    ----------
    session : Session
    opened : callable, optional
        Gives the source instead, and is told where its faults are reported: the preview's
        microscope is open already.

    Raises
    ------
    LivesrError
        The first thing that does not fit, with how to mend it. The source is closed again.
    """
    reports, next_stack = Reports(), NextStack()
    source = (
        opened(reports) if opened else open_source(session, on_fault=reports, next_stack=next_stack)
    )
    try:
        check_focus(session, source.info)
        plan = replace(plan_on(session, source), reports=reports, next_stack=next_stack)
        steered.check(plan)
    except BaseException:
        source.close()
        raise
    return plan


def plan_on(session: Session, source: Source) -> Plan:
    """Check a session against a source that is open already, and stays so.

    Raises
    ------
    LivesrError
        The first thing that does not fit, with how to mend it.
    """
    info = source.info
    check_order(info.channels, "layout.channels")
    calibration, models, applies = _calibration(session, info)
    camera = camera_use(session, info)
    hardware = session.recording is None and not info.simulated
    of_light = (*remarks(applies), *camera_warnings(camera, info, hardware=hardware))
    if not session.segmentation.enabled:
        warnings = (*_channel_warnings(info, calibration, models, ()), *of_light)
        return Plan(
            session, source, None, calibration, models, applies, (), warnings, "", {}, None, camera
        )
    asked = session.segmentation
    networks = choose_networks(
        package_names(session, info), None if asked.structures == "all" else asked.chosen
    )
    _check_dims(networks, info)
    networks.verify()
    networks.tables()  # a damaged calibration is refused here
    engine, passed_over = planned_engine(asked, networks)
    validation = session_validation(session.validation, info, networks)
    unreliable = () if info.seen == TWO else _need_ratio(networks.structures)
    warnings = (
        *_channel_warnings(info, calibration, models, unreliable),
        *of_light,
        *_depth_warnings(info, networks),
        *_trust_warnings(session, networks),
        *engine_warnings(asked, engine, passed_over),
        *(validation.remarks(session.calibration) if validation else ()),
    )
    return Plan(
        session,
        source,
        networks,
        calibration,
        models,
        applies,
        unreliable,
        warnings,
        engine,
        passed_over,
        _matching(session, info),
        camera,
        validation,
    )


def package_names(session: Session, info: RecordingInfo) -> tuple[str, ...]:
    """Return the packages that the session asks for; ``auto`` goes by the number of planes."""
    auto = "ALL" if info.shape[1] > 1 else "ALL2D"
    return tuple(auto if name == "auto" else name for name in session.segmentation.package)


def _check_dims(networks: Networks, info: RecordingInfo) -> None:
    if networks.first.dims == "3d" and info.shape[1] == 1:
        raise ConfigError(
            f"{networks.name} wants z-stacks, the session has one plane",
            where=WHERE,
            fix="use a 2-D package (ALL2D), or write 'package: auto'",
        )


def _calibration(
    session: Session, info: RecordingInfo
) -> tuple[str, Mapping[int, ChromaticModel], Mapping[str, Applicability]]:
    """Return the applied calibration's name, or none, its models, and where it was measured."""
    if session.calibration == "none":
        return "none", {}, {}
    profile = load_profile(session.calibration)
    profile.check(info, session.layout.kind)
    models = profile.models()
    applied = {number: models[name] for number, name in enumerate(info.channels) if name in models}
    if not applied:
        return "none", {}, {}
    return profile.name, applied, applicability(profile, info)


def _matching(session: Session, info: RecordingInfo) -> Matching | None:
    """Return the blur that gives the channels one width, if it is asked for."""
    if not session.segmentation.match_psf or info.seen < TWO:
        return None
    known = load_profile(session.calibration).psf if session.calibration != "none" else {}
    missing = [name for name in info.channels[:TWO] if name not in known]
    if missing:
        raise ConfigError(
            f"the calibration {session.calibration} does not know how wide"
            f" {' and '.join(missing)} images a point",
            where="segmentation.match_psf",
            fix="calibrate with beads (livesr calibrate), or leave match_psf out",
        )
    first, second = (known[name] for name in info.channels[:TWO])
    return Matching.of(first, second)


def _channel_warnings(
    info: RecordingInfo,
    calibration: str,
    models: Mapping[int, ChromaticModel],
    unreliable: tuple[str, ...],
) -> Iterator[str]:
    if len(info.channels) > 1 and calibration == "none":
        yield (
            "calibration: none. The channels are laid over each other as they are; membrane edges "
            "get a false ratio, and every output says so"
        )
    unknown = [name for c, name in info.beside.items() if c not in models]
    if unknown and calibration != "none":
        yield (
            f"the calibration {calibration} does not know {', '.join(unknown)}: laid over yellow "
            "as recorded, and every output says so"
        )
    if unreliable:
        yield (
            "one of the networks' two channels only, so there is no ratio: the masks of "
            f"{', '.join(unreliable)} are marked as unreliable"
        )


def _depth_warnings(info: RecordingInfo, networks: Networks) -> Iterator[str]:
    depth = (info.shape[1] - 1) * info.z_step_um
    if networks.first.dims == "3d" and depth < THIN_UM:
        yield (
            f"the stack is {depth:.1f} µm deep; {networks.name} was trained on stacks of about 7 "
            "µm and knows thin ones poorly: nucleus, nuclear membrane and volumes may be wrong"
        )


def _trust_warnings(session: Session, networks: Networks) -> Iterator[str]:
    if networks.seen() is None:
        yield (
            f"package {networks.name} does not say what it was trained on: stacks that are unlike "
            "it are not flagged"
        )
    missing = networks.uncalibrated
    if session.segmentation.probabilities and missing:
        of = "its probabilities" if len(missing) == len(networks.structures) else ", ".join(missing)
        yield (
            f"package {networks.name} has no calibration of {of}: they are stored as the network "
            "gives them"
        )


def _need_ratio(structures: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in structures if BY_NAME[name].from_ratio)
