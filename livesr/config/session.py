"""The session file: everything that one time-lapse is told, with its defaults.

Frozen models that refuse unknown keys. `livesr init` writes a commented file of this form;
reading and its errors are in `livesr.config.reading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import useq
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from livesr.catalog import NAMES, structure
from livesr.config.analysis import Analysis
from livesr.config.extent import refuse_endless
from livesr.config.faults import Faults
from livesr.config.focus import Focus
from livesr.config.layouts import PRESETS, Layout, SingleLayout
from livesr.config.limits import Limits
from livesr.config.remote import Remote, with_address
from livesr.config.rules import Dose, Pace, Rule
from livesr.config.sample import Sample
from livesr.errors import ConfigError, nearest

FULL = 65535
"""Counts of a full pixel."""


class Model(BaseModel):
    """Base of every part of the session file: frozen, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


class Microscope(Model):
    """What takes the pictures: a Micro-Manager configuration and what it cannot say of itself."""

    config: str = Field(
        "simulated",
        description="Micro-Manager .cfg; 'simulated' is the simulated microscope, 'demo' "
        "Micro-Manager's own demonstration devices",
    )
    properties: dict[str, dict[str, str | float | int]] = Field(
        default_factory=dict,
        description="device properties set after loading, {device: {property: value}}",
    )
    presets: dict[str, str] = Field(
        default_factory=dict, description="configuration presets set after loading, {group: preset}"
    )
    name: str = Field("", description="identity of the stand, compared with the calibration's")
    camera: str = Field("", description="identity of the camera; default: what the device says")
    objective: str = Field("", description="objective in use, compared with the calibration's")
    camera_offset: float = Field(100.0, ge=0, le=FULL, description="camera counts without light")
    pixel_um: float | None = Field(
        None, gt=0, le=1e3, description="pixel size in µm, only if the .cfg has none"
    )
    light: Literal["configured", "gated", "shutter"] = Field(
        "configured",
        description="shutter: opened for each exposure or triggered stack; gated: the camera gates "
        "the source, the shutter stays open within a stack; configured: as the .cfg's AutoShutter "
        "says",
    )
    light_off: dict[str, dict[str, str | float | int]] = Field(
        default_factory=dict,
        description="what is set, beside closing every shutter, when the light goes off, "
        "{device: {property: value}}",
    )


class RecordedInput(Model):
    """A recording played through the same loop in the microscope's place."""

    paths: tuple[Path, ...] = Field(
        min_length=1, description="OME-TIFF, OME-Zarr, or one TIFF a channel"
    )
    axes: str | None = Field(
        None, description="axis order of the file if it does not say, e.g. TZYX"
    )
    pixel_um: float | None = Field(None, gt=0, le=1e3)
    z_step_um: float | None = Field(None, gt=0, le=1e3)
    interval_s: float | None = Field(None, ge=0, le=1e7)
    speed: Literal["own", "full"] = Field(
        "full", description="play at its own interval, or at once"
    )
    camera_offset: float = Field(0.0, ge=0, le=FULL, description="camera counts without light")
    name: str = Field("", description="microscope it was taken on, compared with the calibration's")
    camera: str = ""
    objective: str = ""

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path) else value


