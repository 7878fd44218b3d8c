"""Sessions in which the hardware fails, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from stamping import FRAME, HEIGHT

from livesr.session.planning import make_plan
from livesr.session.run import run_session
from livesr.storage.journal import read_journal
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pymmcore_plus import CMMCorePlus

    from livesr.config import Session
    from livesr.session.result import SessionResult

PLANES, FIELD = 5, 24
CONFIG = """
Property,Core,Initialize,0
#py pyDevice,Clock,livesr.simulator.devices,SimulatedClock
#py pyDevice,Camera,stamping,{camera}
#py pyDevice,Z,{stage}
#py pyDevice,XY,livesr.simulator.devices,SimulatedXYStage
#py pyDevice,Laser,livesr.simulator.devices,SimulatedLaser
#py pyDevice,Emission,{wheel}
#py Property,Core,Initialize,1
#py Property,Core,Camera,Camera
#py Property,Core,Focus,Z
#py Property,Core,XYStage,XY
#py Property,Core,Shutter,Laser
#py FocusDirection,Z,1
Property,Core,AutoShutter,0
#py Property,Laser,State,1
#py ConfigGroup,Channel,Yellow,Emission,Label,Yellow
#py ConfigGroup,Channel,Red,Emission,Label,Red
ConfigPixelSize,px,Core,TimeoutMs,5000
PixelSize_um,px,0.0668
"""


@dataclass(frozen=True)
class Given:
    """What is given, and how it fails."""

    script: str = ""
    camera: str = "StampCamera"
    stage: str = "livesr.simulator.devices,SimulatedZStage"
    wheel: str = "livesr.simulator.devices,SimulatedEmission"
    sequential: bool = False
    failures: int = 0
    sequence: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    core: Callable[[CMMCorePlus], None] = lambda _: None


class Faulty:
    """A session that is run once, and what it left."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self.result: SessionResult | None = None
        self.journal: list[dict[str, Any]] = []

    def run(self, patch: Callable[[CMMCorePlus], None] = lambda _: None) -> SessionResult:
        plan = make_plan(self.session)
        patch(plan.source.core)  # type: ignore[attr-defined] # a microscope
        self.result = run_session(plan, self.folder)
        self.journal = read_journal(self.folder / "journal.jsonl")
        return self.result

    def faults(self, t: int | None = None) -> list[dict[str, Any]]:
        """Return the hardware's faults that were journalled, of one stack or all."""
        found = [e for e in self.journal if e["event"] == "fault" and "fault" in e]
        return [e for e in found if t is None or e["index"]["t"] == t]

    def entry(self, event: str, t: int) -> dict[str, Any] | None:
        """Return the one line about a stack, or None."""
        found = [e for e in self.journal if e["event"] == event and e["index"]["t"] == t]
        assert len(found) <= 1, found
        return found[0] if found else None

    def check_whole(self, t: int) -> None:
        """Every plane of a stack is there, of one try, in its place."""
        stored = self.entry("stack_stored", t)
        assert stored is not None
        assert self.entry("stack_failed", t) is None
        assert self.entry("frames_lost", t) is None
        data = self.raw(t)
        for c in range(1 if self.session.layout.kind == "splitter" else 2):
            numbers = [int(data[c, z, 0, FRAME]) for z in range(PLANES)]
            assert [n - numbers[0] for n in numbers] == list(range(PLANES)), numbers
            heights = [int(data[c, z, 0, HEIGHT]) for z in range(PLANES)]
            assert heights == [10_030 + 30 * z for z in range(PLANES)]

    def raw(self, t: int) -> Any:
        """Return a stored stack, (c, z, y, x)."""
        image = open_session(self.folder).images[0]
        return np.stack([image.raw(t, c) for c in range(image.shape[1])])
