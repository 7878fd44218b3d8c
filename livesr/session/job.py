"""What the segmenter process is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from livesr.calibration.matching import Matching
    from livesr.calibration.warp import ChromaticModel
    from livesr.types import RecordingInfo


@dataclass(frozen=True, slots=True)
class Job:
    """What the segmenter is told when it starts: picklable, nothing but data.

    Attributes
    ----------
    packages : tuple of str
        Folders, in the order in which they run.
    without : tuple of str
        Engines that failed earlier in the session.
    probabilities, masked_images : bool
        What is stored beside the masks.
    """

    info: RecordingInfo
    packages: tuple[str, ...]
    engine: str
    precision: str
    threads: int | None
    calibration: str
    models: Mapping[int, ChromaticModel]
    structures: tuple[str, ...]
    unreliable: tuple[str, ...]
    on_camera_grid: bool
    folder: Path
    without: tuple[str, ...] = ()
    matching: Matching | None = None
    probabilities: bool = False
    masked_images: bool = False