class Segmentation(Model):
    """Which masks are made, by what, and what happens when it cannot keep up."""

    enabled: bool = True
    package: tuple[str, ...] = Field(
        ("auto",),
        min_length=1,
        description="a folder, a name in models/, auto (ALL, or ALL2D for one plane), ten (the "
        "paper's ten networks), or a list of them: the first that knows a structure gives it",
    )
    structures: tuple[str, ...] | Literal["all"] = "all"
    engine: str = Field(
        "auto",
        description="auto takes the best engine that works here and says which; remote, or "
        "remote:host:8001, is a server's",
    )
    remote: Remote | None = Field(None, description="the server of engine remote")
    precision: Literal["auto", "f32", "bf16", "f16"] = Field(
        "auto",
        description="auto is what is fastest here without changing masks visibly: bf16 where the "
        "CPU computes it, f16 on cards",
    )
    threads: int | None = Field(None, ge=1, le=4096, description="CPU threads; default: all")
    policy: Literal["every", "latest"] = Field(
        "latest",
        description="which waiting stack is segmented next while recording: latest, or every (the "
        "oldest first); what had to be passed over is segmented after the last frame",
    )
    grid: Literal["camera", "network"] = Field(
        "camera", description="grid that masks are stored on"
    )
    catch_up: bool = Field(
        True, description="segment after the last frame what was not segmented live"
    )
    match_psf: bool = Field(
        False,
        description="blur the sharper channel to the other's width before they are divided; needs "
        "a calibration that knows the widths. The shipped networks were not trained so",
    )
    probabilities: bool = Field(
        False,
        description="store each structure's calibrated probability, times 255, on the networks' "
        "grid: probability.ome.zarr",
    )
    masked_images: bool = Field(
        False,
        description="store each structure's mask × intensity, on the masks' grid: masked.ome.zarr",
    )

    @model_validator(mode="before")
    @classmethod
    def _address(cls, value: Any) -> Any:
        return with_address(value)

    @model_validator(mode="after")
    def _has_server(self) -> Segmentation:
        if self.engine == "remote" and self.remote is None:
            raise ValueError("engine remote needs a server: write remote: {url: host:8001}")
        return self

    @field_validator("package", mode="before")
    @classmethod
    def _one_package(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("structures")
    @classmethod
    def _known(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        if value != "all":
            if not value or len(set(value)) < len(value):
                raise ValueError("name each structure once, or write all; enabled: false for none")
            for name in value:
                try:
                    structure(name)
                except ConfigError as error:
                    raise ValueError(f"{error.what}: {error.fix}") from None
        return value

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the structures to store."""
        return NAMES if self.structures == "all" else tuple(self.structures)


class Storage(Model):
    """How the session folder is written."""

    spool_slots: int = Field(
        4, ge=2, le=64, description="stacks that may wait between camera and OME-Zarr"
    )
    keep_free_gib: float = Field(
        0.5, ge=0, le=1e9, description="disk space left free: no stack begins that would need it"
    )
    report: bool = Field(
        True,
        description="report.html once the session has ended, by a process of its own that nobody "
        "waits for (livesr report writes it at any time)",
    )
    wait_for_room_min: float = Field(
        60.0,
        ge=0,
        le=10_000,
        description="minutes that a session without room pauses before it ends in order",
    )


class Session(Model):
    """One time-lapse."""

    name: str = Field(
        "session",
        description="of the session and its folder; {sample}, {well}, {operator}, {date}, {time} "
        "and {counter} stand for what they say",
    )
    sample: Sample = Sample()
    microscope: Microscope = Microscope()
    recording: RecordedInput | None = None
    layout: Layout = SingleLayout(kind="single")
    sequence: useq.MDASequence = useq.MDASequence()
    calibration: str = Field(
        description="a file, a name in calibration/, or none: every output then says so"
    )
    calibration_follow: bool = Field(
        True,
        description="re-estimate the channels' translation from the cells of each stack and follow "
        "it slowly: it drifts from day to day, the field's shape does not",
    )
    camera_correction: str = Field(
        "none",
        description="a file, a name in calibration/, or none: offset, response and hot pixels of "
        "the camera and each channel's flat field (livesr calibrate --dark --flat)",
    )
    validation: str = Field(
        "none",
        description="record of livesr validate: what was checked on this microscope; rules on real "
        "hardware only notify without it",
    )
    segmentation: Segmentation = Segmentation()
    analysis: Analysis = Analysis()
    storage: Storage = Storage()
    limits: Limits = Limits()
    faults: Faults = Faults()
    focus: Focus = Focus()
    rules: tuple[Rule, ...] = Field(
        (), description="what the masks may change while the session runs: docs/rules.md"
    )
    act: bool | Literal["auto"] = Field(
        "auto",
        description="whether rules act or only say what they would do. auto: they act on the "
        "simulated microscope; on a real one true acts once its masks were validated",
    )
    dose: Dose = Dose()
    pace: Pace = Pace()
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="kept with the data, not read"
    )

    @field_validator("layout", mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in PRESETS:
                raise ValueError(f"no such layout preset {value!r}; {nearest(value, PRESETS)}")
            return PRESETS[value]
        return value

    @field_validator("rules")
    @classmethod
    def _one_name_each(cls, value: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two rules are named {name!r}")
        return value

    @field_validator("sequence", mode="wrap")
    @classmethod
    def _sequence_keys(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> useq.MDASequence:
        try:
            sequence: useq.MDASequence = validate(value)
            _refuse_unknown(value, sequence, "")
            refuse_endless(sequence)
        except (TypeError, ArithmeticError, AttributeError, LookupError) as error:
            raise ValueError(f"no useq sequence: {error}") from None
        return sequence

    @model_validator(mode="after")
    def _one_source(self) -> Session:
        if self.recording is not None and "microscope" in self.model_fields_set:
            raise ValueError("a session has either a microscope or a recording: remove one of them")
        return self


def _refuse_unknown(given: Any, model: object, where: str) -> None:
    """Refuse keys that useq would drop without a word (a typing error in a plan)."""
    if isinstance(given, Mapping) and isinstance(model, BaseModel):
        known = type(model).model_fields
        for key, value in given.items():
            if key not in known:
                raise ValueError(f"unknown key {where}{key!r}; {nearest(str(key), known)}")
            _refuse_unknown(value, getattr(model, key), f"{where}{key}.")
    elif isinstance(given, list | tuple) and isinstance(model, list | tuple):
        for number, (one, its_model) in enumerate(zip(given, model, strict=False)):
            _refuse_unknown(one, its_model, f"{where}{number}.")
