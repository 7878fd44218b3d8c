"""What the API answers, as its OpenAPI page shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from livesr.daemon.state import State


class Fault(BaseModel):
    """What is wrong, where, and how to mend it."""

    error: str = Field(description="kind")
    what: str
    where: str = ""
    mend: str = ""


class Brief(BaseModel):
    """A session in a line."""

    name: str
    state: State
    begun: str = Field(description="when recording began, ISO 8601; empty: not yet")
    stored: int | None = Field(description="stacks on disk; null while it is under way")
    planned: int | None


class Picture(BaseModel):
    """One image of a session: a position or an acquisition mode."""

    name: str
    shape_tczyx: list[int]
    voxel_um: list[float] = Field(description="z, y, x")
    channels: list[str] = Field(description="what can be drawn: channels, intensity, ratio")
    structures: list[str] = Field(description="those that have masks")
    stored: int
    segmented: int
    newest_stored: int | None
    newest_segmented: int | None
    unreliable: list[str] = Field(description="structures told apart without the ratio they need")
    simulated: bool
    flagged: int = Field(description="stacks unlike what the networks were trained on")


class Status(Brief):
    """All about a session."""

    queue: int | None = Field(None, description="place in the queue, from 1")
    error: dict[str, Any] | None = Field(
        None, description="what ended it, or kept it from beginning"
    )
    segmented: int = 0
    waiting: int = Field(0, description="stacks without masks yet")
    failed: int = 0
    frames_lost: int = 0
    faults: int = 0
    fps: float | None = Field(None, description="frames a second over the last stacks")
    delay_s: float | None = Field(None, description="from last plane to masks on disk, s")
    paused: str = Field("", description="why no stack begins")
    engine: str = ""
    lines: int = Field(0, description="of the journal")
    images: list[Picture] = []
    free_bytes: int | None = Field(None, description="of the session's disk")
    report: bool = Field(False, description="whether there is a report.html")


class DaemonStatus(BaseModel):
    """The daemon."""

    livesr: str = Field(description="version")
    folder: str = Field(description="where sessions lie")
    free_bytes: int
    running: str | None = Field(description="the session that runs")
    queue: list[str]
    examples: list[str]
    files: list[str] = Field(description="session files in the data folder")
    presets: list[str]


class Lines(BaseModel):
    """Lines of a journal."""

    lines: list[dict[str, Any]] = Field(description="each with its number, from 1")
    last: int = Field(description="after, of the next call")


class Rows(BaseModel):
    """Rows of a table."""

    rows: list[dict[str, Any]]
    next: int = Field(description="after, of the next call")


class Started(BaseModel):
    """A session that was queued."""

    name: str
    state: State


class Stopping(BaseModel):
    """How to end."""

    now: bool = Field(False, description="at once, within a stack; otherwise after it")


class Words(BaseModel):
    """A note."""

    text: str = Field(min_length=1, max_length=2000)


class Done(BaseModel):
    """What was done."""

    name: str
    done: str
