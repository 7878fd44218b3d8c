"""Which networks a session runs: one for all structures, several of the paper's, or a mixture.

All see the same images: a stack is warped once, and then one network after the other looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.catalog import NETWORKS
from livesr.errors import ConfigError, nearest
from livesr.segmentation.package import load_package
from livesr.segmentation.trust import Seen, tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from livesr.segmentation.package import Package
    from livesr.types import UInt8

TEN = "ten"
"""Stands for the paper's ten networks."""
WHERE = "segmentation.package"


@dataclass(frozen=True, slots=True)
class Networks:
    """Packages in the order in which they run, and which structures each of them gives.

    Attributes
    ----------
    parts : tuple of (Package, tuple of str)
        At least one; of a structure that two packages know, the first one gives it.
    structures : tuple of str
        All that is asked for, in the order in which it is stored.
    """

    parts: tuple[tuple[Package, tuple[str, ...]], ...]
    structures: tuple[str, ...]

    @property
    def packages(self) -> tuple[Package, ...]:
        """Those that run."""
        return tuple(package for package, _ in self.parts)

    @property
    def first(self) -> Package:
        """The package whose grid all share."""
        return self.parts[0][0]

    @property
    def name(self) -> str:
        """For people: ``ALL``, or ``LD+MITO``."""
        return "+".join(package.name for package in self.packages)

    @property
    def uncalibrated(self) -> tuple[str, ...]:
        """Structures whose probability stays as the network gives it."""
        return tuple(
            name
            for package, names in self.parts
            for name in names
            if name not in (package.trust.get("probability") or {})
        )

    def each(self) -> Iterator[Networks]:
        """Yield each package alone, with what it gives."""
        for package, names in self.parts:
            yield Networks(((package, names),), names)

    def seen(self) -> Seen | None:
        """Return what the first package that says so was trained on.

        Raises
        ------
        ModelError
            If it is damaged.
        """
        return next((s for p in self.packages if (s := Seen.of(p.trust)) is not None), None)

    def tables(self) -> dict[str, UInt8]:
        """Return each structure's lookup table from its network's to the calibrated probability.

        Raises
        ------
        ModelError
            If what a package says is damaged.
        """
        found: dict[str, UInt8] = {}
        for package, names in self.parts:
            found |= tables(package.trust, names)
        return found

    def verify(self) -> None:
        """Compare the files of every package with their checksums.

        Raises
        ------
        ModelError
            If one is missing or damaged.
        """
        for package in self.packages:
            package.verify()


def choose_networks(names: Sequence[str], structures: Sequence[str] | None = None) -> Networks:
    """Return what a session runs.

    Parameters
    ----------
    names : sequence of str
        Folders, or names in ``models/``; `TEN` stands for the paper's ten.
    structures : sequence of str, optional
        All that the packages give if not given. Packages of which nothing is asked do not run.

    Raises
    ------
    ModelError
        If there is no such package, or it does not see cells.
    ConfigError
        If the packages do not see the same images, or do not give a structure.
    """
    packages = [load_package(name) for name in _spelt_out(names)]
    for package in packages:
        package.check_channels()
        _check_alike(packages[0], package)
    given = list(dict.fromkeys(name for package in packages for name in package.structures))
    asked = given if structures is None else list(structures)
    for name in asked:
        if name not in given:
            raise ConfigError(
                f"{_none_gives(packages)} {name}",
                where="segmentation.structures",
                fix=nearest(name, given),
            )
    open_, parts = list(asked), []
    for package in packages:
        own = tuple(name for name in open_ if name in package.structures)
        open_ = [name for name in open_ if name not in own]
        if own:
            parts.append((package, own))
    return Networks(tuple(parts), tuple(asked))


def _spelt_out(names: Iterable[str]) -> list[str]:
    spelt = [one for name in names for one in (NETWORKS if name == TEN else (name,))]
    return list(dict.fromkeys(spelt))


def _none_gives(packages: Sequence[Package]) -> str:
    if len(packages) == 1:
        return f"package {packages[0].name} does not give"
    return f"none of {', '.join(package.name for package in packages)} gives"


def _check_alike(first: Package, other: Package) -> None:
    if (first.dims, first.voxel_um) != (other.dims, other.voxel_um):
        raise ConfigError(
            f"packages {first.name} ({first.dims}, voxels of {first.voxel_um} µm) and {other.name} "
            f"({other.dims}, {other.voxel_um} µm) do not see the same images",
            where=WHERE,
            fix="run them in sessions of their own, or leave one out",
        )
