"""What is measured of the masks, while the session runs and when it closes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from livesr.catalog import BY_NAME, NAMES
from livesr.errors import nearest

TRACKABLE = (
    "lipid_droplet", "golgi", "mitochondria", "peroxisome", "early_endosome", "late_endosome",
    "lysosome",
)  # fmt: skip
"""Structures whose objects are many and move."""


class Analysis(BaseModel):
    """What is measured of the masks: objects at once, tracks when the session closes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    objects: bool = Field(
        True, description="a row an object: number, volume, surface, place, light; objects.parquet"
    )
    structures: tuple[str, ...] | Literal["all"] = Field(
        "all", description="whose objects are measured; all is all but the extracellular space"
    )
    contacts: bool = Field(
        False, description="the 15 × 15 matrix of contacts of each stack; contacts.parquet"
    )
    shuffles: int = Field(
        0,
        ge=0,
        le=10_000,
        description="random places at which each object is tried to say how often it would touch "
        "by chance: 100 is enough, 0 for no enrichment (livesr measure can add it later)",
    )
    tracks: tuple[str, ...] = Field(
        (),
        description="structures whose objects are followed over time when the session closes, and "
        "cells; tracks.parquet",
    )

    @field_validator("structures", "tracks")
    @classmethod
    def _known(cls, value: tuple[str, ...] | str, info: object) -> tuple[str, ...] | str:
        if value == "all":
            return value
        known = (*TRACKABLE, "cell") if getattr(info, "field_name", "") == "tracks" else NAMES
        for name in value:
            if name not in known:
                raise ValueError(f"{_unknown(name)}; {nearest(name, known)}")
        return value

    @property
    def measured(self) -> tuple[str, ...]:
        """Names of the structures whose objects are measured."""
        if self.structures == "all":
            return tuple(name for name in NAMES if name != "extracellular")
        return tuple(self.structures)


def _unknown(name: str) -> str:
    if name in BY_NAME:
        return f"{name} has no objects that could be followed"
    return f"unknown structure {name!r}"
