"""What decides the simulated cells, so that a score says of which it is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import livesr
from livesr import simulator
from livesr.simulator.parameters import parameters

if TYPE_CHECKING:
    from livesr.simulator.parameters import Parameters

SOURCES = (".py", ".yaml")
"""Files of the simulator that decide what its cells look like."""


def simulator_version(p: Parameters | None = None) -> dict[str, str | int]:
    """Return what decides the simulated cells.

    Parameters
    ----------
    p : Parameters, optional
        Those simulated with; default: preset `standard`.

    Returns
    -------
    dict
        ``version`` of the parameters, ``hash`` of their values, ``sources``: hash of the
        simulator's program, and ``livesr``: its version.
    """
    p = p or parameters()
    return {
        "version": p.version,
        "hash": p.hash(),
        "sources": _sources(Path(simulator.__file__).parent),
        "livesr": livesr.__version__,
    }


def _sources(folder: Path) -> str:
    """Return a hash of a package's sources and tables, whatever their line endings."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.suffix in SOURCES:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:16]
