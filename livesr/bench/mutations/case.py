"""One mutation: which file is spoilt how follows from kind, number and seed alone."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import yaml

from livesr.bench.mutations.good import KINDS

if TYPE_CHECKING:
    from pathlib import Path

SIGNED = 0.7
"""Share of spoilt files of packages whose checksum the description gives as if they were whole."""
TRIES = 20


@dataclass(frozen=True, slots=True)
class Case:
    """A file and what it holds instead of what it held.

    Attributes
    ----------
    kind, number
        Which case it is.
    file : Path
    spoil : str
        Name of the damage.
    content : bytes
    others : dict of Path to bytes
        Files that are changed with it: a package's description with the new checksum.
    """

    kind: str
    number: int
    file: Path
    spoil: str
    content: bytes
    others: dict[Path, bytes]


def make_case(kind: str, number: int, seed: int, root: Path) -> Case:
    """Return a case; ``root`` is only read. Of numbers below 0 nothing is spoilt."""
    rng = np.random.default_rng([seed, abs(number), zlib.crc32(kind.encode())])
    which = KINDS[kind]
    files = sorted(file for pattern in which.files for file in root.glob(pattern) if file.is_file())
    file = files[int(rng.integers(len(files)))]
    good = file.read_bytes()
    if number < 0:
        return Case(kind, number, file, "nothing", good, {})
    spoil, content = which.spoils[0], good
    for _ in range(TRIES):  # some damage changes nothing
        spoil = which.spoils[int(rng.integers(len(which.spoils)))]
        content = spoil(good, rng)
        if content != good:
            break
    others = {}
    if kind.startswith("package ") and rng.random() < SIGNED:
        rdf = root / "package" / "rdf.yaml"
        others[rdf] = _signed(rdf.read_bytes(), file.name, good, content)
    return Case(kind, number, file, spoil.__name__, content, others)


def _signed(rdf: bytes, name: str, good: bytes, content: bytes) -> bytes:
    """Return the description of a package with the checksum and size of the spoilt file."""
    old, new = (hashlib.sha256(data).hexdigest().encode() for data in (good, content))
    said = yaml.safe_load(rdf.replace(old, new))
    said["config"]["livesr"].get("bytes", {}).pop(name, None)
    return yaml.safe_dump(said).encode()
