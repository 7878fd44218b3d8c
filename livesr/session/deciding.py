"""What a session's decisions are made of: what was heard of each stack, and who decides.

The same for a session that runs, one that goes on, and a replay.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from livesr.acquisition.modes import mode_of
from livesr.acquisition.permission import why_not_there
from livesr.acquisition.schedule import Manner
from livesr.analysis.mitosis.record import as_record, from_record
from livesr.analysis.rules import Decider, Sight
from livesr.analysis.rules.checks import Taking, keeps_others
from livesr.analysis.rules.placing import Stage
from livesr.errors import ConfigError
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.acquisition.plan import StackPlan
    from livesr.analysis.mitosis.decoder import CellEvent
    from livesr.analysis.rules.placing import Shift
    from livesr.config.rules import Rule
    from livesr.config.session import Session
    from livesr.types import CellMeasures, CellState, Decision, RecordingInfo

    class Decoder(Protocol):
        """Follows the cells of each position through mitosis."""

        events: list[CellEvent]

        def update(
            self, index: StackIndex, time_s: float, cells: Sequence[CellMeasures], /
        ) -> list[CellState]:
            """Return what is believed of each cell now."""


@dataclass(frozen=True, slots=True)
class Heard:
    """All that is known with one stack of a position: what decisions are made of.

    Attributes
    ----------
    position, time_s, light_ms, brightness, obstacle
        As in `Sight`.
    cells : tuple of CellMeasures
        Places as the position sees them, wherever the stage stood.
    """

    position: int
    time_s: float
    light_ms: float
    brightness: float
    obstacle: str
    cells: tuple[CellMeasures, ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as the journal keeps it."""
        return asdict(self) | {"cells": [as_record(cell) for cell in self.cells]}

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Heard:
        """Return what a line of the journal says."""
        return cls(
            int(entry["position"]),
            float(entry["time_s"]),
            float(entry["light_ms"]),
            float(entry["brightness"]),
            str(entry["obstacle"]),
            tuple(from_record(cell) for cell in entry["cells"]),
        )


@dataclass(frozen=True, slots=True)
class Made:
    """A decision, and what it was made of.

    Attributes
    ----------
    position : int
    time_s : float
    decision : Decision
    state : CellState or None
        Of its cell, if it was seen.
    """

    position: int
    time_s: float
    decision: Decision
    state: CellState | None

    def as_dict(self) -> dict[str, object]:
        """Return it as the journal keeps it."""
        said = asdict(self.decision) | {"position": self.position, "time_s": self.time_s}
        if self.state is not None:
            state = self.state
            said["seen"] = {
                "stage": state.stage,
                "probability": round(state.probability, 4),
                "since_s": state.since_s,
                "parent": state.parent,
                **as_record(state.measures),
            }
        return said


class Mind:
    """Decoders and decider of a session.

    Parameters
    ----------
    session : Session
        Its rules.
    info : RecordingInfo
    stage : Stage
    shadow : str
        Why nothing is acted on, empty if it is.
    """

    def __init__(self, session: Session, info: RecordingInfo, stage: Stage, shadow: str) -> None:
        _, y, x = info.grid.shape
        _, dy, dx = info.grid.voxel_um
        self.stage, self.shadow = stage, shadow
        self.decider = Decider(
            session.rules,
            session.pace,
            session.dose,
            field_um=(y * dy, x * dx),
            stage=stage,
            shadow=shadow,
            refuses=partial(why_not_there, session),
        )
        self._decoder = new_decoder()
        self._told = 0
        self._counts: dict[int, int] = {}

    def in_order(self, heard: Heard) -> bool:
        """Return whether it is later than all that was decided of its position."""
        return self.decider.in_order(_sight(heard))

    def decide(self, heard: Heard) -> list[Made]:
        """Return what is decided with the next stack of a position."""
        position = heard.position
        t = self._counts[position] = self._counts.get(position, -1) + 1
        states = self._decoder.update(StackIndex(position, t), heard.time_s, heard.cells)
        by_cell = {state.cell: state for state in states}
        return [
            Made(position, heard.time_s, decision, by_cell.get(decision.cell))
            for decision in self.decider.update(_sight(heard), states)
        ]

    def news(self) -> list[CellEvent]:
        """Return what happened to cells since the last call."""
        events = self._decoder.events[self._told :]
        self._told += len(events)
        return events


def _sight(heard: Heard) -> Sight:
    return Sight(heard.position, heard.time_s, heard.light_ms, heard.brightness, heard.obstacle)


def new_decoder() -> Decoder:
    """Return a decoder for the cells of all positions."""
    from livesr.analysis.mitosis.decoder import MitosisDecoder

    return MitosisDecoder()


class Modes:
    """How a session's rules record: modes, intervals, and whether others wait.

    Parameters
    ----------
    session : Session
    plans : sequence of StackPlan
        The session's own and those of its modes.
    exposure_ms : float
        Of a frame for which the sequence gives none.
    disk_bytes : sequence of int
        Of a stack of each mode, at most.
    """

    def __init__(
        self,
        session: Session,
        plans: Sequence[StackPlan],
        exposure_ms: float,
        disk_bytes: Sequence[int],
    ) -> None:
        self._rules = {rule.name: rule for rule in session.rules}
        self._plans = plans
        self._exposure_ms = exposure_ms
        self._disk_bytes = disk_bytes
        self.watched = self._taking(0, plans[0].interval_s)
        self.takings = [self._of(rule) for rule in session.rules]

    def rule(self, name: str) -> Rule:
        """Return a rule by its name."""
        return self._rules[name]

    def manner(self, rule: Rule, shift_um: Shift) -> Manner:
        """Return how a rule records, with the stage shifted so."""
        taking = self._of(rule) or self.watched
        keeps = keeps_others(rule, taking, self.watched, self._plans[0].positions)
        return Manner(mode_of(rule, self._plans), taking.interval_s, shift_um, alone=not keeps)

    def _of(self, rule: Rule) -> Taking | None:
        if not rule.then.records:
            return None
        interval = rule.then.interval_s or self._plans[0].interval_s
        return self._taking(mode_of(rule, self._plans), interval)

    def _taking(self, mode: int, interval_s: float) -> Taking:
        plan = self._plans[mode]
        channels = [channel.exposure for channel in plan.sequence.channels] or [None]
        light_ms = plan.planes * sum(one or self._exposure_ms for one in channels)
        size = self._disk_bytes[min(mode, len(self._disk_bytes) - 1)]
        range_um = (plan.planes - 1) * plan.z_step_um
        return Taking(interval_s, range_um, plan.planes, light_ms / 1000.0, size)


def stage_of(session: Session, info: RecordingInfo) -> Stage:
    """Return how the stage moves against the image.

    Raises
    ------
    ConfigError
        If a rule centres cells and nobody said how the stage's axes lie in the image.
    """
    pace = session.pace
    if pace.image_right and pace.image_down:
        return Stage.of(pace.image_right, pace.image_down)
    if info.simulated:
        return Stage()
    affine: Any = info.extra.get("pixel_affine_um")
    if affine:
        a, b, _, c, d, _ = (float(value) / info.pixel_um for value in affine)
        return Stage((a, c), (b, d))
    if any(rule.then.center for rule in session.rules) and session.recording is None:
        raise ConfigError(
            "a rule centres cells, but how the stage's axes lie in the image is not known",
            where="pace.image_right",
            fix="move the stage by hand and look: image_right is the way its position goes when "
            "what lay to the right comes to the middle, for example +x, image_down the same for "
            "what lay below; or calibrate PixelSizeAffine in Micro-Manager",
        )
    return Stage()
