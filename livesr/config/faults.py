"""What the session does when the hardware fails: one word for each kind of fault."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Policy = Literal["retry", "skip", "pause", "stop"]
"""Take the stack again; leave it, with its reason; wait in the dark and try again; end in order."""
PolicyOrWarning = Literal["warn", "retry", "skip", "pause", "stop"]
"""As `Policy`, or only journal it."""


class Faults(BaseModel):
    """What becomes of a stack in which the hardware fails: docs/faults.md has every outcome.

    ``retry`` that does not help becomes ``skip``, ``pause`` that does not help becomes ``stop``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    camera_stall: Policy = Field("retry", description="no frame came for `stall_after_s`")
    frame_lost: Policy = Field(
        "skip",
        description="frames of a stack never came; skip keeps the others, and spares the cells the "
        "light of a second try",
    )
    frame_repeated: PolicyOrWarning = Field(
        "warn", description="an image equals the one before it, bit for bit"
    )
    wrong_shape: Policy = Field("retry", description="an image has not the size of the others")
    stage_timeout: Policy = Field(
        "retry", description="a stage does not arrive in time, or refuses a move"
    )
    device_error: Policy = Field(
        "retry", description="another device fails: filter wheel, light source, trigger"
    )
    disconnect: Policy = Field(
        "pause", description="a device does not answer; it is initialised anew before each try"
    )
    focus_drift: PolicyOrWarning = Field(
        "warn", description="the focus lock let go, or autofocus failed"
    )
    retries: int = Field(2, ge=0, le=20, description="how often a stack is taken again")
    retry_pause_s: float = Field(
        5.0, gt=0, description="in the dark before each retry; pauses grow from it to five minutes"
    )
    pause_limit_min: float = Field(
        60.0, ge=0, description="pauses of one stack together, before the session ends in order"
    )
    give_up_after: int = Field(
        10, ge=1, description="stacks skipped in a row, before the session ends in order"
    )
    stall_after_s: float | None = Field(
        None,
        gt=0,
        description="patience with a triggered camera, beside five exposures; default 5 s, and "
        "300 s for the simulated microscope, which computes meanwhile",
    )
    hang_after_s: float | None = Field(
        None,
        ge=1,
        description="the program gives no sign of life while the light may be on: the supervisor "
        "ends it and switches the light off; default 10 s, and 300 s for the simulated microscope",
    )
