"""Score a finished simulated session against the truth of its own sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.analysis.scores import Counts
from livesr.simulator.truth import truth_of
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.config import Session


def score_session(folder: Path, session: Session) -> dict[str, dict[str, float]]:
    """Return precision, recall and F1 a structure, pooled over the voxels of all stacks.

    Parameters
    ----------
    folder : Path
        A finished session on the simulated microscope, masks on the camera's grid.
    session : Session
        The session as run: it holds the sample's seed.
    """
    reader = open_session(folder)
    counts: dict[str, Counts] = {}
    planes = reader.planes()
    for number, image in enumerate(reader.images):
        for t in sorted(image.segmented()):
            rows = [row for row in planes if row["image"] == number and row["t"] == t]
            rows.sort(key=lambda row: row["z"])
            truth = truth_of(session, rows)
            for name in image.structures:
                found = Counts.of(image.mask(name, t), truth[name])
                counts[name] = counts[name] + found if name in counts else found
    return {name: count.summary() for name, count in counts.items()}
