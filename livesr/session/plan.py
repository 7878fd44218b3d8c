"""What a session will do: a checked session, its source and all that was chosen for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING

from livesr.acquisition.next_stack import NextStack
from livesr.acquisition.plan import StackPlan
from livesr.acquisition.troubles import Reports
from livesr.calibration.warp import target_grid
from livesr.segmentation.segment import network_voxel
from livesr.session.camera import CameraUse
from livesr.storage.space import space_beside, space_needed
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.acquisition.sources import Source
    from livesr.calibration.applicability import Applicability
    from livesr.calibration.matching import Matching
    from livesr.calibration.warp import ChromaticModel
    from livesr.config import Session
    from livesr.segmentation.networks import Networks
    from livesr.types import RecordingInfo
    from livesr.validation.record import Validation


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked session: the source is open, the calibration fits, the package can do it.

    Attributes
    ----------
    applies : mapping of str to Applicability
        Where in field and depth each channel's calibration was measured; empty where it is known
        without measurement.
    unreliable : tuple of str
        Structures that are told apart by the ratio, in a session that has none.
    warnings : tuple of str
        What the session's user should know before it starts; kept in its log and journal.
    engine : str
        The best that works here of those asked for; empty without segmentation.
    matching : Matching or None
        Blur that gives the channels one width, if asked for.
    validation : Validation or None
        The record that the session quotes, which fits it.
    passed_over : mapping of str to str
        Better engines, and why each does not work here.
    camera : CameraUse
        The camera correction; `none` by default.
    reports : Reports
        Where the source tells of the hardware's faults; the run listens.
    next_stack : NextStack
        What the source asks before each stack; the run answers.
    """

    session: Session
    source: Source
    networks: Networks | None
    calibration: str
    models: Mapping[int, ChromaticModel]
    applies: Mapping[str, Applicability]
    unreliable: tuple[str, ...]
    warnings: tuple[str, ...]
    engine: str
    passed_over: Mapping[str, str]
    matching: Matching | None = None
    camera: CameraUse = field(default_factory=CameraUse)
    validation: Validation | None = None
    reports: Reports = field(default_factory=Reports)
    next_stack: NextStack = field(default_factory=NextStack)

    @property
    def played(self) -> bool:
        """Whether time stands still while nobody records: a recording, or the simulator."""
        return self.info.simulated or self.session.recording is not None

    @property
    def stack_plan(self) -> StackPlan:
        """The stacks that are to be taken, with their times."""
        return StackPlan(self.session.sequence, self.session.layout)

    @property
    def structures(self) -> tuple[str, ...]:
        """Those that get masks, in the order in which they are stored."""
        return self.networks.structures if self.networks else ()

    @property
    def followed(self) -> Mapping[int, ChromaticModel]:
        """The models of the channels whose offset is followed: of those that the networks see."""
        if not self.session.calibration_follow:
            return {}
        return {c: model for c, model in self.models.items() if 0 < c < self.info.seen}

    def beside(self) -> dict[str, str]:
        """Return the channels that no network sees, and how each is laid over yellow."""
        return {
            name: "registered" if c in self.models else "as recorded"
            for c, name in self.info.beside.items()
        }

    def is_validated(self, structure: str) -> bool:
        """Return whether a record says that this structure's masks are good on this microscope.

        Rules on real hardware act on no other structure.
        """
        return self.validation is not None and self.validation.is_validated(structure)

    @property
    def judged(self) -> bool:
        """Whether a package says what it was trained on, so that stacks are compared with it."""
        return self.networks is not None and self.networks.seen() is not None

    @property
    def info(self) -> RecordingInfo:
        """What the source says of itself."""
        return self.source.info

    def stacks(self) -> list[StackIndex]:
        """Return the stacks that are planned."""
        info = self.info
        return [StackIndex(p, t) for t in range(info.timepoints) for p in range(info.positions)]

    def disk_bytes(self) -> int:
        """Return the bytes that the session takes at most."""
        spool = self.session.storage.spool_slots * 2 * prod(self.info.tallest)
        return self.info.stacks * self.stack_bytes()[0] + spool

    def stack_bytes(self) -> list[int]:
        """Return the bytes that a stack of each mode takes at most."""
        one = [self.info.in_mode(k) for k in range(len(self.info.modes) + 1)]
        return [self._stack_bytes(replace(info, timepoints=1, positions=1)) for info in one]

    def _stack_bytes(self, info: RecordingInfo) -> int:
        grid, asked, count = info.grid, self.session.segmentation, len(self.structures)
        if self.networks is None:
            return space_needed(info, 0)
        network = target_grid(grid, network_voxel(self.networks.first, grid))
        masks = network if asked.grid == "network" else grid
        return space_needed(info, count, grid=masks) + space_beside(
            info,
            count,
            probability=network if asked.probabilities else None,
            masked=masks if asked.masked_images else None,
        )
