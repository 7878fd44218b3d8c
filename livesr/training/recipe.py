"""Recipes of training runs as YAML, read with errors that say which key is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import TypeAdapter, ValidationError

from livesr.catalog import NETWORKS
from livesr.errors import ConfigError, nearest
from livesr.plain import NotPlainError, read_yaml
from livesr.segmentation.package import load_package
from livesr.training.plan import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

_NAMED = ("name", "description", "run", "package")
"""Keys of a recipe in which ``{network}`` may stand."""


def read_recipe(path: Path, start: str = "", network: str = "") -> Recipe:
    """Read a recipe; keys left out keep the defaults of `livesr.training.plan`.

    Parameters
    ----------
    path : Path
    start : str
        Model package to begin with instead of the recipe's own ``initial``.
    network : str
        One of the paper's networks: only its outputs are trained, and ``{network}`` in the recipe's
        name and folders becomes its name.

    Raises
    ------
    ConfigError
        If the file cannot be read or a key or value is wrong.
    ModelError
        If the package to begin with cannot be read.
    """
    try:
        data = read_yaml(path)
    except (OSError, NotPlainError) as problem:
        raise ConfigError(
            f"this recipe cannot be read: {' '.join(str(problem).split())}",
            where=str(path),
            fix="start from examples/train-all.yaml",
        ) from None
    if isinstance(data, dict):
        if start:
            data["initial"] = start
        data = _for_network(data, network, str(path))
    return recipe_from(data, str(path))


def _for_network(data: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """Return a recipe's data for one of the paper's networks."""
    shared = any("{network}" in str(data.get(key, "")) for key in _NAMED)
    if not name:
        if shared:
            raise ConfigError(
                "this recipe is for one network at a time",
                where=where,
                fix=f"--network with one of {', '.join(NETWORKS)}",
            )
        return data
    if name not in NETWORKS:
        raise ConfigError(
            f"there is no network {name!r}", where="--network", fix=nearest(name, NETWORKS)
        )
    kind = NETWORKS[name]
    plan = network_like(str(data["initial"])) if data.get("initial") else {}
    background = set(kind.structures) != set(NETWORKS["VOLUME"].structures)
    head = {
        "network": kind.name,
        "structures": kind.structures,
        "activation": kind.activation,
        "background": background,
    }
    named = {key: str(data[key]).replace("{network}", name) for key in _NAMED if key in data}
    return {**data, **named, "network": {**plan, **data.get("network", {}), "heads": [head]}}


def recipe_from(data: object, where: str = "recipe") -> Recipe:
    """Check a mapping and return the recipe it says.

    Raises
    ------
    ConfigError
        Naming every key that is wrong.
    """
    if isinstance(data, dict) and data.get("initial") and "network" not in data:
        data = {**data, "network": network_like(str(data["initial"]))}
    try:
        return TypeAdapter(Recipe).validate_python(data)
    except ValidationError as problem:
        wrong = "; ".join(_describe(item) for item in problem.errors(include_url=False))
        raise ConfigError(
            wrong, where=where, fix="examples/train-all.yaml shows the keys of a recipe"
        ) from None


def network_like(name: str) -> dict[str, Any]:
    """Return the plan of a package's network, as a recipe would write it."""
    package = load_package(name)
    about = package.about
    return {
        "dims": package.dims,
        "widths": about.architecture["widths"],
        "head": about.architecture["head"],
        "voxel_um": package.voxel_um,
        "channels": package.channels,
        "heads": [
            {
                "network": head.network,
                "structures": head.structures,
                "activation": head.activation,
                "background": head.background,
            }
            for head in about.heads
        ],
    }


def dump_recipe(recipe: Recipe) -> str:
    """Return the recipe as YAML with every default written out; `read_recipe` reads it back."""
    data: dict[str, Any] = TypeAdapter(Recipe).dump_python(recipe, mode="json")
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _describe(item: ErrorDetails) -> str:
    place = ".".join(str(part) for part in item["loc"]) or "recipe"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        message = "there is no such key"
    value = item.get("input")
    shown = "" if isinstance(value, dict | list | tuple) or value is None else f" (found {value!r})"
    return f"{place}: {message}{shown}"
