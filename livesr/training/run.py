"""A recipe from beginning to end: fields, training, export, thresholds, trust, scores."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import LivesrError, StorageError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.simulator.imaging.camera import CameraModel
from livesr.training.evaluation.thresholds import tune
from livesr.training.labelled import simulate
from livesr.training.learning.crew import joined
from livesr.training.learning.loop import Trainer, load_best
from livesr.training.packaging.export import refuse_other_files, update_description, write_package
from livesr.training.plan import COLOCALISATION
from livesr.training.sampling.colocalisation import make_coloc_fields
from livesr.training.sampling.fields import (
    PLANES,
    field_of,
    field_seeds,
    made_fields,
    make_fields,
    write_field,
)
from livesr.training.sampling.sources import recorded_folder, training_folder, validation_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess

    from livesr.training.labelled import LabelledStack
    from livesr.training.learning.crew import Crew
    from livesr.training.plan import Recipe

    Progress = Callable[[dict[str, object]], None]

ENOUGH_FIELDS = 8
"""Training begins with so many fields while the others are still being made."""
LOOK_S = 1.0
BYTES_A_PIXEL = 8 * PLANES
"""Of a field on disk: photons of two channels in half precision, truth, and planes of finer
steps."""
PUBLISHED = ("f1", "precision", "recall", "iou", "moc", "threshold_f1", "object_f1", "ci95")
"""Scores of a structure that a package states."""
RUN_BYTES = 200 * 2**20
"""Checkpoints and package."""


def train(recipe: Recipe, *, progress: Progress) -> Path:
    """Train, export, tune and score; goes on from the run's checkpoint if there is one.

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
    ConfigError, ModelError, StorageError
        If data sets, packages to begin with, or the disk do not do.
    """
    folder = Path(recipe.package or Path(recipe.run) / recipe.name)
    refuse_other_files(folder)
    with joined(recipe.schedule.device) as crew:
        with _fields_being_made(recipe, crew):
            Trainer(recipe, progress, crew).run()
        if crew.leads:
            write_package(load_best(recipe), recipe, folder)
            finish(recipe, folder, progress)
    return folder


def finish(recipe: Recipe, folder: Path, progress: Progress) -> None:
    """Choose thresholds, fit probabilities and write scores into a package."""
    if recipe.network.channels == COLOCALISATION:
        from livesr.training.evaluation.foreground_scores import tune_foreground

        update_description(folder, thresholds=tune_foreground(load_package(folder)))
        return
    progress({"event": "thresholds", "chosen": tune_package(recipe, folder)})
    if recipe.trust:
        judge_package(recipe, folder)
        progress({"event": "trust fitted", "cells": recipe.trust})
    if recipe.evaluate:
        from livesr.training.evaluation.evaluate import evaluate
        from livesr.training.evaluation.samples import SimulatedCells

        scores = evaluate([folder], SimulatedCells(recipe.evaluate), progress=progress)
        update_description(folder, scores=summary(scores))
        progress({"event": "evaluated", "mean_f1": scores["mean_f1"]})


def summary(scores: dict[str, Any]) -> dict[str, Any]:
    """Return what a package says of its scores."""
    structures = {
        name: {key: _rounded(one[key]) for key in PUBLISHED if one.get(key) is not None}
        for name, one in scores["structures"].items()
    }
    about: dict[str, Any] = {
        key: scores[key] for key in ("preset", "seeds", "shape", "simulator") if key in scores
    }
    return {**about, "mean_f1": round(float(scores["mean_f1"]), 4), "structures": structures}


def _rounded(value: Any) -> Any:
    return [_rounded(v) for v in value] if isinstance(value, list | tuple) else round(value, 4)


def judge_package(recipe: Recipe, folder: Path) -> None:
    """Fit probabilities, and what the package has seen, on tuning cells and its own recordings."""
    from livesr.training.trust import SEEDS, fit_trust, tuning_stacks

    package = load_package(folder)
    own = _recordings(recipe.data.folders)
    stacks = tuning_stacks(range(SEEDS[0], SEEDS[0] + recipe.trust))
    with closing(choose_engine("auto", package)) as engine:
        update_description(folder, trust=fit_trust(package, engine, stacks, own))


def tune_package(recipe: Recipe, folder: Path) -> dict[str, float]:
    """Choose the package's thresholds on the validation cells and write them into it.

    Structures that recordings of the user have labels for get theirs from those: from the data sets
    for validation, or those trained on if there are no others.
    """
    _, seeds = field_seeds(recipe.fields)
    side = min(512, *recipe.fields.shape)
    simulated = (simulate(seed, shape=(PLANES, side, side)) for seed in seeds)
    own = _recordings(recipe.data.validation or recipe.data.folders)
    thresholds: dict[str, float] = {}
    for stacks in (simulated, own):  # the later has the last word on what it has labels for
        package = load_package(folder)
        with closing(choose_engine("auto", package)) as engine:
            thresholds = tune(package, engine, stacks)
        update_description(folder, thresholds=thresholds)
    return thresholds


def _recordings(folders: Sequence[str]) -> Iterator[LabelledStack]:
    """Yield the samples of data sets."""
    if folders:
        from livesr.training.labels.dataset import read_dataset

        for folder in folders:
            yield from read_dataset(Path(folder))


@contextmanager
def _fields_being_made(recipe: Recipe, crew: Crew) -> Iterator[None]:
    """Make the missing fields in a process beside; enter when there are enough to begin."""
    if not crew.leads:
        yield
        return
    check_room(recipe)
    take_recordings(recipe)
    maker = multiprocessing.get_context("spawn").Process(target=make_all, args=(recipe,))
    maker.start()
    try:
        _wait(recipe, maker)
        yield
    finally:
        maker.terminate()
        maker.join()


def check_room(recipe: Recipe) -> None:
    """Compare the disk's free space with what fields and checkpoints will need.

    Raises
    ------
    StorageError
        With both numbers.
    """
    plan = recipe.fields
    height, width = plan.shape
    have = len(made_fields(training_folder(recipe))) + len(made_fields(validation_folder(recipe)))
    missing = max(plan.count + plan.validation_count - have, 0)
    needed = missing * height * width * BYTES_A_PIXEL + RUN_BYTES
    place = Path(plan.folder)
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free
    if free < needed:
        raise StorageError(
            f"training needs about {needed / 1e9:.1f} GB for {missing} fields and checkpoints, "
            f"{free / 1e9:.1f} GB are free",
            where=str(place.resolve()),
            fix="make room, choose another folder (fields.folder), or fewer fields (fields.count)",
        )


def take_recordings(recipe: Recipe) -> None:
    """Turn the recordings of the recipe's data sets into fields, once."""
    if not recipe.data.folders:
        return
    from livesr.training.labels.dataset import read_dataset

    camera = CameraModel()
    for part, folders in (
        ("training", recipe.data.folders),
        ("validation", recipe.data.validation),
    ):
        place = recorded_folder(recipe, part)
        shutil.rmtree(place, ignore_errors=True)
        samples = (sample for folder in folders for sample in read_dataset(Path(folder)))
        for number, sample in enumerate(samples):
            rng = np.random.default_rng([recipe.seed, 4, number])
            write_field(field_of(sample, camera, rng), place / f"sample-{number:04d}")


def make_all(recipe: Recipe) -> None:
    """Make the fields of validation, then those of training."""
    training, validation = field_seeds(recipe.fields)
    make = make_coloc_fields if recipe.network.channels == COLOCALISATION else make_fields
    make(validation_folder(recipe), validation, recipe.fields)
    make(training_folder(recipe), training, recipe.fields)


def _wait(recipe: Recipe, maker: BaseProcess) -> None:
    plan = recipe.fields
    enough = min(ENOUGH_FIELDS, plan.count)
    while True:
        working = maker.is_alive()
        checked = len(made_fields(validation_folder(recipe))) >= plan.validation_count
        if checked and len(made_fields(training_folder(recipe))) >= enough:
            return
        if not working:
            raise LivesrError(
                "the training fields could not be made",
                where=plan.folder,
                fix="the reason stands above; is there room on the disk?",
            )
        time.sleep(LOOK_S)
