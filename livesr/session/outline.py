"""What a session means, in lines for people: ``livesr run … --dry-run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from livesr.session import steered
from livesr.session.promise import promise_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.session.plan import Plan


def outline(plan: Plan, device: str = "") -> list[str]:
    """Return what a session would do.

    Parameters
    ----------
    plan : Plan
    device : str
        What the engine runs on.
    """
    return [*_recording(plan), *_light_path(plan), *_masks(plan, device), *_rest(plan)]


def _recording(plan: Plan) -> Iterator[str]:
    info = plan.info
    by = ", ".join(name for name in (info.microscope, info.camera) if name)
    yield f"{plan.session.name}{': ' if by else ''}{by}"
    _, planes, height, width = info.shape
    names = f" ({', '.join(info.position_names)})" if any(info.position_names) else ""
    yield (
        f"  {info.timepoints} time points every {info.interval_s:g} s, {info.positions} positions"
        f"{names}"
    )
    yield (
        f"  stacks of {planes} planes, {info.z_step_um:g} µm apart, {height} × {width} pixels of"
        f" {info.pixel_um:g} µm; channels {', '.join(info.channels)}"
    )
    for name, how in plan.beside().items():
        yield f"  {name} is recorded beside the networks' channels, registration: {how}"
    yield from (f"  {line}" for line in promise_of(plan).lines())


def _light_path(plan: Plan) -> Iterator[str]:
    yield f"calibration: {plan.calibration}"
    for name, one in plan.applies.items():
        errors = ", ".join(f"{value:.1f} nm {axis}" for axis, value in one.error_nm.items())
        yield (
            f"  {name}: expected error {errors}; {one.outside_hull:.0%} of the field outside what"
            " was measured"
        )
    followed = [plan.info.channels[c] for c in plan.followed]
    if followed:
        yield f"  followed from stack to stack: {', '.join(followed)}"
    yield f"camera correction: {plan.camera.name}"
    yield f"focus: {plan.session.focus.mode}"


def _masks(plan: Plan, device: str) -> Iterator[str]:
    if plan.networks is None:
        yield "masks: none"
        return
    yield f"masks: {len(plan.structures)} structures by {plan.networks.name}, {device}"
    if plan.unreliable:
        yield f"  unreliable without a ratio: {', '.join(plan.unreliable)}"
    validated = [name for name in plan.structures if plan.is_validated(name)]
    said = ", ".join(validated) or "nothing: accuracy on this microscope is unknown"
    yield f"  validated: {said}"


def _rest(plan: Plan) -> Iterator[str]:
    rules = steered.summary(plan)
    if rules:
        text = yaml.safe_dump(rules, sort_keys=False, allow_unicode=True)
        yield from text.rstrip().splitlines()
    yield from (f"warning: {warning}" for warning in plan.warnings)
