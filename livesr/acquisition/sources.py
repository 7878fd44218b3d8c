"""Where frames come from: a microscope, or a recording in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from livesr.acquisition.recorded import RecordedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from livesr.acquisition.images import Images
    from livesr.acquisition.light.supervisor import Supervisor
    from livesr.acquisition.next_stack import NextStack
    from livesr.acquisition.schedule import Left, SteeredSchedule
    from livesr.acquisition.troubles import FaultReport
    from livesr.config.session import Session
    from livesr.flow import StopToken
    from livesr.types import Frame, RecordingInfo, StackIndex


class Source(Protocol):
    """Delivers the frames of a session, stack after stack.

    ``info`` is known before the first frame. ``run`` works in the calling thread and returns when
    the plan is done or ``stop`` asked for it: ``stop.stopping`` ends it after the present stack,
    ``stop.now`` at once. Before each stack it asks ``stop.pausing`` and, if so, waits in
    ``stop.hold`` with the camera idle and the light off. Errors, the consumer's too, are raised
    from it. Nothing runs after it.
    """

    @property
    def info(self) -> RecordingInfo:
        """What the recording will be."""

    def resume(self, done: Collection[StackIndex], elapsed_s: float, late_s: float = 0.0) -> None:
        """Leave out stacks, and begin at a time of the session, so much later than planned."""

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        """Deliver every planned frame once."""

    def close(self) -> None:
        """Let go of the devices or files."""


@runtime_checkable
class LightSource(Protocol):
    """A source that lights a sample."""

    def watch(self, folder: Path) -> Supervisor | None:
        """Let a supervisor look after the light, which leaves word in a session's folder."""


@runtime_checkable
class SteeredSource(Source, Protocol):
    """A source that can be told, while it runs, to take other stacks."""

    def steer(
        self, images: Images, pending: Callable[[], bool], left: Left | None
    ) -> SteeredSchedule:
        """Take the stacks of a schedule that may be changed; return it.

        Parameters
        ----------
        images : Images
        pending : callable
            Whether stacks wait for what they will change: a simulated clock stands still meanwhile.
        left : Left or None
            Where an interrupted session stood.
        """


def open_source(
    session: Session,
    *,
    on_fault: Callable[[FaultReport], None] | None = None,
    next_stack: NextStack | None = None,
) -> Source:
    """Open what a session takes its frames from.

    Parameters
    ----------
    session : Session
    on_fault : callable, optional
        Takes each fault of the hardware and what the session's ``faults`` made of it; without it
        the first stack with missing frames ends the run.
    next_stack : NextStack, optional
        What a microscope asks before each stack; a recording is as it is.

    Raises
    ------
    HardwareError
        If the microscope or the recording cannot be opened.
    ConfigError
        If the session does not fit it.
    """
    if session.recording is not None:
        return RecordedSource(session)
    from livesr.acquisition.microscope import MicroscopeSource

    return MicroscopeSource(session, on_fault=on_fault, next_stack=next_stack)
