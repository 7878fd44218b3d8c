"""``livesr models``: the model packages on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from livesr.catalog import BY_NAME
from livesr.cli.output import Json, emit, say, say_error, table
from livesr.errors import ConfigError, ModelError
from livesr.segmentation.checking import check_package
from livesr.segmentation.package import Package, load_package, package_names
from livesr.segmentation.sharing import FORMS, share
from livesr.segmentation.triton import BACKENDS, write_repository

models = typer.Typer(
    help="Model packages: list them, describe one, check them, export one.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="PACKAGE", help="A folder, or a name in models/.")]

_LIST = {
    "name": "name",
    "dims": "dims",
    "networks": "networks",
    "structures": "structures",
    "parameters": "parameters",
    "megabytes": "MB",
    "sha256": "sha256",
    "mean_f1": "mean F1",
}
"""Keys of a row and their headings."""
_FEW = 2
"""Networks of a package that are named in the list; more are counted."""
_SHORT = 12
"""Digits of a checksum for people."""


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.add_typer(models, name="models")


@models.command("list")
def list_(as_json: Json = False) -> int:
    """List the packages that travel with livesr."""
    rows, code = [], 0
    for name in package_names():
        try:
            rows.append(_row(load_package(name)))
        except ModelError as error:
            say_error(error)
            code = error.exit_code
    if as_json:
        emit(rows)
    else:
        say(table([_for_people(row) for row in rows], tuple(_LIST.values())))
    return code


@models.command()
def info(package: Name, as_json: Json = False) -> int:
    """Describe a package: what it is, how it was made, its scores."""
    found = load_package(package)
    if as_json:
        emit(found.about.model_dump(mode="json"))
    else:
        say("\n".join(_described(found)))
    return 0


@models.command()
def check(
    package: Annotated[
        str | None,
        typer.Argument(metavar="[PACKAGE]", help="A folder, or a name in models/; default all."),
    ] = None,
    engine: Annotated[str, typer.Option(help="Engine.")] = "auto",
    as_json: Json = False,
) -> int:
    """Verify a package's files, and run its test input on this machine."""
    found: list[dict[str, object]] = []
    code = 0
    for name in [package] if package else package_names():
        try:
            difference = check_package(load_package(name), engine)
        except ModelError as error:
            say_error(error)
            found.append({"name": name, **error.as_dict()})
            code = error.exit_code
        else:
            say(f"{name}: whole; {difference}")
            found.append({"name": name, **asdict(difference)})
    if as_json:
        emit(found)
    return code


@models.command()
def export(
    package: Name,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write one file to.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help=f"{' or '.join(FORMS)}: all, or the graph alone.")
    ] = FORMS[0],
    triton: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Model repository of a server; see docs/remote.md."),
    ] = None,
    backend: Annotated[
        str, typer.Option(help=f"{' or '.join(BACKENDS)}: what runs it there (--triton).")
    ] = BACKENDS[0],
    half: Annotated[
        bool, typer.Option("--half", help="Take float16 features: half the traffic (--triton).")
    ] = False,
    as_json: Json = False,
) -> int:
    """Write a package as one file, or for a server of the Open Inference Protocol."""
    if (out is None) == (triton is None):
        raise ConfigError(
            "an export goes to one place", where="models export", fix="give --out or --triton"
        )
    if triton is not None:
        folder = write_repository(load_package(package), triton, backend, half=half)
        say(f"{folder}: a model for servers; docs/remote.md says how to start one")
        if as_json:
            emit({"path": str(folder), "model": folder.name})
        return 0
    assert out is not None  # noqa: S101 - one of both is given
    path = share(load_package(package), out, form)
    say(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if as_json:
        emit({"path": str(path), "bytes": path.stat().st_size})
    return 0


def _row(package: Package) -> dict[str, Any]:
    about = package.about
    return {
        "name": package.name,
        "dims": package.dims,
        "networks": [head.network for head in about.heads],
        "channels": list(package.channels),
        "structures": len(package.structures),
        "parameters": about.training.get("parameters"),
        "megabytes": round(_megabytes(package), 1),
        "sha256": package.sha256,
        "mean_f1": about.scores.get("mean_f1"),
    }


def _megabytes(package: Package) -> float:
    return sum(path.stat().st_size for path in package.folder.iterdir()) / 1e6


def _for_people(row: dict[str, Any]) -> dict[str, object]:
    networks = row["networks"]
    return {
        heading: {
            "networks": ", ".join(networks) if len(networks) <= _FEW else str(len(networks)),
            "megabytes": f"{row['megabytes']:.1f}",
            "sha256": row["sha256"][:_SHORT],
        }.get(key, row[key])
        for key, heading in _LIST.items()
    }


def _described(package: Package) -> list[str]:
    """Return a description for people, its first line saying what the network was trained on."""
    about, seen = package.about, package.about.input
    sizes = " × ".join(f"{size:g}" for size in seen.voxel_um)
    rows = [
        {
            "structure": BY_NAME[name].title if name in BY_NAME else name,
            "network": head.network,
            "threshold": f"{about.thresholds[name]:g}",
            "F1": about.f1(name),
        }
        for head in about.heads
        for name in head.structures
    ]
    facts = {
        "sees": f"{' and '.join(seen.channels)}, voxels of {sizes} µm (z, y, x), "
        f"{'stacks' if package.dims == '3d' else 'each plane alone'}",
        "sizes": f"multiples of {package.multiple} voxels; looks {package.halo} voxels around",
        "probabilities": "can be calibrated" if package.trust.get("probability") else "as they are",
        "licence": about.license,
        "weights": f"{about.weights.file}, sha256 {package.sha256[:_SHORT]}…",
        **{key.replace("_", " "): _one_line(value) for key, value in about.training.items()},
        **{
            f"scored on {key}": _one_line(value)
            for key, value in about.scores.items()
            if key in ("preset", "seeds", "shape", "simulator")
        },
    }
    width = max(map(len, facts))
    return [
        about.description,
        "",
        f"{package.name}  {package.folder}",
        about.honest_words,
        "",
        table(rows, ("structure", "network", "threshold", "F1")),
        "",
        *(f"{key.ljust(width)}  {value}" for key, value in facts.items()),
    ]


def _one_line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
