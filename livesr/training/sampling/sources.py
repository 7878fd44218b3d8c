"""Where patches come from: simulated fields, recordings with masks, or colocalisation images."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livesr.simulator.imaging.camera import CameraModel
from livesr.training.plan import COLOCALISATION, Augmentation
from livesr.training.sampling.colocalisation import read_coloc_field
from livesr.training.sampling.colocalisation_patches import ColocalisationMaker
from livesr.training.sampling.fields import made_fields, read_field
from livesr.training.sampling.patches import PatchMaker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from livesr.training.plan import Recipe

WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Source:
    """Fields on disk, how they are read, and what cuts patches out of them.

    Attributes
    ----------
    folders : sequence of Path
        Of simulated fields; more may be made meanwhile (`choose` looks again).
    recorded : sequence of Path
        Of recordings with masks.
    share : float
        Of patches that come from recordings.
    """

    folders: Sequence[Path]
    recorded: Sequence[Path]
    share: float
    read: Callable[[Path], Any]
    maker: Any
    growing: Path | None = None

    def choose(self, rng: np.random.Generator) -> Path:
        """Return the folder of a field, at random."""
        if self.recorded and rng.random() < self.share:
            return self.recorded[int(rng.integers(len(self.recorded)))]
        folders = made_fields(self.growing) if self.growing else self.folders
        return folders[int(rng.integers(len(folders)))]


def training_folder(recipe: Recipe) -> Path:
    """Return where the simulated training fields are."""
    return Path(recipe.fields.folder) / "training"


def validation_folder(recipe: Recipe) -> Path:
    """Return where the simulated validation fields are."""
    return Path(recipe.fields.folder) / "validation"


def recorded_folder(recipe: Recipe, part: str) -> Path:
    """Return where a data set's recordings lie as fields; of ``training`` or ``validation``."""
    return Path(recipe.run) / "recorded" / part


def training_source(recipe: Recipe) -> Source:
    """Return the training fields; waits for the first simulated one if there will be some."""
    recorded = made_fields(recorded_folder(recipe, "training"))
    share = recipe.data.share if recipe.fields.count else 1.0
    growing = training_folder(recipe) if recipe.fields.count else None
    while growing and not made_fields(growing):
        time.sleep(WAIT_S)
    return Source(
        (), recorded, share, _reader(recipe), _maker(recipe, recipe.augmentation), growing
    )


def validation_sources(recipe: Recipe) -> list[Source]:
    """Return the validation fields, of recordings where the recipe has some, else simulated."""
    folders = made_fields(recorded_folder(recipe, "validation"))
    folders = folders or made_fields(validation_folder(recipe))
    return [Source(folders, (), 0.0, _reader(recipe), _maker(recipe, Augmentation.none()))]


def _reader(recipe: Recipe) -> Callable[[Path], Any]:
    return read_coloc_field if recipe.network.channels == COLOCALISATION else read_field


def _maker(recipe: Recipe, augmentation: Augmentation) -> Any:
    if recipe.network.channels == COLOCALISATION:
        return ColocalisationMaker(
            recipe.schedule.patch, recipe.network.voxel_um, augmentation, CameraModel()
        )
    return PatchMaker(
        recipe.schedule.patch,
        recipe.network.voxel_um,
        augmentation,
        recipe.sampling,
        CameraModel(),
        planes_apart=recipe.network.dims == "2d",
    )
