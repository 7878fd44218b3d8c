"""Plans on disk: compiled once for a package, a library, a kind of card and a shape.

Each plan has a description beside it, which names everything that it was compiled from. A plan
that is damaged, or that the library refuses, is compiled again and the reason is logged.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from livesr.errors import ModelError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

FOLDER = "LIVESR_CACHE"
"""Environment variable: where plans are kept instead of the user's cache folder."""
FORM = 1
"""Raised when the graph is rewritten in another way: then no older plan fits."""

T = TypeVar("T")


def cache_folder() -> Path:
    """Return where plans are kept: ``$LIVESR_CACHE``, else the user's cache folder."""
    given = os.environ.get(FOLDER)
    return Path(given) if given else user_cache_path("livesr", appauthor=False) / "plans"


@dataclass(frozen=True, slots=True)
class Key:
    """What a plan is compiled from and for; any difference makes it another plan.

    Attributes
    ----------
    package : str
        Name, for people.
    graph : str
        sha256 of the package's graph.
    library : str
        Name and version.
    target : str
        Compute capability, such as ``sm89``.
    card : str
        Name of the card that the library measured on; empty if it measured on none.
    precision : str
    structures : tuple of str
    shape : tuple of int
        Of the input (n, C, z, y, x).
    form : int
        How the graph is rewritten.
    """

    package: str
    graph: str
    library: str
    target: str
    card: str
    precision: str
    structures: tuple[str, ...]
    shape: tuple[int, ...]
    form: int = FORM

    def as_dict(self) -> dict[str, object]:
        """Return it as the description holds it."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @property
    def stem(self) -> str:
        """Name of its files: for people first, then a digest of everything."""
        digest = hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()
        size = "x".join(map(str, self.shape[2:]))
        words = (self.package, self.library.split()[0], self.target, self.precision, size)
        return _plain(*words, digest[:16])


class Cache:
    """A folder of plans."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: Key) -> Path:
        """Return where a plan lies."""
        return self.folder / f"{key.stem}.plan"

    def timings(self, key: Key) -> Path:
        """Return where a library keeps what it measured on a card, for all packages."""
        return self.folder / f"{_plain(key.library, key.target, key.card)}.timings"

    def get(
        self,
        key: Key,
        make: Callable[[], bytes],
        accept: Callable[[bytes], T | None],
        progress: Callable[[str], None],
    ) -> T:
        """Return what ``accept`` makes of a plan, compiled by ``make`` if there is none that fits.

        Of several processes one compiles and the others wait for it. If the folder cannot be
        written the plan is used all the same, and compiled again the next time.

        Raises
        ------
        ModelError
            If it cannot be compiled, or a new plan is refused as well.
        """
        with self._locked(key, progress):
            plan = self._read(key)
            if plan is not None:
                accepted = accept(plan)
                if accepted is not None:
                    return accepted
                log.warning(
                    "%s is refused by %s: it is compiled again", self.path(key), key.library
                )
            plan = make()
            try:
                self.write(key, plan)
            except StorageError as problem:
                log.warning("the plan is not kept: %s", problem.what)
            accepted = accept(plan)
        if accepted is None:
            raise ModelError(
                f"{key.library} refuses the plan that it has just compiled for {key.package}",
                where=f"engine {key.library.split()[0]}",
                fix="livesr doctor checks driver and library; take another engine meanwhile",
            )
        return accepted

    def write(self, key: Key, plan: bytes) -> Path:
        """Keep a plan and its description, each written whole or not at all.

        Raises
        ------
        StorageError
            If the folder cannot be written.
        """
        path = self.path(key)
        about = {"key": key.as_dict(), "sha256": hashlib.sha256(plan).hexdigest()}
        try:
            write_whole(path, plan)
            write_whole(path.with_suffix(".json"), json.dumps(about, indent=1).encode())
        except OSError as problem:
            raise StorageError(
                f"a plan cannot be written: {problem.strerror or problem}",
                where=str(path),
                fix=f"free the disk, or set {FOLDER} to a folder on another",
            ) from None
        return path

    def _read(self, key: Key) -> bytes | None:
        """Return the plan, or None and a logged reason if it is not the one that was written."""
        path = self.path(key)
        try:
            about = json.loads(path.with_suffix(".json").read_bytes())
            plan = path.read_bytes()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as problem:
            log.warning("%s cannot be read (%s): it is compiled again", path, problem)
            return None
        said = about if isinstance(about, dict) else {}
        if said.get("key") != key.as_dict():
            log.warning("%s was compiled for something else: it is compiled again", path)
            return None
        if said.get("sha256") != hashlib.sha256(plan).hexdigest():
            log.warning("%s is damaged: it is compiled again", path)
            return None
        return plan

    @contextmanager
    def _locked(self, key: Key, progress: Callable[[str], None]) -> Iterator[None]:
        """Hold the plan's lock; without one if the folder cannot be written."""
        path = self.folder / f"{key.stem}.lock"
        lock = FileLock(path)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0.2)
            except Timeout:
                progress(f"another process compiles {key.package}: waiting for it")
                lock.acquire()
        except OSError as problem:
            log.warning("%s cannot be locked (%s)", path, problem)
        try:
            yield
        finally:
            lock.release()


def _plain(*words: str) -> str:
    """Return words as a file name that every system takes."""
    return re.sub(r"[^\w.-]", "_", "-".join(words), flags=re.ASCII)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a new name, then rename it: nobody sees half of it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
