"""What a session with rules adds to one without: checked before the run, built when it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.acquisition.modes import plans_of
from livesr.acquisition.permission import why_not_act
from livesr.acquisition.schedule import Left
from livesr.analysis.rules.checks import check_rules, cost_of, worst
from livesr.errors import ConfigError
from livesr.session.deciding import Mind, Modes, stage_of
from livesr.session.steering import Steering

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from livesr.acquisition.images import Images
    from livesr.analysis.rules.checks import Cost
    from livesr.flow import StopToken
    from livesr.session.files import SessionFiles
    from livesr.session.past import Past
    from livesr.session.plan import Plan
    from livesr.session.room import Room

_EXPOSURE_MS = 50.0


def shadow_of(plan: Plan) -> str:
    """Return why the session's rules only say what they would do, empty if they act."""
    simulated = plan.info.simulated
    cannot = why_not_act(plan.session, simulated=simulated)
    return cannot or ("" if simulated else not_validated(plan))


def not_validated(plan: Plan) -> str:
    """Return why the masks that rules go by are not known to be good on this real microscope."""
    if any(plan.is_validated(name) for name in plan.structures):
        return ""
    return f"no record says that masks were validated on {plan.info.microscope or 'it'}"


def modes_of(plan: Plan) -> Modes:
    """Return how the session's rules record."""
    exposure: Any = plan.info.extra.get("exposure_ms") or _EXPOSURE_MS
    return Modes(plan.session, plans_of(plan.session), float(exposure), plan.stack_bytes())


def check(plan: Plan) -> None:
    """Refuse rules that cannot be followed.

    Raises
    ------
    ConfigError
        What does not fit, with how to mend it.
    """
    from livesr.analysis.cells import check_structures

    session = plan.session
    if not session.rules:
        return
    if plan.networks is None:
        raise ConfigError(
            "rules go by masks, but the session makes none",
            where="segmentation.enabled",
            fix="write enabled: true, or leave the rules out",
        )
    if plan.networks.first.dims != "3d":
        raise ConfigError(
            "rules go by whole cells, but the session has single planes",
            where="sequence.z_plan",
            fix="give the sequence a z plan, or leave the rules out",
        )
    check_structures(plan.structures)
    stage_of(session, plan.info)
    if session.recording is None:
        modes = modes_of(plan)
        check_rules(session.rules, modes.watched, modes.takings, session.dose, plan.info.timepoints)


def costs_of(plan: Plan) -> list[Cost]:
    """Return what each rule that records costs each time it acts, at most."""
    if plan.session.recording is not None:
        return []
    modes, session = modes_of(plan), plan.session
    length = plan.stack_plan.times_s[-1] + plan.info.interval_s
    pairs = zip(session.rules, modes.takings, strict=True)
    return [cost_of(rule, taking, length) for rule, taking in pairs if taking is not None]


def summary(plan: Plan) -> dict[str, object]:
    """Return what the rules mean, for ``--dry-run``."""
    session = plan.session
    if not session.rules:
        return {}
    costs = costs_of(plan)
    said: dict[str, object] = {
        "rules": [rule.name for rule in session.rules],
        "rules_act": not shadow_of(plan),
        "each_time": [cost.as_dict() for cost in costs],
    }
    if why := shadow_of(plan):
        said["rules_do_not_act"] = why
    if costs:
        length = plan.stack_plan.times_s[-1] + plan.info.interval_s
        watched = modes_of(plan).watched
        said["worst_case"] = {
            "watching_light_ms_a_position": round(1000 * watched.stack_s * plan.info.timepoints, 1),
            **worst(costs, session.pace, length),
        }
    return said


def steering_of(
    plan: Plan,
    files: SessionFiles,
    room: Room,
    *,
    note: Callable[..., None],
    stop: StopToken,
    light_ms: Callable[[int], float],
) -> Steering | None:
    """Return what decides in a session, None where it has no rules."""
    if not plan.session.rules or plan.networks is None:
        return None
    stage = stage_of(plan.session, plan.info)
    most = max((cost.disk_bytes for cost in costs_of(plan)), default=0)
    stacks = -(-most // room.stack)
    return Steering(
        Mind(plan.session, plan.info, stage, shadow_of(plan)),
        None if plan.session.recording is not None else modes_of(plan),
        files.images,
        note=note,
        stop=stop,
        light_ms=light_ms,
        obstacle=lambda: room.lacks(stacks),
        session=str(files.folder),
    )


def left_by(past: Past, images: Images, steering: Steering) -> Left | None:
    """Return where an interrupted session stood, once the rules have heard again what they heard.

    None where nothing was stored yet.
    """
    steering.recall(past.heard)
    if not past.stored:
        return None
    counts: dict[int, int] = {}
    last_s: dict[int, float] = {}
    for index in past.stored:
        position = images.position(index.image)
        counts[index.image] = max(counts.get(index.image, 0), index.t + 1)
        last_s[position] = max(last_s.get(position, 0.0), past.times_s[index])
    return Left(counts, last_s, steering.manners())
