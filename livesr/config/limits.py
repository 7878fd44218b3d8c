"""Where the stages of a session may go."""

from __future__ import annotations

from math import isfinite
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from livesr.errors import ConfigError

_ROUNDING_UM = 1e-6


def _ascending(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError(f"give the lower limit first: [{limits[1]:g}, {limits[0]:g}]")
    return limits


Range = Annotated[tuple[float, float], AfterValidator(_ascending)]
"""Lowest and highest, µm."""


class Limits(BaseModel):
    """Limits of stage and objective; what is left out has none but the device's own.

    Everything that moves a stage asks `check` (or `refusal`) first: the plan before the first
    photon, the engine before each move, and whoever else makes places: rules, positions, preview.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    x_um: Range | None = Field(None, description="[lowest, highest] of the stage's x")
    y_um: Range | None = Field(None, description="[lowest, highest] of the stage's y")
    z_um: Range | None = Field(
        None, description="[lowest, highest] of the focus drive: keeps the objective off the glass"
    )
    z_move_um: float | None = Field(
        None, gt=0, description="longest single move of the focus drive"
    )

    def refusal(
        self,
        x_um: float | None = None,
        y_um: float | None = None,
        z_um: float | None = None,
        *,
        from_z_um: float | None = None,
    ) -> str:
        """Return why a place is not allowed, or an empty string.

        Parameters
        ----------
        x_um, y_um, z_um : float, optional
            Where the stages are to go, µm; None: that one does not move.
        from_z_um : float, optional
            Where the focus drive comes from; without it the length of its move is not judged.
        """
        places = (("x", x_um, self.x_um), ("y", y_um, self.y_um), ("z", z_um, self.z_um))
        for axis, place, limits in places:
            if place is None:
                continue
            if not isfinite(place):
                return f"{axis} = {place:g} µm is no place"
            if limits and not limits[0] - _ROUNDING_UM <= place <= limits[1] + _ROUNDING_UM:
                return (
                    f"{axis} = {place:g} µm is outside the session's limits, {limits[0]:g} to "
                    f"{limits[1]:g} µm"
                )
        if self.z_move_um is None or z_um is None or from_z_um is None:
            return ""
        if abs(z_um - from_z_um) <= self.z_move_um + _ROUNDING_UM:
            return ""
        return (
            f"a move from z = {from_z_um:g} to {z_um:g} µm is longer than the session allows, "
            f"{self.z_move_um:g} µm"
        )

    def check(
        self,
        x_um: float | None = None,
        y_um: float | None = None,
        z_um: float | None = None,
        *,
        from_z_um: float | None = None,
        where: str = "",
    ) -> None:
        """Refuse a place; the arguments are those of `refusal`, ``where`` says who wants it.

        Raises
        ------
        ConfigError
            If a stage must not go there.
        """
        if reason := self.refusal(x_um, y_um, z_um, from_z_um=from_z_um):
            raise ConfigError(
                f"{reason}; nothing was moved",
                where=where or "limits",
                fix="choose a place within limits, or widen limits in the session file if the "
                "stage, the sample holder and the objective are safe there",
            )
