"""A package's test input, and what its network must give for it."""

from __future__ import annotations

from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.description import MEND

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

AXES = 5
_DAMAGE = (
    OSError, ValueError, TypeError, SyntaxError, OverflowError, EOFError, MemoryError, TokenError,
)  # fmt: skip
"""What numpy raises for an array's file that is damaged."""


def exemplar(package: Package) -> tuple[Float32, UInt8]:
    """Return test input (n, C, z, y, x), float32, and test output (n, K, z, y, x), uint8.

    Raises
    ------
    ModelError
        If the package has none, or its files are damaged.
    """
    into, out = package.test_files()
    try:
        return _array(into, "float32"), _array(out, "uint8")
    except _DAMAGE as problem:
        raise ModelError(
            f"the test input of package {package.name} cannot be read: {problem}",
            where=str(package.folder),
            fix=MEND,
        ) from None


def _array(path: Path, dtype: str) -> npt.NDArray[Any]:
    """Return a stored array; ValueError if it is no batch of stacks.

    It is mapped first: what its head says must be there, so that no head fills the memory.
    """
    mapped = np.lib.format.open_memmap(path, mode="r")
    if mapped.dtype != dtype or mapped.ndim != AXES or not mapped.size:
        raise ValueError(f"{path.name} is {mapped.dtype} {mapped.shape}, not {dtype}, {AXES} axes")
    return np.array(mapped)
