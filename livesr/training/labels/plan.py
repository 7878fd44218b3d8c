"""The plan of a data set: which files hold what, and how each label is made.

Frozen models that refuse unknown keys; ``examples/label-plan.yaml`` explains every one of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from livesr.catalog import structure
from livesr.config.explain import describe, line_of, parse_yaml, place_of, ranked, spelling
from livesr.config.layouts import PRESETS, Layout
from livesr.errors import ConfigError, nearest
from livesr.plain import NotPlainError, read_text, there
from livesr.simulator.coloc import NILE_RED_SHARE
from livesr.training.labels.probe import GROWN_UM

EXAMPLE = "examples/label-plan.yaml shows every key"
REGISTERED = "registered"
_TAGS = frozenset({"splitter", "sequential", "cameras", "single", "int", "float", "str"})
_PATH_KEYS = frozenset({"image", "file", "channel", "calibration", "lipid_droplet", "foreground"})
_WORDS = frozenset({"none", "mask", "otsu", "triangle", REGISTERED})
"""Values that are never files."""
Positive = Annotated[float, Field(gt=0)]
Index = Annotated[int, Field(ge=0)]


class Model(BaseModel):
    """Base of every part of the plan: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MaskPlan(Model):
    """A mask that you have, for example drawn by hand."""

    file: Path
    label: Index | Literal["any"] | None = Field(
        None, description="which number is meant, of a file that holds several; any of them"
    )
    empty: bool = Field(False, description="an empty mask says that there is none")
    made: Literal["manual", "simulated"] = "manual"

    @model_validator(mode="before")
    @classmethod
    def _file_alone(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str | Path) else value


class ProbePlan(Model):
    """A label made from the image of a green probe."""

    channel: Index | Path | None = Field(
        None, description="the green channel: its number, or a file; default: the sample's"
    )
    r: float = Field(NILE_RED_SHARE, ge=0, le=1, description="share of yellow to subtract")
    foreground: float | str = Field(
        "FG", description="a package, otsu, triangle, or a number times the probe's brightness"
    )
    lipid_droplet: str = Field(
        "LD", description="what finds the droplets: a package, mask (the sample's), a file, none"
    )
    grow_um: float = Field(
        GROWN_UM, ge=0, le=2, description="by how much droplets are grown before that"
    )
    without: tuple[str, ...] = Field(
        (), description="masks of the sample that are cut out of the label: the probe shines there"
    )
    empty: bool = Field(False, description="an empty label says that there is none")


class Channels(Model):
    """Where in the image each colour is, from 0; by the file's names, or in this order."""

    yellow: Index | None = None
    red: Index | None = None
    green: Index | None = None


class SamplePlan(Model):
    """One stack."""

    name: str = Field(pattern=r"^\w[\w.-]*$", max_length=100)
    image: tuple[Path, ...] = Field(min_length=1, description="one file, or one a channel")
    channels: Channels = Channels()
    layout: Layout | None = Field(None, description="of an image splitter: a preset or rectangles")
    axes: str | None = Field(None, description="of a file that does not say, e.g. zyx")
    t: int = Field(0, ge=0, description="which stack of a time series")
    voxel_um: tuple[Positive, Positive, Positive] | None = Field(
        None, description="(z, y, x), if the file does not say, or says it wrongly"
    )
    offset: float = Field(100.0, ge=0, description="camera counts without light")
    calibration: str = Field(
        REGISTERED, description="a calibration of red and green against yellow, or registered"
    )
    masks: dict[str, MaskPlan] = Field(default_factory=dict)
    colocalisation: dict[str, ProbePlan] = Field(default_factory=dict)

    @field_validator("image", mode="before")
    @classmethod
    def _one_file(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("layout", mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in PRESETS:
                raise ValueError(f"no such layout preset {value!r}; {nearest(value, PRESETS)}")
            return PRESETS[value]
        return value

    @field_validator("masks", "colocalisation")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            try:
                structure(name)
            except ConfigError as error:
                raise ValueError(f"{error.what}: {error.fix}") from None
        return value

    @model_validator(mode="after")
    def _labelled_once(self) -> SamplePlan:
        twice = set(self.masks) & set(self.colocalisation)
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))}: labelled twice, by mask and by probe")
        if not self.masks and not self.colocalisation:
            raise ValueError("there are neither masks nor a colocalisation: nothing is known of it")
        for name, probe in self.colocalisation.items():
            droplets = ("lipid_droplet",) if probe.lipid_droplet == "mask" else ()
            for needed in (*droplets, *probe.without):
                if needed not in self.masks:
                    raise ValueError(f"{name}: the sample has no mask of {needed!r}")
        return self


class LabelPlan(Model):
    """All samples of a data set."""

    samples: tuple[SamplePlan, ...] = Field(min_length=1)

    @field_validator("samples")
    @classmethod
    def _distinct(cls, value: tuple[SamplePlan, ...]) -> tuple[SamplePlan, ...]:
        names = [sample.name for sample in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two samples are called {', '.join(twice)}")
        return value


def read_label_plan(path: Path) -> LabelPlan:
    """Read a plan; files in it are taken from the plan's folder.

    Raises
    ------
    ConfigError
        With file, line, value and the nearest spelling.
    """
    try:
        text = read_text(path)
    except (OSError, NotPlainError) as error:
        raise ConfigError(
            f"this plan cannot be read: {error}", where=str(path), fix=EXAMPLE
        ) from None
    node, raw = parse_yaml(text, path)
    try:
        return LabelPlan.model_validate(_beside(raw, path.parent.resolve()))
    except ValidationError as error:
        details = ranked(error)
        first = details[0]
        loc = place_of(first, _TAGS)
        line = line_of(node, loc)
        raise ConfigError(
            describe(details, "plan", _TAGS),
            where=f"{path}:{line}" if line else str(path),
            fix=spelling(loc, LabelPlan) if first["type"] == "extra_forbidden" else EXAMPLE,
        ) from None


def _beside(value: Any, folder: Path, key: str = "") -> Any:
    """Return the plan's values with files made absolute."""
    if isinstance(value, dict):
        inside = "file" if key == "masks" else ""
        return {k: _beside(v, folder, inside or str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_beside(one, folder, key) for one in value]
    if key in _PATH_KEYS and isinstance(value, str) and value not in _WORDS:
        return _file_or_name(value, folder, must=key in ("image", "file"))
    return value


def _file_or_name(value: str, folder: Path, *, must: bool) -> str:
    """Return a file beside the plan; a word that is no file there may name a package."""
    looks_like_path = "/" in value or "\\" in value or "." in value
    return str(folder / value) if must or looks_like_path or there(folder / value) else value
