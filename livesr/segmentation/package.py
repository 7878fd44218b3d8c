"""A model package: weights and everything that has to be known to use them, in one folder.

``package.yaml`` describes, the weights file (ONNX, or OpenVINO's XML) computes: input ``features``
float32 (1, 2, z, y, x), output ``probability`` uint8 (1, K, z, y, x) = round(255 p).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from livesr.calibration.datafile import Record, read_record
from livesr.catalog import NAMES, Activation
from livesr.data import data_folder
from livesr.errors import ModelError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = "package.yaml"
MEND = "fetch the package again, or export it again: livesr models export"
Positive = Annotated[float, Field(gt=0)]
Halo = Annotated[int, Field(ge=0)]


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
    voxel_um : tuple of float
        (z, y, x), µm; a 2-D package ignores z.
    z_multiple, xy_multiple : int
        What the sizes of an input must be multiples of.
    halo : tuple of int
        Voxels (z, y, x) around a window that its inner part depends on: the receptive field.
    """

    channels: tuple[Literal["intensity"], Literal["ratio"]]
    voxel_um: tuple[Positive, Positive, Positive]
    z_multiple: int = Field(ge=1)
    xy_multiple: int = Field(ge=1)
    halo: tuple[Halo, Halo, Halo]


class Weights(Record):
    """The file beside ``package.yaml`` that holds the network."""

    file: str = Field(pattern=r"^[\w.-]+\.(onnx|xml)$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Description(Record):
    """Content of ``package.yaml``."""

    format: Literal[1]
    name: str
    description: str
    dims: Literal["2d", "3d"]
    structures: tuple[str, ...] = Field(min_length=1)
    heads: tuple[Head, ...]
    input: Input
    thresholds: dict[str, Annotated[float, Field(gt=0, lt=1)]]
    weights: Weights
    training: dict[str, Any] = Field(default_factory=dict)
    scores: dict[str, Any] = Field(default_factory=dict)
    license: str
    honest_words: str

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in self.structures:
            if name not in NAMES:
                raise ValueError(f"unknown structure {name!r}: {nearest(name, NAMES)}")
        if len(set(self.structures)) < len(self.structures):
            raise ValueError("a structure is named twice")
        if self.structures != tuple(name for head in self.heads for name in head.structures):
            raise ValueError("the heads' structures are not the package's, in the same order")
        if set(self.thresholds) != set(self.structures):
            raise ValueError("there is not one threshold for each structure")
        return self


@dataclass(frozen=True, slots=True)
class Package:
    """A loaded description; the weights are checked when an engine takes them.

    Attributes
    ----------
    folder : Path
    about : Description
    """

    folder: Path
    about: Description

    @property
    def name(self) -> str:
        """Name, as in ``models/NAME``."""
        return self.about.name

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the outputs, in their order."""
        return self.about.structures

    @property
    def dims(self) -> Literal["2d", "3d"]:
        """Whether planes are seen alone or in stacks."""
        return self.about.dims

    @property
    def voxel_um(self) -> tuple[float, float, float]:
        """The networks' voxel (z, y, x), µm."""
        return self.about.input.voxel_um

    @property
    def multiple(self) -> tuple[int, int, int]:
        """What (z, y, x) of an input must be multiples of."""
        xy = self.about.input.xy_multiple
        return self.about.input.z_multiple, xy, xy

    @property
    def halo(self) -> tuple[int, int, int]:
        """Voxels (z, y, x) that windows overlap on each side."""
        return self.about.input.halo

    @property
    def weights(self) -> Path:
        """The weights file."""
        return self.folder / self.about.weights.file

    @property
    def sha256(self) -> str:
        """Checksum of the weights, as the description states it."""
        return self.about.weights.sha256

    def threshold(self, structure: str) -> int:
        """Return the smallest probability (0 to 255) that makes a voxel part of the mask."""
        return max(1, round(255 * self.about.thresholds[structure]))

    def verify(self) -> None:
        """Compare the weights with their checksum.

        Raises
        ------
        ModelError
            If they are missing or damaged.
        """
        try:
            found = checksum(self.weights)
        except OSError as problem:
            raise ModelError(
                f"the weights of {self.name} cannot be read: {problem}",
                where=str(self.weights),
                fix=MEND,
            ) from None
        if found != self.sha256:
            raise ModelError(
                f"the weights of {self.name} are damaged: sha256 is {found[:12]}…, "
                f"{FILE} says {self.sha256[:12]}…",
                where=str(self.weights),
                fix=MEND,
            )


def checksum(weights: Path) -> str:
    """Return the sha256 of a weights file, followed by the ``.bin`` of an OpenVINO ``.xml``."""
    digest = hashlib.sha256(weights.read_bytes())
    if weights.suffix == ".xml":
        digest.update(weights.with_suffix(".bin").read_bytes())
    return digest.hexdigest()


def load_package(name_or_path: str | Path) -> Package:
    """Return a model package.

    Parameters
    ----------
    name_or_path : str or Path
        A package's folder, or a name in ``models/``.

    Raises
    ------
    ModelError
        If there is none, or its description is damaged or not of this program's kind.
    """
    folder = Path(name_or_path)
    if not (folder / FILE).is_file():
        folder = data_folder("models") / name_or_path
    if not (folder / FILE).is_file():
        raise ModelError(
            f"there is no model package {str(name_or_path)!r}, neither as a folder nor by name",
            where="segmentation.package",
            fix=nearest(str(name_or_path), package_names()) or "train one: livesr train",
        )
    return Package(folder, read_record(folder / FILE, Description, ModelError, MEND))


def package_names() -> list[str]:
    """Return the names of the packages that travel with livesr."""
    return sorted(path.parent.name for path in data_folder("models").glob(f"*/{FILE}"))


def list_packages() -> list[Package]:
    """Return the packages that travel with livesr."""
    return [load_package(name) for name in package_names()]


def positions(package: Package, structures: Iterable[str]) -> dict[str, int]:
    """Return where in the output each of the asked-for structures stands.

    Raises
    ------
    ModelError
        If the package does not give one of them.
    """
    known = package.structures
    wanted = list(structures)
    for name in wanted:
        if name not in known:
            raise ModelError(
                f"package {package.name} does not give {name!r}",
                where="segmentation.structures",
                fix=nearest(name, known),
            )
    return {name: known.index(name) for name in wanted}
