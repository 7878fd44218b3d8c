"""What networks are scored on: simulated cells, or a folder of labelled samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from livesr.errors import ConfigError
from livesr.simulator.parameters import parameters
from livesr.training.evaluation.provenance import simulator_version
from livesr.training.labelled import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from livesr.training.labelled import LabelledStack


FIRST_TEST_SEED = 70_000
"""Cells of seeds below this one are for training, tests and the choice of thresholds."""


class Samples(Protocol):
    """Labelled stacks, one after the other, and what they are."""

    def __iter__(self) -> Iterator[LabelledStack]: ...

    def about(self) -> dict[str, Any]:
        """Return the keys that say in a result of what its scores are."""
        ...


@dataclass(frozen=True)
class SimulatedCells:
    """Cells of the simulated microscope.

    Attributes
    ----------
    seeds : sequence of int
        A cell each.
    preset : str
        Of the simulated microscope.
    shape : tuple of int
        Camera pixels (z, y, x) of each stack; planes at steps of 0.3 µm.
    changes : str
        To the preset's numbers, as JSON.
    """

    seeds: Sequence[int]
    preset: str = "standard"
    shape: tuple[int, int, int] = (24, 512, 512)
    changes: str = "{}"

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated, before anything is.

        Raises
        ------
        ConfigError
            No seeds, an unknown preset, or changes that cannot be read.
        """
        if not self.seeds:
            raise ConfigError("no seeds to evaluate on", fix="for example: --seeds 70000-70007")
        parameters(self.preset, self.changes)

    def __len__(self) -> int:
        return len(self.seeds)

    def __iter__(self) -> Iterator[LabelledStack]:
        for seed in self.seeds:
            yield simulate(seed, self.preset, shape=self.shape, changes=self.changes)

    def about(self) -> dict[str, Any]:
        """Return seeds, preset, shape and the simulator's version."""
        return {
            "seeds": list(self.seeds),
            "shape": list(self.shape),
            "preset": self.preset,
            "simulator": simulator_version(parameters(self.preset, self.changes)),
        }


@dataclass(frozen=True)
class LabelledFolder:
    """A data set on disk, of which each sample has the truth of some structures."""

    folder: Path

    def __iter__(self) -> Iterator[LabelledStack]:
        from livesr.training.labels.dataset import read_dataset

        return read_dataset(self.folder)

    def about(self) -> dict[str, Any]:
        """Return where the data are."""
        return {"data": str(self.folder)}
