"""Agreement of two things of which each has a share on the other: surfaces, centre lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of what a mask has lies on the truth's, and the other way round; stacks add up.

    Attributes
    ----------
    found, marked : float
        Of the mask's own amount, ``marked``, the part that lies on the truth's.
    covered, real : float
        Of the truth's own amount, ``real``, the part that lies on the mask's.
    """

    found: float = 0.0
    marked: float = 0.0
    covered: float = 0.0
    real: float = 0.0

    def __add__(self, other: Shares) -> Shares:
        """Pool two stacks."""
        return Shares(
            self.found + other.found,
            self.marked + other.marked,
            self.covered + other.covered,
            self.real + other.real,
        )

    @property
    def dice(self) -> float:
        """What lies on the other's, of both together; 0 where there is nothing."""
        return _share(self.found + self.covered, self.marked + self.real)

    @property
    def harmonic(self) -> float:
        """Harmonic mean of both shares; 0 where there is nothing."""
        precision, recall = _share(self.found, self.marked), _share(self.covered, self.real)
        return _share(2 * precision * recall, precision + recall)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
