"""What the segmenter writes of an image: masks, and beside them what the session asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.masked import masked_intensity
from livesr.segmentation.trust import calibrated
from livesr.storage.folder import MASKED, PROBABILITY, beside_path, image_path
from livesr.storage.labels import LabelWriter, label_names
from livesr.storage.structure_image import StructureImageWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.pipeline import Segmentation, SegmentTools
    from livesr.session.job import Job
    from livesr.types import UInt8, UInt16

BRIGHTEST_PERCENTILE = 99.9
"""Of the intensity within any mask: what viewers show fully bright."""


class FindingsOf:
    """Findings of each image: those of the positions from the start, others with their first stack.

    Parameters
    ----------
    job : Job
    heights : mapping of int to SegmentTools
        The tools by the planes of a stack.

    Attributes
    ----------
    cells : bool
        Whether the cells of each stack are measured.
    """

    def __init__(self, job: Job, heights: Mapping[int, SegmentTools]) -> None:
        self._job, self._heights = job, heights
        self.cells = job.cells
        self._known: dict[int, Findings] = {}
        for number in range(job.info.positions):
            self.of(number, job.info.shape[1])

    def of(self, number: int, planes: int) -> Findings:
        """Return the findings of an image whose stacks have so many planes."""
        if number not in self._known:
            self._known[number] = Findings(number, self._job, self._heights[planes])
        return self._known[number]


class Findings:
    """Labels of one image, and its probabilities and masked images if they are asked for.

    After a death of the segmenter they are there already, and gone on with. Those that are
    ``shared`` other processes write to, too: they are there, and their metadata stay as they are.
    """

    def __init__(self, number: int, job: Job, tools: SegmentTools, *, shared: bool = False) -> None:
        self._shared = shared
        self._tools = tools
        self._job = job
        self._number = number
        self._labels = self._label_writer()
        self._probability = self._beside(PROBABILITY) if job.probabilities else None
        self._masked = self._beside(MASKED) if job.masked_images else None
        self._levelled = shared
        self._tables = tools.networks.tables()

    def write(self, t: int, found: Segmentation) -> None:
        """Write time point ``t`` and wait until all of it is durable.

        Raises
        ------
        StorageError
            If something does not fit, or the disk is full or fails.
        """
        self._labels.write(t, found.masks)
        if self._probability is not None:
            self._probability.write(t, self._calibrated(found.probability))
        if self._masked is not None and found.intensity is not None:
            volumes = masked_intensity(found.intensity, found.masks.volumes)
            self._masked.write(t, (volume for _, volume in volumes))
            self._level(self._masked, found.intensity)

    def _calibrated(self, probability: Mapping[str, UInt8]) -> Iterator[UInt8]:
        """Yield the probabilities of the session's structures in its order."""
        for name in self._job.structures:
            yield calibrated(probability[name], self._tables[name])

    def _level(self, image: StructureImageWriter, intensity: UInt16) -> None:
        """Set the display windows by the first stack that shows something."""
        if not self._levelled and intensity.any():
            self._levelled = True
            bright = float(np.percentile(intensity[::3, ::8, ::8], BRIGHTEST_PERCENTILE))
            image.show_up_to(max(bright, 1.0))

    def _label_writer(self) -> LabelWriter:
        image = image_path(self._job.folder, self._number)
        if label_names(image):
            return LabelWriter.open(image, shared=self._shared)
        job, tools = self._job, self._tools
        return LabelWriter.create(
            image,
            job.structures,
            tools.camera if tools.on_camera_grid else tools.warp.target,
            job.timepoints(tools.camera.shape[0]),
            interval_s=job.info.interval_s,
            attributes=self._attributes(),
        )

    def _beside(self, kind: str) -> StructureImageWriter:
        job, tools = self._job, self._tools
        path = beside_path(job.folder, kind, self._number)
        if path.exists():
            return StructureImageWriter.open(path, shared=self._shared)
        whole = kind == PROBABILITY or not tools.on_camera_grid
        about: dict[str, dict[str, object]] = {
            PROBABILITY: {
                "content": "probability times 255, on the networks' grid",
                "uncalibrated": list(tools.networks.uncalibrated),
            },
            MASKED: {"content": "mask × mean of the registered channels, counts above the offset"},
        }
        return StructureImageWriter.create(
            path,
            job.structures,
            tools.warp.target if whole else tools.camera,
            job.timepoints(tools.camera.shape[0]),
            "uint8" if kind == PROBABILITY else "uint16",
            name=f"{kind} {self._number}",
            interval_s=job.info.interval_s,
            brightest=255 if kind == PROBABILITY else 1000,
            attributes={**self._attributes(), **about[kind]},
        )

    def _attributes(self) -> dict[str, object]:
        return {
            "package": self._tools.networks.name,
            "package_sha256": {p.name: p.sha256 for p in self._tools.networks.packages},
            "package_of": {s: p.name for p, own in self._tools.networks.parts for s in own},
            "calibration": self._job.calibration,
            "camera_correction": self._job.camera,
            "unreliable": list(self._job.unreliable),
        }
