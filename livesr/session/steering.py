"""From masks to other stacks: the ordered part of a session that rules steer.

It works in the thread that feeds the segmenter, and hands what is decided to the schedule, from
which the acquisition takes its next stack. Everything that it was told is journalled before it
decides: a replay and a resumed session hear the same.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from livesr.acquisition.schedule import WATCHED, Manner
from livesr.analysis.rules.placing import NOWHERE, in_position
from livesr.session.deciding import Heard
from livesr.session.scripts import Scripts
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from livesr.acquisition.images import Images
    from livesr.acquisition.schedule import SteeredSchedule
    from livesr.analysis.rules.placing import Shift
    from livesr.flow import StopToken
    from livesr.session.deciding import Made, Mind, Modes
    from livesr.stacks import Task
    from livesr.types import CellMeasures, StackIndex

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Asked:
    """A change on its way to the acquisition."""

    arrived: float
    decided: float
    begun: int


class Steering:
    """Decides with each segmented stack, and tells the acquisition.

    Parameters
    ----------
    mind : Mind
        Decodes and decides.
    modes : Modes or None
        How rules record; None where nothing can be recorded otherwise.
    images : Images
    note : callable
        Journals.
    stop : StopToken
    light_ms : callable
        Exposure that a position got so far, by its number.
    obstacle : callable
        Why nothing may be begun now, empty if nothing is in the way.
    session : str
        Folder, for scripts.

    Attributes
    ----------
    acts : bool
        Whether anything is done, and not only said.
    """

    def __init__(
        self,
        mind: Mind,
        modes: Modes | None,
        images: Images,
        *,
        note: Callable[..., None],
        stop: StopToken,
        light_ms: Callable[[int], float],
        obstacle: Callable[[], str],
        session: str,
    ) -> None:
        self._mind, self._modes, self._images = mind, modes, images
        self._note, self._stop = note, stop
        self._light_ms, self._obstacle = light_ms, obstacle
        self._scripts = Scripts(session, note)
        self._schedule: SteeredSchedule | None = None
        self._asked: dict[int, _Asked] = {}
        self._off = False
        self.acts = not mind.shadow

    def drive(self, schedule: SteeredSchedule) -> None:
        """Act on a schedule from now on."""
        self._schedule = schedule
        schedule.on_change = self._took_effect

    def recall(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Hear again what an interrupted session heard; nothing is done."""
        for entry in entries:
            if entry["event"] == Event.CELLS and not entry.get("late"):
                self._mind.decide(Heard.read(entry))
        self._mind.news()

    def manners(self) -> dict[int, Manner]:
        """Return how positions are to be recorded that are not only watched."""
        found: dict[int, Manner] = {}
        if self._modes is None:
            return found
        for position in range(len(self._images)):
            following = self._mind.decider.following(position)
            if following is not None:
                found[position] = self._modes.manner(following.rule, following.shift_um)
        return found

    def segmented(self, task: Task, cells: Sequence[CellMeasures], *, live: bool) -> None:
        """Take in the cells of a stack that was segmented, and act.

        Stacks that come late decide nothing: out of order, or, where rules act, after the camera
        stopped. An error here ends deciding, never the recording.
        """
        if self._off:
            return
        try:
            self._hear(task, cells, live=live)
        except Exception as error:
            self._off = True
            log.exception("rules decide nothing any more; the recording goes on as it is watched")
            self._note(Event.FAULT, task.index, what="rules failed", reason=repr(error))
            if self._schedule is not None:
                for position in self.manners():
                    self._schedule.change(position, WATCHED)

    def close(self) -> None:
        """Let scripts that still run come to their end, for a while."""
        self._scripts.close()

    def _hear(self, task: Task, cells: Sequence[CellMeasures], *, live: bool) -> None:
        position = self._images.position(task.index.image)
        shift = self._shift(task.index)
        stage = self._mind.stage
        heard = Heard(
            position=position,
            time_s=task.time_s,
            light_ms=round(self._light_ms(position), 3),
            brightness=task.followed.normalisation.intensity,
            obstacle=self._obstacle() if live else "",
            cells=tuple(in_position(cell, shift, stage) for cell in cells),
        )
        late = not self._mind.in_order(heard) or (self.acts and not live)
        said = heard.as_dict() | ({"late": True} if late else {})
        self._note(Event.CELLS, task.index, **said)
        if late:
            return
        decided = self._mind.decide(heard)
        for event in self._mind.news():
            told = asdict(event)
            told["position"] = told.pop("image")
            self._note(Event.CELL, task.index, **told)
        for made in decided:
            self._act(made, task)

    def _shift(self, index: StackIndex) -> Shift:
        return self._schedule.shift(index) if self._schedule is not None else NOWHERE

    def _act(self, made: Made, task: Task) -> None:
        """Journal a decision, then do it."""
        decision = made.decision
        self._note(Event.DECISION, task.index, **made.as_dict())
        log.warning("%s: %s%s", decision.rule, decision.cause, _done(decision.action))
        if not decision.acted:
            return
        action = decision.action
        if "shift_um" in action or action.get("release"):
            self._change(made, task)
        if action.get("run"):
            self._scripts.run(decision)
        if action.get("stop"):
            self._stop.stop(f"rule {decision.rule}: {decision.cause}")

    def _change(self, made: Made, task: Task) -> None:
        if self._schedule is None or self._modes is None:
            return
        position = made.position
        manner = WATCHED
        if not made.decision.action.get("release"):
            shift: Any = made.decision.action["shift_um"]
            manner = self._modes.manner(self._modes.rule(made.decision.rule), tuple(shift))
        now = time.monotonic()
        begun = len(self._schedule.taken)
        self._asked[position] = _Asked(task.arrived or now, now, begun)
        self._schedule.change(position, manner)

    def _took_effect(self, position: int, index: StackIndex) -> None:
        """Journal how long it took from the last plane to the changed acquisition."""
        asked = self._asked.pop(position, None)
        if asked is None or self._schedule is None:
            return
        now = time.monotonic()
        self._note(
            Event.CHANGED,
            index,
            position=position,
            after_last_plane_s=round(now - asked.arrived, 3),
            after_decision_s=round(now - asked.decided, 3),
            stacks_between=len(self._schedule.taken) - 1 - asked.begun,
        )


def _done(action: Any) -> str:
    """Return what is done, in words."""
    if action.get("release"):
        return "; watched again"
    words = [f"{name} {value:g}" for name, value in action.items() if name in _NUMBERS]
    return f" → {', '.join(words)}" if words else ""


_NUMBERS = ("interval_s", "z_range_um")
