"""Packages as one file, for other software and other people."""

from __future__ import annotations

import os
import shutil
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, get_args

from livesr.errors import ConfigError, StorageError, nearest
from livesr.segmentation.description import FILE, README

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.segmentation.package import Package

Form = Literal["bioimageio-zip", "onnx"]
FORMS: tuple[str, ...] = get_args(Form)


def share(package: Package, folder: Path, form: str = "bioimageio-zip") -> Path:
    """Write a package as one file; returns it.

    Parameters
    ----------
    package : Package
    folder : Path
        Made if it is not there.
    form : {"bioimageio-zip", "onnx"}
        Everything, as bioimage.io takes it and livesr after unpacking; or the graph alone.

    Raises
    ------
    ConfigError
        If there is no such form.
    ModelError
        If the package is damaged.
    StorageError
        If the file is there already, or cannot be written.
    """
    if form not in FORMS:
        raise ConfigError(
            f"there is no format {form!r}", where="--format", fix=nearest(form, FORMS)
        )
    package.verify()
    target = folder / f"{package.name}{'.onnx' if form == 'onnx' else '.zip'}"
    if target.exists():
        raise StorageError(
            "this file is there already, and is not replaced",
            where=str(target),
            fix="name another folder, or take the file away",
        )
    draft = folder / f".{target.name}.{os.getpid()}.draft"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if form == "onnx":
            shutil.copyfile(package.weights, draft)
        else:
            _pack(package, draft)
        draft.rename(target)
    except OSError as problem:
        raise StorageError(
            f"the package cannot be written: {problem}",
            where=str(target),
            fix="make room on the disk, or name a folder that you may write to",
        ) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return target


def _pack(package: Package, path: Path) -> None:
    about = package.about
    said = (about.weights, about.safetensors, about.test_input, about.test_output)
    names = [FILE, README, *(file.file for file in said if file is not None)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.write(package.folder / name, name)
