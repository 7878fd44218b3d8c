"""A recipe from beginning to end: fields, training, export, thresholds."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from livesr.errors import LivesrError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.training.batches import training_folder, validation_folder
from livesr.training.evaluation import simulate, tune
from livesr.training.export import update_description, write_package
from livesr.training.fields import PLANES, field_seeds, made_fields, make_fields
from livesr.training.loop import Trainer, load_best

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.process import BaseProcess

    from livesr.training.plan import Recipe

ENOUGH_FIELDS = 8
"""Training begins with so many fields while the others are still being made."""
LOOK_S = 1.0


def train(recipe: Recipe, *, progress: Callable[[dict[str, object]], None]) -> Path:
    """Train, export and tune; goes on from the run's checkpoint if there is one.

    Parameters
    ----------
    recipe : Recipe
    progress : callable
        Given a mapping for every line of the run's log.

    Returns
    -------
    Path
        The package's folder.

    Raises
    ------
    LivesrError
        If the fields cannot be made.
    """
    with _fields_being_made(recipe):
        Trainer(recipe, progress).run()
    folder = Path(recipe.package or Path(recipe.run) / recipe.name)
    write_package(load_best(recipe), recipe, folder)
    progress({"event": "thresholds", **tune_package(recipe, folder)})
    return folder


def tune_package(recipe: Recipe, folder: Path) -> dict[str, float]:
    """Choose the package's thresholds on the validation cells and write them into it."""
    package = load_package(folder)
    _, seeds = field_seeds(recipe.fields)
    side = min(512, *recipe.fields.shape)
    stacks = (simulate(seed, shape=(PLANES, side, side)) for seed in seeds)
    with closing(choose_engine("auto", package)) as engine:
        thresholds = tune(package, engine, stacks)
    update_description(folder, thresholds=thresholds)
    return thresholds


@contextmanager
def _fields_being_made(recipe: Recipe) -> Iterator[None]:
    """Make the missing fields in a process beside; enter when there are enough to begin."""
    maker = multiprocessing.get_context("spawn").Process(target=make_all, args=(recipe,))
    maker.start()
    try:
        _wait(recipe, maker)
        yield
    finally:
        maker.terminate()
        maker.join()


def make_all(recipe: Recipe) -> None:
    """Make the fields of validation, then those of training."""
    training, validation = field_seeds(recipe.fields)
    make_fields(validation_folder(recipe), validation, recipe.fields)
    make_fields(training_folder(recipe), training, recipe.fields)


def _wait(recipe: Recipe, maker: BaseProcess) -> None:
    enough = min(ENOUGH_FIELDS, recipe.fields.count)
    while True:
        working = maker.is_alive()
        checked = len(made_fields(validation_folder(recipe))) >= recipe.fields.validation_count
        if checked and len(made_fields(training_folder(recipe))) >= enough:
            return
        if not working:
            raise LivesrError(
                "the training fields could not be made",
                where=recipe.fields.folder,
                fix="the reason stands above; is there room on the disk?",
            )
        time.sleep(LOOK_S)
