"""One stack, taken again if it must: what the session's ``faults`` say becomes what is done.

Every outcome stands in ``docs/faults.md``, and a test holds the two together.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pymmcore_plus.core import iter_sequenced_events

from livesr.acquisition.troubles import (
    DEVICE_ERRORS,
    ENDS_A_TRY,
    FaultReport,
    Kind,
    Outcome,
    Trouble,
)
from livesr.errors import HardwareError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import useq
    from pymmcore_plus import CMMCorePlus

    from livesr.acquisition.engine import StackEngine
    from livesr.acquisition.plan import PlannedStack
    from livesr.acquisition.recovery import Recovery
    from livesr.config.faults import Faults
    from livesr.flow import StopToken

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 300.0
_SHOWN = 8
_SEVERITY = list(Kind)


class Attempts:
    """Takes one stack after the other, each as often as the session's policy says.

    Parameters
    ----------
    core : CMMCorePlus
    engine : StackEngine
    recovery : Recovery
    stop : StopToken
    faults : Faults
    report : callable, optional
        Takes each fault, and what was done. Without it no policy holds: the first stack with
        missing frames ends the run.

    Attributes
    ----------
    paused_s : float
        Session time that the last stack waited for devices: what follows is due so much later.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        *,
        engine: StackEngine,
        recovery: Recovery,
        stop: StopToken,
        faults: Faults,
        report: Callable[[FaultReport], None] | None,
    ) -> None:
        self._core = core
        self._engine = engine
        self._recovery = recovery
        self._stop = stop
        self._faults = faults
        self._tell = report
        self._in_a_row = 0
        self._attempt = self._retried = self._pauses = self._held = 0
        self.paused_s = 0.0

    def take(self, stack: PlannedStack) -> Iterator[useq.MDAEvent]:
        """Yield the events of a stack, again and again until it is whole or given up.

        Raises
        ------
        HardwareError
            If the policy ends the session.
        """
        self._attempt = self._retried = self._pauses = self._held = 0
        self.paused_s = 0.0
        while True:
            yield from self._try(stack)
            if self._stop.now:
                return
            self._held = len(self._engine.delivered) or self._held
            trouble = self._trouble(stack)
            if trouble is None:
                self._in_a_row = 0
                return
            if not self._again(trouble, stack):
                return
            self._attempt += 1

    def _try(self, stack: PlannedStack) -> Iterator[useq.MDAEvent]:
        engine = self._engine
        try:
            engine.begin(stack, self._attempt, self._ending())
            if self._recovery.lost or (not engine.check_focus() and engine.over):
                return
            for event in iter_sequenced_events(self._core, stack.events):
                yield event
                if self._stop.now or engine.over:
                    return
        except DEVICE_ERRORS as error:
            engine.note(Kind.DEVICE_ERROR, error)

    def _ending(self) -> set[Kind]:
        """Return the troubles at which a try is over: those after which it will be thrown away.

        The last try keeps what it can get, except of what it was told not to take.
        """
        if self._tell is None:
            return set(ENDS_A_TRY)
        harmless = {kind for kind in Kind if self._policy(kind) == "warn"}
        ending = {kind for kind in Kind if self._will_throw_away(kind)}
        return (ending | ENDS_A_TRY | {Kind.FOCUS_DRIFT, Kind.FRAME_REPEATED}) - harmless

    def _will_throw_away(self, kind: Kind) -> bool:
        policy = self._policy(kind)
        return policy in ("pause", "stop") or (
            policy == "retry" and self._retried < self._faults.retries
        )

    def _policy(self, kind: Kind) -> str:
        return str(getattr(self._faults, kind))

    # ------------------------------------------------------------------ what went wrong

    def _trouble(self, stack: PlannedStack) -> Trouble | None:
        """Return the worst that went wrong if frames of the stack are missing; tell the rest."""
        if self._tell is not None:
            self._warn(stack)
        if not self._missing(stack):
            return None
        if silent := self._recovery.lost or self._recovery.silent():
            what = "; ".join(silent.values())
            return Trouble(Kind.DISCONNECT, what, "+".join(silent))
        troubles = [t for t in self._engine.troubles if not self._is_warning(t)]
        if not self._engine.delivered and (raised := [t for t in troubles if t.raised]):
            return Trouble(Kind.DISCONNECT, raised[0].what, raised[0].device)
        if not troubles:
            return Trouble(Kind.FRAME_LOST, "no reason given", self._core.getCameraDevice())
        worst = min(troubles, key=lambda trouble: _SEVERITY.index(trouble.kind))
        same = [trouble.what for trouble in troubles if trouble.kind == worst.kind]
        return Trouble(worst.kind, "; ".join(same[:3]), worst.device)

    def _warn(self, stack: PlannedStack) -> None:
        told = set()
        for trouble in self._engine.troubles:
            if self._is_warning(trouble) and trouble.kind not in told:
                told.add(trouble.kind)
                self._report(Outcome.WARNED, trouble, stack)

    def _is_warning(self, trouble: Trouble) -> bool:
        return self._policy(trouble.kind) == "warn"

    def _missing(self, stack: PlannedStack) -> list[tuple[int, int]]:
        planes, channels = range(stack.planes), range(stack.exposures)
        there = self._engine.delivered
        return [(z, c) for z in planes for c in channels if (z, c) not in there]

    # ------------------------------------------------------------------ what is done about it

    def _again(self, trouble: Trouble, stack: PlannedStack) -> bool:
        """Do what the policy says, and return whether the stack is to be taken again."""
        policy = self._policy(trouble.kind)
        if self._tell is None:
            raise self._error(trouble, stack)
        if policy == "stop":
            raise self._stopped(trouble, stack)
        if policy == "pause":
            return self._pause(trouble, stack)
        return self._retry(trouble, stack) if policy == "retry" else self._skip(trouble, stack)

    def _retry(self, trouble: Trouble, stack: PlannedStack) -> bool:
        while self._retried < self._faults.retries and not self._stop.stopping:
            self._retried += 1
            self._report(Outcome.RETRIED, trouble, stack)
            with self._recovery.in_the_dark():
                going_on = self._recovery.wait(self._faults.retry_pause_s)
                back = going_on and self._answers(trouble)
            if back:
                self._relock(trouble)
                return True
        return self._skip(trouble, stack)

    def _answers(self, trouble: Trouble) -> bool:
        """Initialise devices that are gone anew, and return whether they are back."""
        if trouble.kind is not Kind.DISCONNECT:
            return True
        return self._recovery.reconnect(trouble.device.split("+"))

    def _pause(self, trouble: Trouble, stack: PlannedStack) -> bool:
        self._report(Outcome.PAUSED, trouble, stack)
        with self._recovery.in_the_dark():
            while True:
                seconds = min(self._faults.retry_pause_s * 2.0**self._pauses, LONGEST_PAUSE_S)
                self._pauses += 1
                if self.paused_s + seconds > 60.0 * self._faults.pause_limit_min:
                    raise self._stopped(trouble, stack)
                self.paused_s += seconds
                if not self._recovery.wait(seconds):
                    return self._skip(trouble, stack)
                if self._answers(trouble):
                    break
        self._relock(trouble)
        self._report(Outcome.WENT_ON, trouble, stack)
        return True

    def _skip(self, trouble: Trouble, stack: PlannedStack) -> bool:
        self._in_a_row += 1
        if self._in_a_row >= self._faults.give_up_after:
            raise self._stopped(trouble, stack)
        self._report(Outcome.SKIPPED, trouble, stack)
        if not self._stop.stopping:
            with self._recovery.in_the_dark():
                self._answers(trouble)
        self._relock(trouble)
        return False

    def _relock(self, trouble: Trouble) -> None:
        """Turn a focus lock on again that let go; whether it holds is seen with the next try."""
        if trouble.kind is Kind.FOCUS_DRIFT:
            try:
                self._core.enableContinuousFocus(True)
            except DEVICE_ERRORS as error:
                log.warning("the focus lock cannot be turned on: %s", error)

    def _stopped(self, trouble: Trouble, stack: PlannedStack) -> HardwareError:
        self._report(Outcome.STOPPED, trouble, stack)
        return self._error(trouble, stack)

    def _error(self, trouble: Trouble, stack: PlannedStack) -> HardwareError:
        device = trouble.device or self._core.getCameraDevice()
        if trouble.kind in ENDS_A_TRY:
            what = f"a device failed: {trouble.what}"
            fix = (
                "check its cable and power and its log in Micro-Manager; the stacks before this "
                "one are kept"
            )
        else:
            what = f"{self._what_is_missing(stack)} ({trouble.what})"
            fix = "check the camera's cable, power and trigger; frames that came are kept"
        return HardwareError(what, where=f"{stack.index}, device {device}", fix=fix)

    def _what_is_missing(self, stack: PlannedStack) -> str:
        missing = self._missing(stack)
        planes = ", ".join(f"z {z} c {c}" for z, c in missing[:_SHOWN])
        more = "…" * (len(missing) > _SHOWN)
        frames = stack.planes * stack.exposures
        return f"{len(missing)} of {frames} frames did not come: {planes}{more}"

    def _report(self, outcome: Outcome, trouble: Trouble, stack: PlannedStack) -> None:
        if self._tell is None:
            return
        self._tell(
            FaultReport(
                index=stack.index,
                trouble=trouble,
                policy=self._policy(trouble.kind),
                outcome=outcome,
                attempt=self._attempt,
                frames=self._held,
                missing=self._what_is_missing(stack),
                light_ms=self._engine.light_ms,
            )
        )
