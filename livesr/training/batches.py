"""Batches of patches for the training loop, made in a process of their own."""

# mypy: disallow-subclassing-any=False
# (PyTorch is optional, so mypy takes its classes as Any)

from __future__ import annotations

import time
from collections import deque
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from livesr.catalog import NAMES
from livesr.errors import StorageError
from livesr.simulator.imaging.camera import CameraModel
from livesr.training.fields import made_fields, read_field
from livesr.training.network import space_to_depth
from livesr.training.patches import PatchMaker, turned
from livesr.training.plan import Augmentation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from livesr.training.patches import Patch
    from livesr.training.plan import NetworkPlan, Recipe

Batch = tuple["Tensor", "Tensor"]
"""Features (n, 2, z, y, x) float32 and packed coverage (n, 4·outputs, z, y/2, x/2) uint8."""
SHORT = 16
"""Planes of a short stack."""
RECENT = 12
"""Batches that may come back."""
WAIT_S = 2.0


def training_folder(recipe: Recipe) -> Path:
    """Return where the training fields are."""
    return Path(recipe.fields.folder) / "training"


def validation_folder(recipe: Recipe) -> Path:
    """Return where the validation fields are."""
    return Path(recipe.fields.folder) / "validation"


class Batches(IterableDataset):
    """Endless batches from the fields that are made by then.

    Each set of conditions costs more to draw than to learn from once, so that a batch comes back
    ``schedule.reuse`` times on average, turned and flipped anew.

    Parameters
    ----------
    recipe : Recipe
    start : int
        First batch: the step at which a training goes on.
    """

    def __init__(self, recipe: Recipe, start: int = 0) -> None:
        self.recipe = recipe
        self.start = start

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches; with several workers each makes its share."""
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        if info:
            cv2.setNumThreads(1)
        maker = _maker(self.recipe, self.recipe.augmentation)
        folder = training_folder(self.recipe)
        recent: deque[list[Patch]] = deque(maxlen=RECENT)
        for step in count(self.start + worker, workers):
            rng = np.random.default_rng([self.recipe.seed, step])
            if not recent or (step // workers) % self.recipe.schedule.reuse == 0:
                recent.append(self._draw(maker, _wait_for_fields(folder), rng))
            again = recent[rng.integers(len(recent))]
            yield tensors([turned(patch, rng) for patch in again], self.recipe.network)

    def _draw(
        self, maker: PatchMaker, folders: Sequence[Path], rng: np.random.Generator
    ) -> list[Patch]:
        plan = self.recipe
        short = plan.network.dims == "3d" and rng.random() < plan.augmentation.short_stacks
        planes = min(SHORT, plan.schedule.patch[0]) if short else None
        chosen = rng.integers(len(folders), size=plan.schedule.batch)
        patches = [maker.draw(read_field(folders[i]), rng, planes) for i in chosen]
        if not all(patch.target.any() for patch in patches):
            # Nucleus, cytosol and extracellular space fill everything.
            raise StorageError(
                "a patch without any structure was cut",
                where=", ".join(str(folders[i]) for i in chosen),
                fix="delete the field's folder: it is made again",
            )
        return patches


def _wait_for_fields(folder: Path) -> list[Path]:
    while not (folders := made_fields(folder)):
        time.sleep(WAIT_S)
    return folders


def tensors(patches: Sequence[Patch], network: NetworkPlan) -> Batch:
    """Return patches of one shape as a batch, its outputs in the network's order."""
    order = [NAMES.index(name) for name in network.structures]
    features = torch.from_numpy(np.stack([p.features for p in patches]))
    target = torch.from_numpy(np.stack([p.target[order] for p in patches]))
    return features, space_to_depth(target)


def batches(recipe: Recipe, start: int) -> Iterator[Batch]:
    """Return the batches from number ``start`` on, made ahead by the recipe's workers."""
    workers = recipe.schedule.workers
    loader = DataLoader(
        Batches(recipe, start),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


def validation_batches(recipe: Recipe) -> list[Batch]:
    """Return the validation patches: always the same, two of each field, nothing varied."""
    maker = _maker(recipe, Augmentation.none())
    rng = np.random.default_rng([recipe.seed, 2])
    fields = [read_field(folder) for folder in made_fields(validation_folder(recipe))]
    return [tensors([maker.draw(field, rng)], recipe.network) for field in fields for _ in range(2)]


def _maker(recipe: Recipe, augmentation: Augmentation) -> PatchMaker:
    return PatchMaker(
        recipe.schedule.patch,
        recipe.network.voxel_um,
        augmentation,
        recipe.sampling,
        CameraModel(),
        planes_apart=recipe.network.dims == "2d",
    )
