"""Batches of patches for the training loop, made in a process of their own."""

# mypy: disallow-subclassing-any=False
# (PyTorch is optional, so mypy takes its classes as Any)

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from livesr.catalog import NAMES
from livesr.errors import ConfigError, StorageError
from livesr.memory import keep_memory
from livesr.segmentation.network.unet import space_to_depth
from livesr.training.plan import COLOCALISATION
from livesr.training.sampling.patches import turned
from livesr.training.sampling.sources import Source, training_source, validation_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from livesr.training.plan import NetworkPlan, Recipe
    from livesr.training.sampling.patches import Patch

SHORT = 16
"""Planes of short stacks. (With 8, oneDNN's bfloat16 gradients of few-channel convolutions were
NaN on one thread: a step with such gradients is left out, see `livesr.training.learning.loop`.)"""
RECENT = 12
"""Batches that may come back."""


class Batch(NamedTuple):
    """What a step learns from.

    Attributes
    ----------
    features : Tensor, (n, channels, z, y, x), float32
    target : Tensor, (n, 4·outputs, z, y/2, x/2), uint8
        Packed coverage, 0 to 255.
    known : Tensor, (n, outputs), bool
        Which outputs a patch has labels for.
    """

    features: Tensor
    target: Tensor
    known: Tensor


class Batches(IterableDataset):
    """Endless batches from the fields that are made by then.

    Each set of conditions costs more to draw than to learn from once, so that a batch comes back
    ``schedule.reuse`` times on average, turned and flipped anew.

    Parameters
    ----------
    recipe : Recipe
    start : int
        First batch: the step at which a training goes on.
    rank, world : int
        Of the training processes that share the work; each has batches of its own.
    """

    def __init__(self, recipe: Recipe, start: int = 0, rank: int = 0, world: int = 1) -> None:
        self.recipe = recipe
        self.start = start
        self.rank = rank
        self.world = world

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches; with several workers each makes its share."""
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        if info:
            cv2.setNumThreads(1)
            keep_memory()
        source = training_source(self.recipe)
        recent: deque[list[Patch]] = deque(maxlen=RECENT)
        for step in count(self.start + worker, workers):
            rng = np.random.default_rng([self.recipe.seed, step * self.world + self.rank])
            if not recent or (step // workers) % self.recipe.schedule.reuse == 0:
                recent.append(self._draw(source, rng))
            again = recent[rng.integers(len(recent))]
            yield tensors([turned(patch, rng) for patch in again], self.recipe.network)

    def _draw(self, source: Source, rng: np.random.Generator) -> list[Patch]:
        plan = self.recipe
        places = [source.choose(rng) for _ in range(plan.schedule.batch)]
        fields = [source.read(place) for place in places]
        planes = min(plan.schedule.patch[0], *(field.truth.shape[0] for field in fields))
        if plan.network.dims == "3d":
            if rng.random() < plan.augmentation.short_stacks:
                planes = min(SHORT, planes)
            planes = whole(planes, plan.network)
        patches = [source.maker.draw(field, rng, planes) for field in fields]
        if not all(_taught(patch) for patch in patches):
            # Nucleus, cytosol and extracellular space fill everything.
            raise StorageError(
                "a patch without any structure was cut",
                where=", ".join(str(place) for place in places),
                fix="delete the field's folder: it is made again",
            )
        return patches


def whole(planes: int, network: NetworkPlan) -> int:
    """Return the most planes that the network's levels divide evenly.

    Raises
    ------
    ConfigError
        If there are none.
    """
    multiple: int = 2 ** (len(network.widths) - 1)
    if planes < multiple:
        raise ConfigError(
            f"a stack of {planes} planes is too thin for a network that halves "
            f"{len(network.widths) - 1} times along z",
            where="network.widths",
            fix=f"give stacks of {multiple} planes or more, or train a 2-D network (dims: 2d)",
        )
    return planes - planes % multiple


def _taught(patch: Patch) -> bool:
    """Return whether a patch shows something, or need not because little is known of it."""
    return bool(patch.target.any()) or len(patch.target) == 1 or patch.known is not None


def tensors(patches: Sequence[Patch], network: NetworkPlan) -> Batch:
    """Return patches of one shape as a batch, its outputs in the network's order."""
    alone = network.channels == COLOCALISATION
    order = [0] if alone else [NAMES.index(name) for name in network.structures]
    features = torch.from_numpy(np.stack([p.features for p in patches]))
    target = torch.from_numpy(np.stack([p.target[order] for p in patches]))
    every = np.ones(len(order), bool)
    known = np.stack([every if p.known is None else p.known[order] for p in patches])
    return Batch(features, space_to_depth(target), torch.from_numpy(known))


def batches(recipe: Recipe, start: int, rank: int = 0, world: int = 1) -> Iterator[Batch]:
    """Return the batches from number ``start`` on, made ahead by the recipe's workers."""
    workers = recipe.schedule.workers
    loader = DataLoader(
        Batches(recipe, start, rank, world),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


def validation_batches(recipe: Recipe) -> list[Batch]:
    """Return the validation patches: always the same, two of each field, nothing varied."""
    rng = np.random.default_rng(2)  # the same patches for every recipe
    made: list[Batch] = []
    for source in validation_sources(recipe):
        for place in source.folders:
            field = source.read(place)
            planes = min(recipe.schedule.patch[0], field.truth.shape[0])
            if recipe.network.dims == "3d":
                planes = whole(planes, recipe.network)
            patches = [source.maker.draw(field, rng, planes) for _ in range(2)]
            made += [tensors([patch], recipe.network) for patch in patches]
    return made
