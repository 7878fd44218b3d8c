"""What a session with these settings means: time, frames, disk, light, bleaching, keeping up.

Without a stack that was tried, the plan and the worst case speak; with one, what it took.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import exp, log
from typing import TYPE_CHECKING

from livesr.acquisition.layout import frames_per_plane
from livesr.acquisition.plan import StackPlan
from livesr.config.layouts import SingleLayout

if TYPE_CHECKING:
    from livesr.session.plan import Plan

ROWS_A_PLANE = 320
"""Bytes that a plane's rows and a stack's lines take once the tables are closed, about."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one stack took.

    Attributes
    ----------
    stack_s : float
        From its beginning to the end of its last exposure, on the microscope's clock.
    light_ms : float
        Light that it cost, ms of nominal power where the microscope says so, of exposure else.
    fixed_bytes, stack_bytes : int
        Of its session's folder: what any session takes, and what each stack adds.
    segment_s : float or None
        Seconds that its masks took, after it was stored.
    bleached : float or None
        Share of the light that it cost, where it was measured.
    """

    stack_s: float
    light_ms: float
    fixed_bytes: int
    stack_bytes: int
    segment_s: float | None = None
    bleached: float | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """What a session will take.

    Attributes
    ----------
    stacks, frames : int
    recording_s : float
        On the microscope's clock, from the first exposure to the end of the last one.
    disk_bytes : int
        Of the finished folder if a stack was tried, at most otherwise.
    light_ms : float
        Light on the sample, all positions together; per position ``light_per_position_ms``.
    measured : bool
        Whether a stack was tried.
    live_factor : float or None
        Seconds for a stack's masks over seconds until the next stack: below 1 it keeps up.
    masks_after_s : float or None
        Seconds after the last frame until every stack has its masks.
    bright_at_end : float or None
        Share of the light that is left at the end if the dye is not renewed.
    """

    stacks: int
    frames: int
    recording_s: float
    disk_bytes: int
    light_ms: float
    light_per_position_ms: float
    measured: bool
    live_factor: float | None = None
    masks_after_s: float | None = None
    bright_at_end: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        said = asdict(self)
        for name, value in said.items():
            if isinstance(value, float):
                said[name] = float(f"{value:.6g}")
        return said

    def lines(self) -> list[str]:
        """Return what people read."""
        at_most = "" if self.measured else " at most"
        lines = [
            f"{duration(self.recording_s)} of recording",
            f"{self.stacks} stacks, {self.frames} frames",
            f"{self.disk_bytes / 1e9:.2f} GB on disk{at_most}",
            f"{self.light_per_position_ms / 1000:.1f} s of light on each position",
        ]
        if self.bright_at_end is not None:
            lines.append(f"{self.bright_at_end:.0%} of the light left at the end, without new dye")
        if self.live_factor is not None:
            how = "keeps up" if self.live_factor <= 1 else "does not keep up"
            lines.append(f"segmentation {how}: live factor {self.live_factor:.2f}")
        if self.masks_after_s:
            lines.append(f"all masks {duration(self.masks_after_s)} after the last frame")
        return lines


def promise_of(plan: Plan, tried: Tried | None = None) -> Promise:
    """Return what a session will take.

    Parameters
    ----------
    plan : Plan
    tried : Tried, optional
        What one stack of it took.
    """
    info = plan.info
    frames = info.shape[1] * frames_per_plane(plan.session.layout)
    stack_s = tried.stack_s if tried else frames * _exposure_ms(plan) / 1000.0
    light_ms = tried.light_ms if tried else frames * _exposure_ms(plan)
    said = Promise(
        stacks=info.stacks,
        frames=info.stacks * frames,
        recording_s=recording_s(plan, stack_s),
        disk_bytes=_disk(plan, tried),
        light_ms=light_ms * info.stacks,
        light_per_position_ms=light_ms * info.timepoints,
        measured=tried is not None,
    )
    return said if tried is None else _with_masks(said, plan, tried)


def _with_masks(said: Promise, plan: Plan, tried: Tried) -> Promise:
    """Add what only a stack that was tried tells."""
    info = plan.info
    factor = after = left = None
    if tried.segment_s is not None:
        each_s = said.recording_s / info.stacks
        if info.stacks > 1:
            each_s = max(each_s, tried.stack_s)
        factor = tried.segment_s / max(each_s, 1e-6)
        done_live = min(info.stacks, 1 / factor * info.stacks)
        after = (info.stacks - done_live) * tried.segment_s + min(1.0, factor) * tried.segment_s
    if tried.bleached is not None:
        left = exp(log(max(1.0 - tried.bleached, 1e-6)) * info.timepoints)
    values = {name: getattr(said, name) for name in said.__slots__}
    return Promise(
        **values | {"live_factor": factor, "masks_after_s": after, "bright_at_end": left}
    )


def recording_s(plan: Plan, stack_s: float) -> float:
    """Return how long the recording takes on the microscope's clock if each stack takes as long.

    A stack that is late makes none of the others later, as the acquisition has it.
    """
    session = plan.session
    if session.recording is not None:
        own = session.recording.speed == "own"
        return plan.info.interval_s * (plan.info.timepoints - 1) if own else 0.0
    now, zero = 0.0, None
    # an event a stack is enough, and a night has a hundred thousand of planes
    whole = session.sequence.replace(z_plan=None, channels=())
    for stack in StackPlan(whole, SingleLayout(kind="single")).stacks():
        if zero is None or stack.restarts:
            zero = now - stack.start_s
        now = max(now, zero + stack.start_s) + stack_s
    return now


def _exposure_ms(plan: Plan) -> float:
    """Return the mean exposure of a stack's frames, as the plan or the camera has it."""
    camera = float(plan.info.extra.get("exposure_ms", 0.0))
    sequence = plan.stack_plan.sequence
    setup = sequence.setup.exposure if sequence.setup is not None else None
    given = [channel.exposure or setup or camera for channel in sequence.channels]
    return sum(given) / len(given) if given else float(setup or camera)


def _disk(plan: Plan, tried: Tried | None) -> int:
    if tried is None:
        return plan.disk_bytes()
    return tried.fixed_bytes + plan.info.stacks * tried.stack_bytes


def duration(seconds: float) -> str:
    """Return a time as people read it."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"{minutes:.1f} min"
    return f"{int(minutes // 60)} h {round(minutes % 60):02d} min"
