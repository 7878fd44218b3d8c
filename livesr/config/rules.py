"""Rules of a session file: what the masks may change while it runs.

A rule is read like a sentence: *when* a cell is seen in a stage, *then* record it so, *until* it is
through. ``docs/rules.md`` explains it for people.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from livesr.errors import nearest

Stage = Literal["interphase", "prophase", "prometaphase", "metaphase", "anaphase", "telophase"]
STAGES: tuple[Stage, ...] = (
    "interphase",
    "prophase",
    "prometaphase",
    "metaphase",
    "anaphase",
    "telophase",
)
"""In the order of a division; after telophase comes interphase."""
Axis = Literal["+x", "-x", "+y", "-y"]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


class When(_Model):
    """What a cell must be seen to do."""

    stage: tuple[Stage, ...] = Field(
        min_length=1, description="a stage of mitosis, or a list of them: any of these"
    )
    probability: float = Field(0.9, gt=0, le=1, description="of that stage, at least")
    stacks: int = Field(2, ge=1, le=100, description="stacks one after the other that show it")
    lasts_min: float = Field(
        0.0, ge=0, le=10_000, description="minutes that the stage lasted already, at least"
    )

    @field_validator("stage", mode="before")
    @classmethod
    def _one_stage(cls, value: Any) -> Any:
        given = (value,) if isinstance(value, str) else value
        for name in given if isinstance(given, (list, tuple)) else ():
            if name not in STAGES:
                raise ValueError(f"there is no stage {name!r}; {nearest(str(name), STAGES)}")
        return given


class Then(_Model):
    """What is done: another way of recording, a word, a script, the end."""

    interval_s: float | None = Field(None, gt=0, le=1e6, description="from stack to stack")
    z_range_um: float | None = Field(
        None, gt=0, le=200, description="height of the stacks; their step stays"
    )
    center: Literal["cell"] | None = Field(
        None, description="cell: move the stage so that the cell is in the middle of the field"
    )
    notify: bool = Field(False, description="say so: on the screen, in the log and the journal")
    stop: bool = Field(False, description="end the session after the present stack")
    run: tuple[str, ...] = Field(
        (), description="a program and its arguments; no shell. LIVESR_RULE, LIVESR_CELL, "
        "LIVESR_CAUSE and LIVESR_SESSION are in its environment",
    )  # fmt: skip

    @property
    def records(self) -> bool:
        """Whether it changes how a position is recorded."""
        return bool(self.interval_s or self.z_range_um or self.center)

    @model_validator(mode="after")
    def _something(self) -> Then:
        if not (self.records or self.notify or self.stop or self.run):
            raise ValueError(
                "nothing would be done: give interval_s, z_range_um, center, notify, stop or run"
            )
        return self


class Until(_Model):
    """When the position is watched again as before."""

    stage: Stage | None = Field(
        None, description="once the cell, or what it became, is in this stage or further"
    )
    plus_min: float = Field(0.0, ge=0, le=10_000, description="and so many minutes later")
    at_most_min: float = Field(
        120.0, gt=0, le=10_000, description="in any case so many minutes after the rule began"
    )


class Rule(_Model):
    """When a cell does something, then record it so, until it is through."""

    name: str = Field(min_length=1, max_length=100)
    when: When
    then: Then
    until: Until | None = None
    others: Literal["auto", "keep", "pause"] = Field(
        "auto",
        description="the other positions meanwhile: keep watches them as before, pause waits; auto "
        "keeps them if there is time between two stacks",
    )

    @property
    def ends(self) -> Until:
        """When it ends; a rule that says nothing of it ends after two hours."""
        return self.until or Until()

    @model_validator(mode="after")
    def _until_fits(self) -> Rule:
        if self.until and not self.then.records:
            raise ValueError("until belongs to rules that record: interval_s, z_range_um, center")
        last = self.until.stage if self.until else None
        begins = [STAGES.index(stage) for stage in self.when.stage]
        if last and last != "interphase" and STAGES.index(last) < min(begins):
            raise ValueError(f"until {last} comes before {self.when.stage[0]} in a division")
        return self


class Dose(_Model):
    """Light that rules may spend, and what is told of its harm."""

    budget_ms: float | None = Field(
        None,
        gt=0,
        le=1e12,
        description="exposure that a position may get in the session, ms; beyond it rules record "
        "nothing there, it is only watched",
    )
    bleached_to: float = Field(
        0.5, ge=0, lt=1, description="told once the cells' brightness falls below this share"
    )
    long_metaphase_min: float = Field(
        60.0, gt=0, le=10_000, description="told of a metaphase that lasts so long: light may harm"
    )


class Pace(_Model):
    """How often rules may change their mind, and how far they may move."""

    changes_per_hour: int = Field(12, ge=1, le=1000, description="of all positions together")
    stay_stacks: int = Field(
        3, ge=1, le=1000, description="stacks that a way of recording holds at least"
    )
    lost_stacks: int = Field(
        5, ge=1, le=1000, description="stacks without the cell after which it is given up"
    )
    margin_um: float = Field(1.0, ge=0, le=50, description="room below the cell and above it")
    farthest_um: float = Field(
        60.0, gt=0, le=10_000, description="from its place in the sequence, sideways"
    )
    image_right: Axis | None = Field(
        None,
        description="where the stage's position goes when what lies to the right in the image "
        "shall come to its middle; default: what the .cfg says (PixelSizeAffine)",
    )
    image_down: Axis | None = Field(None, description="the same for what lies further down")

    @model_validator(mode="after")
    def _both_axes(self) -> Pace:
        right, down = self.image_right, self.image_down
        if (right is None) != (down is None):
            raise ValueError("give both image_right and image_down, or none")
        if right and down and right[1] == down[1]:
            raise ValueError("image_right and image_down are the same axis of the stage")
        return self
