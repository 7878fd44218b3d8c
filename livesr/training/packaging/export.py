"""From trained weights to a model package, and from a package back to a network.

The package is written whole into a folder beside its own and then takes its place: nothing half
written is ever found under its name.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml
from safetensors.torch import save

import livesr
from livesr.catalog import NETWORKS
from livesr.errors import StorageError
from livesr.segmentation.description import FILE, Description, Livesr
from livesr.segmentation.network.deployed import deploy, rounded
from livesr.segmentation.network.unet import parameters
from livesr.segmentation.package import OLD_FILE, Package, load_package
from livesr.training.packaging.graph import export_onnx, receptive_halo
from livesr.training.packaging.modelcard import (
    FILES,
    HONEST_WORDS,
    HONEST_WORDS_OF_DATA,
    MODEL,
    STATE,
    TEST_INPUT,
    TEST_OUTPUT,
    about_files,
    describe,
    first_line,
    plain,
    write_description,
)
from livesr.training.packaging.testinput import SEED, window_of_features
from livesr.training.plan import CELLS

SHIPPED = ("ALL", "ALL2D", "FG")
"""Packages in ``models/`` that have a recipe of their own in ``examples/``."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.segmentation.network.unet import AttentionUNet
    from livesr.training.plan import Head, Recipe


def write_package(network: AttentionUNet, recipe: Recipe, folder: Path) -> Path:
    """Write a trained network as a model package; returns the folder.

    Parameters
    ----------
    network : AttentionUNet
        Not changed.
    recipe : Recipe
        That it was trained by.
    folder : Path
        An older package there is replaced when the new one is whole.

    Raises
    ------
    ModelError
        If a weight is no finite number.
    StorageError
        If it cannot be written, or other files stand in the folder.
    """
    description = f"{first_line(recipe)}\n{recipe.description}".strip()
    return assemble(network, recipe.network.heads, _config(network, recipe), description, folder)


def _config(network: AttentionUNet, recipe: Recipe) -> dict[str, Any]:
    """Return what ``config.livesr`` says of a freshly trained network."""
    plan, arch = recipe.network, network.arch
    return {
        "format": 1,
        "name": recipe.name,
        "dims": plan.dims,
        "structures": plan.structures,
        "heads": [asdict(head) for head in plan.heads],
        "input": {
            "channels": plan.channels,
            "voxel_um": plan.voxel_um,
            "z_multiple": arch.multiple[0],
            "xy_multiple": arch.multiple[1],
            "halo": receptive_halo(network),
        },
        "thresholds": dict.fromkeys(plan.structures, 0.5),
        "training": _training(recipe),
        "honest_words": HONEST_WORDS_OF_DATA if recipe.data.folders else HONEST_WORDS,
    }


def _command(recipe: Recipe) -> str:
    """Return how the shipped packages were trained; of others, how one is trained at all."""
    if recipe.name in NETWORKS and recipe.network.channels == CELLS:
        return f"livesr train examples/train-one.yaml --network {recipe.name}"
    if recipe.name in SHIPPED:
        return f"livesr train examples/train-{recipe.name.lower()}.yaml"
    return "livesr train RECIPE"


def _training(recipe: Recipe) -> dict[str, Any]:
    """Return how the network was made, as far as the recipe tells."""
    first, count = recipe.fields.seeds, recipe.fields.count
    said = {
        "command": _command(recipe),
        "seed": recipe.seed,
        "seeds": [first, first + count - 1] if count else [],
        "steps": recipe.schedule.steps,
        "data": [Path(folder).name for folder in recipe.data.folders],
        "initial": load_package(recipe.initial).name if recipe.initial else "",
        "teachers": [load_package(teacher).name for teacher in recipe.teachers],
        "code_version": livesr.__version__,
        "date": datetime.now(UTC).date().isoformat(),
    }
    return {key: value for key, value in said.items() if value not in ("", [])}


def assemble(
    network: AttentionUNet,
    heads: tuple[Head, ...],
    config: Mapping[str, Any],
    description: str,
    folder: Path,
) -> Path:
    """Write a package from a network and what is to be said of it; returns the folder.

    Parameters
    ----------
    network : AttentionUNet
        Not changed.
    heads : tuple of Head
    config : mapping
        `livesr.segmentation.description.Livesr`; what the network itself tells is added.
    description : str
    folder : Path

    Raises
    ------
    ModelError
        If a weight is no finite number.
    StorageError
        If it cannot be written, or other files stand in the folder.
    """
    refuse_other_files(folder)
    new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    try:
        new.mkdir(parents=True)
        _write_files(network, heads, config, description, new)
        _take_place(new, folder)
    except OSError as problem:
        raise StorageError(
            f"the package cannot be written: {problem}",
            where=str(folder),
            fix="make room on the disk, or close the programs that use the package that is there",
        ) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder


def _write_files(
    network: AttentionUNet,
    heads: tuple[Head, ...],
    config: Mapping[str, Any],
    description: str,
    folder: Path,
) -> None:
    """Fill a folder with all of a package."""
    said = plain({**config, "architecture": asdict(network.arch)})
    said["training"]["parameters"] = parameters(network)
    said["test"] = {"seed": SEED, "by": f"livesr {livesr.__version__}, PyTorch, float32"}
    (folder / STATE).write_bytes(save(dict(_state(network))))
    deployed = deploy(network, heads)
    export_onnx(deployed, folder / MODEL)
    package = Package(folder, Description.model_validate(said | about_files(folder)))
    features = window_of_features(package)
    np.save(folder / TEST_INPUT, features)
    with torch.no_grad():
        np.save(folder / TEST_OUTPUT, deployed(torch.from_numpy(features)).numpy())
    write_description(describe(said, description, folder), folder)


def _state(network: AttentionUNet) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield what the network knows, kernels in half precision."""
    for name, values in network.state_dict().items():
        checked = rounded(name, values.detach().cpu())
        yield name, (checked.half() if checked.dim() > 1 else checked).contiguous()


def refuse_other_files(folder: Path) -> None:
    """Refuse a folder that holds anything else than a package, which would be lost.

    Raises
    ------
    StorageError
        Naming what it holds.
    """
    known = {*FILES, OLD_FILE}
    if folder.is_file():
        raise StorageError(
            "the package's folder is a file", where=str(folder), fix="name another folder"
        )
    there = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    others = [name for name in there if name not in known and not name.startswith(".")]
    if others:
        raise StorageError(
            f"the folder holds other files, which a package would replace: {', '.join(others[:5])}",
            where=str(folder),
            fix="name another folder for the package",
        )


def _take_place(new: Path, folder: Path) -> None:
    """Put a whole package where an older one may be."""
    old = new.with_suffix(".old")
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def update_description(folder: Path, **parts: object) -> None:
    """Replace keys of a package's ``config.livesr``: thresholds, scores, trust, training.

    Raises
    ------
    ValueError
        If there is no such key, or what is said of it does not fit the package; nothing is
        written then.
    """
    unknown = set(parts) - set(Livesr.model_fields)
    if unknown:
        raise ValueError(f"config.livesr has no {', '.join(sorted(unknown))}")
    rdf = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    rdf["config"]["livesr"].update(parts)
    write_description(rdf, folder)
