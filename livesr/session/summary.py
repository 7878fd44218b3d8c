"""What a session means, in words and numbers, before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.session import steered
from livesr.session.promise import promise_of

if TYPE_CHECKING:
    from livesr.session.plan import Plan


def summary_of(plan: Plan) -> dict[str, object]:
    """Return what the session means, for people and for ``--dry-run --json``."""
    info = plan.info
    stacks = info.stacks
    return {
        "name": plan.session.name,
        "stacks": stacks,
        "timepoints": info.timepoints,
        "positions": info.positions,
        "position_names": list(info.position_names),
        "focus": plan.session.focus.mode,
        "channels": list(info.channels),
        "channels_beside": plan.beside(),
        "stack_shape_czyx": list(info.shape),
        "pixel_um": info.pixel_um,
        "z_step_um": info.z_step_um,
        "interval_s": info.interval_s,
        "disk_gib": round(plan.disk_bytes() / 2**30, 3),
        "microscope": info.microscope,
        "camera": info.camera,
        "simulated": info.simulated,
        "calibration": plan.calibration,
        "calibration_measured": {name: one.as_dict() for name, one in plan.applies.items()},
        "camera_correction": plan.camera.as_dict(),
        "calibration_followed": [plan.info.channels[c] for c in plan.followed],
        "package": plan.networks.name if plan.networks else None,
        "structures": list(plan.structures),
        "engine": plan.engine or None,
        "engines_passed_over": dict(plan.passed_over),
        "unreliable_without_ratio": list(plan.unreliable),
        "validation": plan.session.validation,
        "validated": [name for name in plan.structures if plan.is_validated(name)],
        "promise": promise_of(plan).as_dict(),
        "warnings": list(plan.warnings),
        **steered.summary(plan),
    }
