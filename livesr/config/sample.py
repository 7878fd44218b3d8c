"""What is recorded, and by whom: kept with the data, and in the names of session folders."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Sample(BaseModel):
    """The sample's metadata."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, coerce_numbers_to_str=True
    )

    sample: str = Field("", max_length=200, description="what it is: cells, treatment, passage")
    well: str = Field("", max_length=40, description="well or dish")
    operator: str = Field("", max_length=200, description="who records")
    notes: str = Field("", max_length=10_000, description="anything else")
