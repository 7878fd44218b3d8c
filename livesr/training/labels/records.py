"""What ``dataset.yaml`` says of a data set: its samples, and how each label was made."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from livesr import catalog
from livesr.calibration.datafile import Record
from livesr.calibration.profile import ChannelTransform
from livesr.errors import ConfigError
from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.calibration.warp import ChromaticModel

CELL_CHANNELS = ("yellow", "red")
"""What the networks of organelles see."""
Positive = Annotated[float, Field(gt=0)]
Made = Literal["manual", "colocalisation", "simulated"]


class Colocalisation(Record):
    """How a label was made from a probe's image.

    Attributes
    ----------
    share : float
        Of yellow that was subtracted from green: the paper's r.
    foreground : str
        Package, or threshold (``otsu``, ``triangle``, a number times the probe's brightness).
    foreground_sha256 : str
        Of the package's weights.
    lipid_droplet : str
        Package or file whose lipid droplets were set to zero; ``none``.
    lipid_droplet_sha256 : str
    grow_um : float
        By how much they were grown before.
    without : tuple of str
        Structures whose masks were cut out of the label.
    """

    share: float
    foreground: str
    foreground_sha256: str = ""
    lipid_droplet: str = "none"
    lipid_droplet_sha256: str = ""
    grow_um: float = 0.0
    without: tuple[str, ...] = ()


class Label(Record):
    """One structure's mask.

    Attributes
    ----------
    voxels : int
        In the mask; 0 says that the sample has none of the structure.
    made : str
    source : str
        File that it is from.
    corrected : date, optional
        When a mask that was changed by hand was taken in.
    colocalisation : Colocalisation, optional
    """

    voxels: int = Field(0, ge=0)
    made: Made = "manual"
    source: str = ""
    corrected: dt.date | None = None
    colocalisation: Colocalisation | None = None


class Sample(Record):
    """One stack and what is known of it.

    Attributes
    ----------
    name : str
        And folder.
    channels : tuple of str
        Of the image: yellow, red if there is one, green if there is one.
    shape : tuple of int
        (z, y, x) voxels.
    voxel_um : tuple of float
    offset : float
        Camera counts without light.
    chromatic : dict of str to ChannelTransform
        Red and green against yellow; a channel that is missing is registered already.
    sources : tuple of str
        Files that the image is from.
    labels : dict of str to Label
    """

    name: str = Field(pattern=r"^\w[\w.-]*$", max_length=100)
    channels: tuple[str, ...] = Field(min_length=1)
    shape: tuple[int, int, int]
    voxel_um: tuple[Positive, Positive, Positive]
    offset: float = Field(ge=0)
    chromatic: dict[str, ChannelTransform] = Field(default_factory=dict)
    sources: tuple[str, ...] = ()
    labels: dict[str, Label] = Field(default_factory=dict)

    @field_validator("labels")
    @classmethod
    def _known(cls, labels: dict[str, Label]) -> dict[str, Label]:
        for name in labels:
            try:
                catalog.structure(name)
            except ConfigError as error:
                raise ValueError(f"{error.what}: {error.fix}") from None
        return labels

    @property
    def grid(self) -> Grid:
        """Of image and masks."""
        return Grid(self.shape, self.voxel_um)

    def model(self, channel: str) -> ChromaticModel:
        """Return where a channel lies against yellow."""
        return self.chromatic.get(channel, ChannelTransform()).model()


class Contents(Record):
    """Content of ``dataset.yaml``."""

    format: Literal[1] = 1
    made_by: str = ""
    samples: tuple[Sample, ...] = ()

    @field_validator("samples")
    @classmethod
    def _distinct(cls, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        names = [sample.name for sample in samples]
        if len(set(names)) < len(names):
            raise ValueError("two samples have one name")
        return samples
