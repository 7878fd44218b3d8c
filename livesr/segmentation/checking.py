"""Whether a package is whole, and whether this machine computes with it what it should."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.description import MEND
from livesr.segmentation.engines import choose_engine

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from livesr.segmentation.package import Package

LARGEST = 1
"""Steps of 1/255 by which an output may differ in float32: rounding, on either side."""
AXES = 5
_DAMAGE = (
    OSError, ValueError, TypeError, SyntaxError, OverflowError, EOFError, MemoryError, TokenError,
)  # fmt: skip
"""What numpy raises for an array's file that is damaged."""
MOST = 1e-3
"""Share of the outputs that may differ at all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What an engine gives for the test input, against what the package says it must give.

    Attributes
    ----------
    engine : str
    outputs : int
        Voxels times structures.
    differing : int
        Outputs that are not the same.
    largest : int
        Largest difference, in steps of 1/255.
    """

    engine: str
    outputs: int
    differing: int
    largest: int

    @property
    def within(self) -> bool:
        """Whether it is rounding alone."""
        return self.largest <= LARGEST and self.differing <= MOST * self.outputs

    def __str__(self) -> str:
        """Return the figures and the tolerance."""
        return (
            f"{self.engine} differs in {self.differing:,} of {self.outputs:,} test outputs, by at "
            f"most {self.largest}/255 (allowed: {MOST:.1%}, by {LARGEST}/255)"
        )


def _array(path: Path, dtype: str) -> npt.NDArray[Any]:
    """Return a stored array; ValueError if it is no batch of stacks.

    It is mapped first: what its head says must be there, so that no head fills the memory.
    """
    mapped = np.lib.format.open_memmap(path, mode="r")
    if mapped.dtype != dtype or mapped.ndim != AXES or not mapped.size:
        raise ValueError(f"{path.name} is {mapped.dtype} {mapped.shape}, not {dtype}, {AXES} axes")
    return np.array(mapped)


def check_package(package: Package, engine: str = "auto") -> Difference:
    """Verify every file of a package and run its test input, in float32.

    Raises
    ------
    ModelError
        If a file is damaged, the engine cannot run the network, or gives something else.
    """
    package.verify()
    into, out = package.test_files()
    try:
        features = _array(into, "float32")
        expected = _array(out, "uint8")
    except _DAMAGE as problem:
        raise ModelError(
            f"the test input of package {package.name} cannot be read: {problem}",
            where=str(package.folder),
            fix=MEND,
        ) from None
    with closing(choose_engine(engine, package, precision="f32")) as runner:
        found = runner.run(features)
        if found.shape != expected.shape:
            raise ModelError(
                f"package {package.name} gives outputs {found.shape}, its test output is "
                f"{expected.shape}",
                where=str(package.folder),
                fix=MEND,
            )
        steps = np.abs(found.astype(np.int16) - expected.astype(np.int16))
        difference = Difference(
            runner.name, steps.size, int(np.count_nonzero(steps)), int(steps.max())
        )
    if not difference.within:
        raise ModelError(
            f"package {package.name}: {difference}",
            where=str(package.folder),
            fix=f"try another engine (livesr doctor), or {MEND}",
        )
    return difference
