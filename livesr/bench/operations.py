"""Operations of the network for all fifteen structures against those of the ten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.bench.rows import Row
from livesr.catalog import NETWORKS
from livesr.segmentation.operations import PATCH, multiply_accumulates
from livesr.segmentation.package import load_package, package_names

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = 8.0
"""The ten are to take so many times the operations."""


def rows() -> Iterator[Row]:
    """Count multiply-accumulates of a patch of the paper's size, from the graphs."""
    ours = giga("ALL")
    shape = " × ".join(map(str, PATCH))
    missing = [name for name in NETWORKS if name not in package_names()]
    theirs = None if missing else sum(giga(name) for name in NETWORKS)
    yield Row(
        f"operations of ALL on {shape} voxels",
        ours,
        "GMAC",
        peer="the ten networks",
        peer_value=theirs,
        ratio=theirs / ours if theirs else None,
        bound=f"an eighth of the ten's: {ASKED:g} times fewer",
        attained=min(theirs / ours / ASKED, 1.0) if theirs else None,
        detail=f"not here: {', '.join(missing)}" if missing else "from the graphs",
    )


def giga(name: str) -> float:
    """Return the multiply-accumulates of a package on the paper's patch, in thousands of millions.

    A package that is not there is an error.
    """
    return multiply_accumulates(load_package(name)) / 1e9
