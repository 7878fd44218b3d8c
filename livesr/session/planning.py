"""A session is worked out and checked before the first photon."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from livesr.acquisition.next_stack import NextStack
from livesr.acquisition.sources import open_source
from livesr.acquisition.troubles import Reports
from livesr.calibration.applicability import applicability, remarks
from livesr.calibration.matching import Matching
from livesr.calibration.profile import load_profile
from livesr.catalog import BY_NAME
from livesr.channels import check_order
from livesr.errors import ConfigError
from livesr.focus.of_session import check_focus
from livesr.segmentation.networks import WHERE, Networks, choose_networks
from livesr.session import steered
from livesr.session.camera import camera_use, camera_warnings
from livesr.session.plan import Plan
from livesr.session.planned_engine import engine_warnings, planned_engine
from livesr.validation.record import session_validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from livesr.acquisition.sources import Source
    from livesr.calibration.applicability import Applicability
    from livesr.calibration.warp import ChromaticModel
    from livesr.config import Session
    from livesr.types import RecordingInfo

TWO = 2
"""Channels that make a ratio."""
THIN_UM = 5.0
"""Simulated stacks of 3.3 µm lose a fourth of the nucleus' F1, those of 2.1 µm all of it."""


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
