"""What can go wrong with the hardware within a stack, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.types import StackIndex

DEVICE_ERRORS = (RuntimeError, OSError, ValueError, MemoryError, KeyError, SystemError)
"""What Micro-Manager, its adapters and Python devices raise."""


class Kind(StrEnum):
    """A kind of fault: a key of the session file's ``faults``. The worst come first."""

    DISCONNECT = "disconnect"
    STAGE_TIMEOUT = "stage_timeout"
    DEVICE_ERROR = "device_error"
    CAMERA_STALL = "camera_stall"
    WRONG_SHAPE = "wrong_shape"
    FOCUS_DRIFT = "focus_drift"
    FRAME_REPEATED = "frame_repeated"
    FRAME_LOST = "frame_lost"


ENDS_A_TRY = frozenset({Kind.DISCONNECT, Kind.STAGE_TIMEOUT, Kind.DEVICE_ERROR})
"""Kinds after which further exposures would show something else than they claim."""


class Outcome(StrEnum):
    """What was done about a fault."""

    WARNED = "warned"
    RETRIED = "retried"
    SKIPPED = "skipped"
    PAUSED = "paused"
    WENT_ON = "went on"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong.

    Attributes
    ----------
    kind : Kind
    what : str
    device : str
        Label of the device, as far as it is known.
    raised : bool
        The camera raised an error, where else it only kept silent.
    """

    kind: Kind
    what: str
    device: str = ""
    raised: bool = False


@dataclass(frozen=True, slots=True)
class FaultReport:
    """A fault, the policy for it, and what was done.

    Attributes
    ----------
    index : StackIndex
    trouble : Trouble
    policy : str
        What the session file says for it.
    outcome : Outcome
    attempt : int
        Which try at the stack it was, from 0.
    frames : int
        Frames of the stack that were delivered, and stay where it is skipped.
    missing : str
        Which frames did not come, for people.
    light_ms : float
        Exposure that a try which is thrown away cost the sample.
    """

    index: StackIndex
    trouble: Trouble
    policy: str
    outcome: Outcome
    attempt: int
    frames: int
    missing: str = ""
    light_ms: float = 0.0

    def journalled(self) -> dict[str, object]:
        """Return what the journal keeps beside the stack's index."""
        said: dict[str, object] = {
            "fault": str(self.trouble.kind),
            "device": self.trouble.device,
            "what": self.trouble.what,
            "policy": self.policy,
            "outcome": str(self.outcome),
            "attempt": self.attempt,
        }
        if self.outcome is Outcome.RETRIED:
            said |= {"frames_replaced": self.frames, "light_ms": round(self.light_ms, 3)}
        return said


class Reports:
    """Hands the reports of a source that was opened before anyone could listen to a listener."""

    def __init__(self) -> None:
        self._listener: Callable[[FaultReport], None] = lambda _: None

    def listen(self, listener: Callable[[FaultReport], None]) -> None:
        """Call ``listener`` with each report from now on, in the acquisition's thread."""
        self._listener = listener

    def __call__(self, report: FaultReport) -> None:
        """Hand on a report."""
        self._listener(report)
