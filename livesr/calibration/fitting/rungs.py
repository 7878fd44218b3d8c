"""The rungs of the ladder: models of a displacement, from a shift to polynomials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.warp import MAX_DEGREE, exponents

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.types import Float64


@dataclass(frozen=True, slots=True)
class Rung:
    """One model of the displacement, before it is fitted.

    Attributes
    ----------
    name : str
        For people.
    terms : tuple of (int, int, int)
        Powers of z, y and x of its columns.
    bowl : bool
        Whether a column y² + x² follows.
    similar : bool
        Shift, rotation and magnification only: y and x share their coefficients.
    """

    name: str
    terms: tuple[tuple[int, int, int], ...]
    bowl: bool = False
    similar: bool = False

    @property
    def size(self) -> int:
        """Coefficients an axis."""
        return 2 if self.similar else len(self.terms) + self.bowl

    def columns(self, points: Float64) -> npt.NDArray[Any]:
        """Return the design matrix, (n, size), at scaled points (n, 3).

        A similarity is a straight line of complex numbers y + i·x.
        """
        z, y, x = points.T
        if self.similar:
            return np.stack([np.ones(len(points)), y + 1j * x], axis=1)
        columns = [z**k * y**i * x**j for k, i, j in self.terms]
        if self.bowl:
            columns.append(y * y + x * x)
        return np.stack(columns, axis=1)


def _flat(degree: int) -> tuple[tuple[int, int, int], ...]:
    return tuple((0, i, j) for i, j in exponents(degree))


_ALONG_Z = ((1, 0, 0),)
LATERAL = (
    Rung("shift", _flat(0)),
    Rung("similarity", _flat(0), similar=True),
    Rung("affine", _flat(1)),
    *(Rung(f"degree {degree}", _flat(degree)) for degree in range(2, MAX_DEGREE + 1)),
)
AXIAL = (
    Rung("shift", _flat(0)),
    Rung("tilt", _flat(1)),
    Rung("bowl", _flat(1), bowl=True),
    *(Rung(f"degree {degree}", _flat(degree)) for degree in range(2, MAX_DEGREE + 1)),
)


def rungs_to_try(rungs: Sequence[Rung], *, deep: bool, highest: int) -> list[Rung]:
    """Return the rungs to try; of points in depth each also with a term along z."""
    out = []
    for rung in rungs:
        if max(i + j for _, i, j in rung.terms) > highest:
            continue
        out.append(rung)
        if deep and not rung.similar:
            out.append(Rung(f"{rung.name} + z", rung.terms + _ALONG_Z, rung.bowl))
    return out
