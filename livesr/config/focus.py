"""What holds the focus over a session: nothing, the microscope's own device, or the images."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Focus(BaseModel):
    """How drift of the focus is met: docs/focus.md."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    mode: Literal["none", "device", "image"] = Field(
        "none",
        description="device: the microscope's focus lock (such as Nikon's PFS) is on while "
        "recording; image: each stack is compared with the first ones and the next is shifted",
    )
    device_offset: float | None = Field(
        None, description="of the focus lock, in its own unit, set before the first stack"
    )
    planes: tuple[int, int] | None = Field(
        None, description="first and last plane that image looks at; default: all"
    )
    max_step_um: float = Field(
        1.0, gt=0, le=20, description="furthest that image moves from one stack to the next"
    )
    max_total_um: float = Field(10.0, gt=0, le=200, description="furthest that image moves at all")

    @field_validator("planes")
    @classmethod
    def _in_order(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not 0 <= value[0] < value[1]:
            raise ValueError("name the first and the last plane, counted from 0, lowest first")
        return value
