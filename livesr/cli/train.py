"""``livesr train``: a network from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging
from livesr.errors import ModelError
from livesr.training.recipe import read_recipe


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("train", help="Train a network from a recipe and write its model package.")(train)


def train(
    config: Annotated[Path, typer.Argument(help="Recipe, such as examples/train-all.yaml.")],
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="PACKAGE",
            help="Begin with the weights of a model package (a folder, or a name in models/): "
            "fine-tune it. The recipe's network is then the package's unless it says otherwise.",
        ),
    ] = "",
    network: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Train only this one of the paper's networks (LD, GOLGI, MITO, …); {network} in "
            "the recipe becomes its name.",
        ),
    ] = "",
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Train; started again, it goes on from its last checkpoint.

    With several GPUs: torchrun --nproc-per-node N -m livesr train CONFIG
    """
    start_logging(verbose)
    recipe = read_recipe(config, start=start, network=network)
    try:
        from livesr.training.run import train as run
    except ModuleNotFoundError as missing:
        raise ModelError(
            f"training needs {missing.name}, which is not installed",
            where="livesr train",
            fix='python -m pip install "livesr[train]"',
        ) from None
    folder = run(recipe, progress=lambda line: say(_line(line)))
    say(f"package: {folder}")
    if as_json:
        emit({"package": str(folder), "name": recipe.name})
    return 0


def _line(line: dict[str, object]) -> str:
    """Return a line of the log for people: plain values first, then those of each structure."""
    plain = {key: value for key, value in line.items() if not isinstance(value, dict)}
    nested = [value for value in line.values() if isinstance(value, dict)]
    event = plain.pop("event", None)
    words = [] if event is None else [str(event) + ":"]
    words += [f"{key.replace('_', ' ')} {_short(value)}" for key, value in plain.items()]
    lines = ["  ".join(words)]
    lines += ["    " + "  ".join(f"{k} {_short(v)}" for k, v in each.items()) for each in nested]
    return "\n".join(lines)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
