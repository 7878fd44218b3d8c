"""What the segmenter process is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.calibration.camera.correction import PEDESTAL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from livesr.calibration.camera.correction import Correction
    from livesr.calibration.matching import Matching
    from livesr.calibration.warp import ChromaticModel
    from livesr.config.analysis import Analysis
    from livesr.config.remote import Remote
    from livesr.session.plan import Plan
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
    camera : str
        Name of the camera correction, or none …
    correction : Correction or None
        … which is this.
    analysis : Analysis or None
        What is measured of them.
    cells : bool
        Whether the cells of each stack are measured in any case: rules go by them.
    remote : Remote or None
        The server of engine ``remote``.
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
    camera: str = "none"
    correction: Correction | None = None
    analysis: Analysis | None = None
    cells: bool = False
    remote: Remote | None = None

    @property
    def replaceable(self) -> bool:
        """Whether the next best engine takes over from one that fails."""
        remote = self.engine == "remote" and self.remote is not None and self.remote.fallback
        return remote or self.engine == "auto"

    @property
    def offset(self) -> float:
        """Counts without light of what the features are made of."""
        return self.info.camera_offset if self.correction is None else PEDESTAL

    def timepoints(self, planes: int) -> int:
        """Return the most time points of an image whose stacks have so many planes."""
        modes = [self.info.in_mode(k) for k in range(len(self.info.modes) + 1)]
        return max(info.timepoints for info in modes if info.shape[1] == planes)

    @classmethod
    def of(cls, plan: Plan, folder: Path) -> Job:
        """Return what the segmenter of a session in a folder is told; the plan asks for masks."""
        assert plan.networks is not None  # noqa: S101 - else nobody is told anything
        asked = plan.session.segmentation
        return cls(
            info=plan.info,
            packages=tuple(str(package.folder) for package in plan.networks.packages),
            engine=asked.engine,
            precision=asked.precision,
            threads=asked.threads,
            calibration=plan.calibration,
            models=plan.models,
            structures=plan.structures,
            unreliable=plan.unreliable,
            on_camera_grid=asked.grid == "camera",
            folder=folder,
            matching=plan.matching,
            probabilities=asked.probabilities,
            masked_images=asked.masked_images,
            camera=plan.camera.name,
            correction=plan.camera.correction,
            analysis=plan.session.analysis,
            cells=bool(plan.session.rules),
            remote=asked.remote,
        )
