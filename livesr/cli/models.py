"""``livesr models``: the model packages on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, emit, say, table
from livesr.segmentation.package import Package, list_packages, load_package

models = typer.Typer(
    help="Model packages: list them, describe one, check one.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="PACKAGE", help="A folder, or a name in models/.")]


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.add_typer(models, name="models")


@models.command("list")
def list_(as_json: Json = False) -> int:
    """List the packages that travel with livesr."""
    rows = [_row(package) for package in list_packages()]
    if as_json:
        emit(rows)
    else:
        say(table(rows, ("name", "dims", "structures", "parameters", "sha256")))
    return 0


@models.command()
def info(package: Name, as_json: Json = False) -> int:
    """Describe a package: what it is, how it was made, its scores."""
    found = load_package(package)
    if as_json:
        emit(found.about.model_dump(mode="json"))
    else:
        say(Path(found.folder / "package.yaml").read_text(encoding="utf-8").rstrip())
    return 0


@models.command()
def check(package: Name, as_json: Json = False) -> int:
    """Compare a package's weights with their checksum."""
    found = load_package(package)
    found.verify()
    say(f"{found.name}: whole")
    if as_json:
        emit({"name": found.name, "sha256": found.sha256})
    return 0


def _row(package: Package) -> dict[str, object]:
    return {
        "name": package.name,
        "dims": package.dims,
        "networks": [head.network for head in package.about.heads],
        "structures": len(package.structures),
        "parameters": package.about.training.get("parameters"),
        "sha256": package.sha256,
    }
