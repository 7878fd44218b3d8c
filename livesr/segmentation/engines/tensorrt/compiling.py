"""Plans made before a session: ``livesr compile``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from livesr.errors import ModelError
from livesr.segmentation.engines.tensorrt.build import Order, build, check_target
from livesr.segmentation.engines.tensorrt.cache import Cache, cache_folder
from livesr.segmentation.engines.tensorrt.card import Card
from livesr.segmentation.engines.tensorrt.engine import checked_precision, plan_key
from livesr.segmentation.engines.tensorrt.graph import compiled_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from livesr.segmentation.engines.tensorrt.library import Library
    from livesr.segmentation.package import Package


@dataclass(frozen=True, slots=True)
class Wish:
    """What to compile.

    Attributes
    ----------
    window : tuple of int
        Voxels (z, y, x) of the networks' grid.
    precision : {"auto", "f16", "f32"}
    structures : tuple of str
        The outputs; all of the package if empty.
    """

    window: tuple[int, int, int]
    precision: str = "auto"
    structures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that lies on disk."""

    package: str
    engine: str
    library: str
    target: str
    precision: str
    window: tuple[int, ...]
    path: Path
    bytes: int

    def as_dict(self) -> dict[str, object]:
        """Return it for ``--json``."""
        return {**asdict(self), "path": str(self.path)}


def compile_package(
    package: Package,
    library: Library,
    targets: Sequence[str],
    wish: Wish,
    *,
    folder: Path | None = None,
    progress: Callable[[str], None],
) -> list[Plan]:
    """Compile a package and keep the plans where the engine looks for them.

    Parameters
    ----------
    package : Package
    library : Library
    targets : sequence of str
        Compute capabilities; the card of this machine if there are none.
    wish : Wish
    folder : Path, optional
        Where to write; the cache if not given.
    progress : callable

    Raises
    ------
    ModelError
        If the library is missing or refuses, or it needs a card and there is none.
    StorageError
        If the folder cannot be written.
    """
    package.verify()
    precision = checked_precision(library, wish.precision)
    library.load()
    cards = [(check_target(library, name), "") for name in targets] or [_this_card(library)]
    structures = wish.structures or package.structures
    shape = (1, len(package.channels), *_checked(package, wish.window))
    graph = compiled_graph(package, structures, precision)
    cache = Cache(folder or cache_folder())
    plans = []
    for target, card in dict(cards).items():
        key = plan_key(package, library, target, card, precision, structures, shape)
        what = f"package {package.name} for {card or target}, windows of {wish.window}"
        timings = None if library.targets else cache.timings(key)
        plan = build(library, Order(graph, shape, target, what, timings), progress)
        path = cache.write(key, plan)
        plans.append(
            Plan(
                package.name,
                library.name,
                key.library,
                target,
                precision,
                wish.window,
                path,
                len(plan),
            )
        )
    return plans


def _this_card(library: Library) -> tuple[str, str]:
    """Return capability and name of the card that is here."""
    try:
        card = Card()
    except ModelError as problem:
        fix = (
            f"name the cards to compile for: --target {','.join(library.targets)}"
            if library.targets
            else f"{library.title} measures on the card itself, so it compiles only on the machine "
            f"with the card, its driver and {library.title}'s libraries from NVIDIA; "
            "--engine tensorrt-rtx compiles on any machine"
        )
        raise ModelError(
            f"{library.title} finds no card: {problem.what}",
            where=f"engine {library.name}",
            fix=fix,
        ) from None
    if library.targets:
        check_target(library, card.target)
    return card.target, card.name


def _checked(package: Package, window: tuple[int, int, int]) -> tuple[int, int, int]:
    """Refuse a window that the network cannot see."""
    multiple = package.multiple
    rounded = tuple(-(-n // m) * m for n, m in zip(window, multiple, strict=True))
    if rounded != window:
        raise ModelError(
            f"package {package.name} sees windows of multiples of {multiple} voxels, not {window}",
            where="--window",
            fix="--window " + ",".join(map(str, rounded)),
        )
    return window
