"""Score a finished simulated session against the truth of its own sample."""

from __future__ import annotations

import logging
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

from livesr.analysis.scores import Counts
from livesr.simulator.microscope.settings import SceneSettings
from livesr.simulator.microscope.truth import truth_of
from livesr.storage.folder import PLANES_FILE
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from livesr.session.plan import Plan
    from livesr.session.result import SessionResult
    from livesr.types import RecordingInfo


log = logging.getLogger(__name__)

MOST_STACKS = 10
"""Truth takes a second or more a stack: longer sessions are scored on so many, evenly chosen."""


def scored(result: SessionResult, plan: Plan) -> SessionResult:
    """Return the result with its scores, if it is one of the simulated microscope with masks."""
    whole = result.error is None and not result.signal
    masks = plan.networks is not None and plan.session.segmentation.grid == "camera"
    if not (plan.info.simulated and masks and whole and result.outcome.stored):
        return result
    numbers = SceneSettings.from_properties(plan.info.extra["camera_properties"]).numbers
    return replace(
        result,
        structures=score_session(result.folder, plan.info),
        simulator={"version": numbers.version, "hash": numbers.hash()},
    )


def score_session(folder: Path, info: RecordingInfo) -> dict[str, dict[str, float]]:
    """Return the scores of each structure, pooled over the voxels of segmented stacks.

    Parameters
    ----------
    folder : Path
        A finished session on the simulated microscope, masks on the camera's grid.
    info : RecordingInfo
        What the simulated source said of itself: it holds the sample's seed.
    """
    reader = open_session(folder)
    planes = read_table(folder / PLANES_FILE)
    counts: dict[str, Counts] = {}
    for number, image in enumerate(reader.images):
        taken = {t: _taken(planes, number, t) for t in sorted(image.segmented())}
        done = [t for t, rows in taken.items() if _is_told(rows)]
        for t in done[:: ceil(len(done) / MOST_STACKS) or 1]:
            rows = taken[t]
            truth = truth_of(
                info.extra["camera_properties"],
                [row["time_s"] for row in rows],
                [row["z_um"] for row in rows],
                (rows[0]["x_um"], rows[0]["y_um"]),
            )
            if truth[image.structures[0]].shape != image.shape[2:]:
                log.warning(
                    "not scored: the layout does not show the simulated yellow channel whole"
                )
                return {}
            for name in image.structures:
                found = Counts.of(image.mask(name, t), truth[name])
                counts[name] = counts.get(name, Counts()) + found
    return {name: count.as_dict() for name, count in counts.items()}


def _taken(planes: Sequence[Mapping[str, Any]], image: int, t: int) -> list[Mapping[str, Any]]:
    """Return the rows of a stack's planes in the first channel, the lowest first."""
    rows = [row for row in planes if (row["image"], row["t"], row["c"]) == (image, t, 0)]
    return sorted(rows, key=lambda row: row["z"])


def _is_told(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether each plane's time and place are known: a killed session leaves some untold."""
    return bool(rows) and all(
        row[key] is not None for row in rows for key in ("time_s", "x_um", "y_um", "z_um")
    )
