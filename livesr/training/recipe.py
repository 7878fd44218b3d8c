"""Recipes of training runs as YAML, read with errors that say which key is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import TypeAdapter, ValidationError

from livesr.errors import ConfigError
from livesr.training.plan import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; keys left out keep the defaults of `livesr.training.plan`.

    Raises
    ------
    ConfigError
        If the file cannot be read or a key or value is wrong.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ConfigError(
            f"this recipe cannot be read: {' '.join(str(problem).split())}",
            where=str(path),
            fix="start from examples/train-all.yaml",
        ) from None
    return recipe_from(data, str(path))


def recipe_from(data: object, where: str = "recipe") -> Recipe:
    """Check a mapping and return the recipe it says.

    Raises
    ------
    ConfigError
        Naming every key that is wrong.
    """
    try:
        return TypeAdapter(Recipe).validate_python(data)
    except ValidationError as problem:
        wrong = "; ".join(_describe(item) for item in problem.errors(include_url=False))
        raise ConfigError(
            wrong, where=where, fix="examples/train-all.yaml shows the keys of a recipe"
        ) from None


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
