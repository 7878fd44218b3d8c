"""What a model package says of itself: ``rdf.yaml``, a bioimage.io model description.

The fields that everyone reads (licence, documentation, weights, axes) are bioimage.io's, version
0.5; what livesr needs to run the network stands under ``config.livesr``. Only these are read here,
with no other library, because a session must begin quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from livesr.calibration.datafile import Record, read_record
from livesr.catalog import NAMES, Activation
from livesr.errors import ModelError, nearest

if TYPE_CHECKING:
    from pathlib import Path

FILE = "rdf.yaml"
README = "README.md"
MEND = "fetch the package again, or train it again: livesr train"
CELLS = ("intensity", "ratio")
"""What the networks of organelles see."""
GIVES: dict[tuple[str, ...], tuple[str, ...]] = {
    CELLS: NAMES,
    ("colocalisation",): ("foreground",),
}
"""Structures that a package may give, by what it sees; FG-net sees one colocalisation channel."""

Positive = Annotated[float, Field(gt=0)]
Halo = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*\.(onnx|safetensors|npy)$")]
Count = Annotated[int, Field(ge=0)]


class Head(Record):
    """Outputs that stem from one of the paper's networks."""

    network: str
    structures: tuple[str, ...]
    activation: Activation
    background: bool = True


class Input(Record):
    """What the networks see.

    Attributes
    ----------
    channels : tuple of str
        Intensity and ratio, or one colocalisation channel.
    voxel_um : tuple of float
        (z, y, x), µm; a 2-D package ignores z.
    z_multiple, xy_multiple : int
        What the sizes of an input must be multiples of.
    halo : tuple of int
        Voxels (z, y, x) around a window that its inner part depends on: the receptive field.
    """

    channels: tuple[str, ...]
    voxel_um: tuple[Positive, Positive, Positive]
    z_multiple: int = Field(ge=1)
    xy_multiple: int = Field(ge=1)
    halo: tuple[Halo, Halo, Halo]

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.channels not in GIVES:
            known = " or ".join(str(list(channels)) for channels in GIVES)
            raise ValueError(f"channels are {list(self.channels)}, not {known}")
        return self


class File(Record):
    """A file beside ``rdf.yaml``, never elsewhere."""

    file: FileName
    sha256: Sha256
    bytes: Count | None = None


class Livesr(Record):
    """Content of ``config.livesr``.

    Attributes
    ----------
    architecture : dict
        Values of `livesr.segmentation.network.unet.Architecture`: the network that fits the
        safetensors.
    thresholds : dict
        Probability from which on a voxel belongs to a structure.
    bytes : dict
        Sizes of the files.
    trust : dict
        What calibrates probabilities, and what the training stacks look like.
    test : dict
        How the test input was made.
    """

    format: Literal[1]
    name: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")
    dims: Literal["2d", "3d"]
    structures: tuple[str, ...] = Field(min_length=1)
    heads: tuple[Head, ...]
    input: Input
    thresholds: dict[str, Annotated[float, Field(gt=0, lt=1)]]
    architecture: dict[str, Any] = Field(default_factory=dict)
    bytes: dict[str, Count] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    scores: dict[str, Any] = Field(default_factory=dict)
    trust: dict[str, Any] = Field(default_factory=dict)
    test: dict[str, Any] = Field(default_factory=dict)
    honest_words: str

    @field_validator("trust", "scores")
    @classmethod
    def _by_name(cls, value: dict[str, Any]) -> dict[str, Any]:
        for part in ("probability", "seen", "structures"):
            if not isinstance(value.get(part) or {}, dict):
                raise ValueError(f"{part} is {value[part]!r:.60}, no mapping")  # noqa: TRY004 - pydantic's
        for name, scores in (value.get("structures") or {}).items():
            f1 = (scores or {}).get("f1", 0.0) if isinstance(scores or {}, dict) else ""
            if not isinstance(f1, int | float | None):
                raise ValueError(f"the scores of {name} are {scores!r:.60}")  # noqa: TRY004 - pydantic's
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = GIVES[self.input.channels]
        for name in self.structures:
            if name not in known:
                raise ValueError(f"unknown structure {name!r}: {nearest(name, known)}")
        if len(set(self.structures)) < len(self.structures):
            raise ValueError("a structure is named twice")
        told = tuple(name for head in self.heads for name in head.structures)
        if self.structures != told:
            raise ValueError(
                f"the heads give {len(told)} structures ({', '.join(told)}), the package "
                f"{len(self.structures)} ({', '.join(self.structures)}): not the same in one order"
            )
        if set(self.thresholds) != set(self.structures):
            raise ValueError("there is not one threshold for each structure")
        return self

    def f1(self, structure: str) -> float | None:
        """Return a structure's F1 of the scores that the package carries, if it does."""
        of_structure = (self.scores.get("structures") or {}).get(structure) or {}
        value = of_structure.get("f1")
        return None if value is None else float(value)


class Description(Livesr):
    """All that livesr reads of a package.

    Attributes
    ----------
    weights : File
        The ONNX graph that engines run.
    safetensors : File, optional
        The network before batch normalisation was folded: what further training starts from.
    test_input, test_output : File, optional
        Features, and the probabilities that the network must give for them.
    """

    description: str
    license: str
    weights: File
    safetensors: File | None = None
    test_input: File | None = None
    test_output: File | None = None


class _Rdf(BaseModel):
    """Base of bioimage.io's own fields, of which livesr reads a few."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Source(_Rdf):
    source: FileName
    sha256: Sha256


class _Weights(_Rdf):
    onnx: _Source


class _Tensor(_Rdf):
    test_tensor: _Source


class _Config(_Rdf):
    livesr: Livesr


class _Model(_Rdf):
    """The part of a bioimage.io model description that livesr reads."""

    type: Literal["model"]
    format_version: str = Field(pattern=r"^0\.5\.\d+$")
    description: str = ""
    license: str
    inputs: tuple[_Tensor]
    outputs: tuple[_Tensor]
    weights: _Weights
    attachments: tuple[_Source]
    config: _Config


def read_description(path: Path) -> Description:
    """Read ``rdf.yaml``.

    Raises
    ------
    ModelError
        If it is damaged or not of this program's kind.
    """
    rdf = read_record(path, _Model, ModelError, MEND)
    livesr = rdf.config.livesr

    def file(said: _Source) -> File:
        return File(file=said.source, sha256=said.sha256, bytes=livesr.bytes.get(said.source))

    return Description(
        **dict(livesr),
        description=rdf.description,
        license=rdf.license,
        weights=file(rdf.weights.onnx),
        safetensors=file(rdf.attachments[0]),
        test_input=file(rdf.inputs[0].test_tensor),
        test_output=file(rdf.outputs[0].test_tensor),
    )
