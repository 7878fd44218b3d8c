"""Which recordings are meant: files, folders and patterns become a list with a name for each."""

from __future__ import annotations

import glob
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from livesr.errors import ConfigError, HardwareError
from livesr.plain import read_json
from livesr.session.naming import safe
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE
from livesr.storage.reader import read_settings
from livesr.storage.recorded_nd import nd_files, read_nd
from livesr.storage.recorded_tiff import count_images
from livesr.storage.recorded_zarr import several_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SUFFIX = re.compile(r"(\.ome)?\.(zarr|tiff?|stk|nd)$", re.IGNORECASE)
_TIFF = (".tif", ".tiff", ".stk")
_SIMULATED = ("image.ome.zarr", "image.ome.tiff", "image.ome.tif")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Input:
    """One recording.

    Attributes
    ----------
    path : Path
        A file, an OME-Zarr image, a session of livesr, or a stage of an ``.nd`` file.
    name : str
        Of the folder that its masks go to.
    """

    path: Path
    name: str

    @property
    def is_session(self) -> bool:
        """Whether livesr recorded, or processed, it."""
        return _is_session(self.path)


def find_inputs(arguments: Sequence[str | Path], out: Path) -> list[Input]:
    """Return the recordings that are meant, each once, in the order of the arguments.

    Parameters
    ----------
    arguments : sequence of str or Path
        Files, folders that are searched, and patterns (``*``, ``**``), for not every shell expands
        them.
    out : Path
        Where masks go: what lies in there is no input.

    Raises
    ------
    ConfigError
        If an argument names nothing, or nothing that can be read.
    """
    found: dict[Path, str] = {}
    for argument in arguments:
        before = len(found)
        known = False
        for root, path in _meant(str(argument)):
            if _within(path, out):
                continue
            for image in _images(path):
                known = True
                if not _within(image, out):
                    found.setdefault(image.absolute(), _name(image, root))
        if len(found) == before and not known:
            raise ConfigError(
                f"there is no recording in {str(argument)!r}",
                where="livesr process",
                fix="name sessions, OME-Zarr or TIFF files, MetaMorph .stk or .nd files, folders "
                "with them, or a pattern such as 'night/*.ome.tif'",
            )
    return _named(found, out)


def _meant(argument: str) -> Iterator[tuple[Path, Path]]:
    """Yield what an argument names, each with the folder that its name counts from."""
    path = Path(argument)
    if path.exists() or path.parent.is_file():
        yield path, path
    elif _MAGIC.search(argument):
        plain = []
        for part in path.parts:
            if _MAGIC.search(part):
                break
            plain.append(part)
        root = Path(*plain)
        for one in sorted(glob.glob(argument, recursive=True)):  # noqa: PTH207 - Path.glob takes no absolute pattern
            yield root, Path(one)
    else:
        raise ConfigError(
            "there is no such file or folder", where=argument, fix="check the spelling"
        )


def _images(path: Path) -> Iterator[Path]:
    """Yield the recordings at a path or below it, in the order of their names."""
    if path.parent.is_file():  # one of several images within it
        yield path
    elif path.is_file():
        yield from _of_file(path)
    elif _is_session(path) or _is_image(path):
        yield from several_images(path) or [path]
    elif simulated := next((path / n for n in _SIMULATED if (path / n).exists()), None):
        yield simulated
    elif path.is_dir():
        claimed = _claimed(path)
        for child in sorted(path.iterdir()):
            if child.name.startswith((".", "_")) or child in claimed:
                continue
            if child.is_dir() and child.name != "labels" and not child.is_symlink():
                yield from _images(child)
            elif child.is_file() and _may_be(child):
                yield from _of_file(child)


def _of_file(path: Path) -> Iterator[Path]:
    if path.suffix.lower() != ".nd":
        images = count_images(path)
        yield from [path] if images == 1 else (path / f"i{k}" for k in range(1, images + 1))
        return
    try:
        stages = len(read_nd(path).stages)
    except HardwareError:  # told when its turn comes, and stops no other
        stages = 1
    yield from [path] if stages == 1 else (path / f"s{k}" for k in range(1, stages + 1))


def _claimed(folder: Path) -> set[Path]:
    """Return the files that an ``.nd`` file in a folder speaks for."""
    claimed: set[Path] = set()
    for nd in folder.iterdir():
        if nd.suffix.lower() == ".nd" and nd.is_file():
            with suppress(HardwareError):  # a damaged one is told when it is opened
                claimed.update(nd_files(nd, read_nd(nd)).values())
    return claimed


def _may_be(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(".nd") or (name.endswith(_TIFF) and "_thumb_" not in name)


def _is_session(path: Path) -> bool:
    return (path / SESSION_FILE).is_file() and (path / JOURNAL_FILE).is_file()


def _is_image(path: Path) -> bool:
    """Return whether a folder is an OME-Zarr image; one that cannot be read is told later."""
    for name in ("zarr.json", ".zattrs"):
        if (path / name).is_file():
            try:
                said = read_json(path / name)
            except (OSError, ValueError):
                return True
            attributes = said.get("attributes", {}).get("ome", {}) if name == "zarr.json" else said
            return isinstance(attributes, dict) and "multiscales" in attributes
    return False


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _name(path: Path, root: Path) -> str:
    """Return what an input is called: its place below what was named, without its suffixes."""
    if path.name in _SIMULATED and path != root:
        path = path.parent
    path, root = path.absolute(), root.absolute()
    named = not _SUFFIX.search(root.name) and path != root
    below = path.relative_to(root if named else root.parent)
    parts = [_SUFFIX.sub("", part) for part in below.parts]
    return safe("-".join(part for part in parts if part))


def _named(found: dict[Path, str], out: Path) -> list[Input]:
    """Give what would be called alike a name of its own, the same each time."""
    taken: set[str] = set()
    inputs = []
    for path, name in found.items():
        own = name
        if own.casefold() in taken or _is_of_another(out / name, path):
            own = f"{name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        taken.add(own.casefold())
        inputs.append(Input(path, own))
    return inputs


def _is_of_another(folder: Path, path: Path) -> bool:
    """Return whether an output of this name was made from something else."""
    if not (folder / SESSION_FILE).is_file():
        return False
    recording = read_settings(folder / SESSION_FILE).get("recording") or {}
    return [str(path)] != recording.get("paths")


def check_readable(one: Input) -> None:
    """Refuse what is gone by now.

    Raises
    ------
    HardwareError
    """
    if not one.path.exists() and not one.path.parent.is_file():
        raise HardwareError("the recording is gone", where=str(one.path), fix="put it back")
