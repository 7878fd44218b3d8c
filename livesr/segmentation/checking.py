"""Whether a package is whole, and whether this machine computes with it what it should."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.description import MEND
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.exemplar import exemplar

if TYPE_CHECKING:
    from livesr.segmentation.package import Package

LARGEST = 1
"""Steps of 1/255 by which an output may differ in float32: rounding, on either side."""
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


def check_package(package: Package, engine: str = "auto") -> Difference:
    """Verify every file of a package and run its test input, in float32.

    Raises
    ------
    ModelError
        If a file is damaged, the engine cannot run the network, or gives something else.
    """
    package.verify()
    features, expected = exemplar(package)
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
