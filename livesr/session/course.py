"""What of a session is to come: as its sequence says, or as rules change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.acquisition.sources import SteeredSource
from livesr.session.steered import left_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.acquisition.schedule import SteeredSchedule
    from livesr.books import Books
    from livesr.pipeline import Recorder
    from livesr.session.files import SessionFiles
    from livesr.session.past import Past
    from livesr.session.plan import Plan
    from livesr.session.steering import Steering
    from livesr.types import StackIndex


class Course:
    """The course of a session.

    Parameters
    ----------
    plan : Plan
    files : SessionFiles
    books : Books
    recorder : Recorder
    past : Past
    """

    def __init__(
        self, plan: Plan, files: SessionFiles, books: Books, recorder: Recorder, past: Past
    ) -> None:
        self._plan, self._images, self._past = plan, files.images, past
        self._books, self._recorder = books, recorder
        self._schedule: SteeredSchedule | None = None

    def steer(self, steering: Steering | None, pending: Callable[[], bool]) -> None:
        """Let rules change it, where there are any that act and a source that can be told.

        Parameters
        ----------
        steering : Steering or None
        pending : callable
            Whether stacks are on their way to a decision.
        """
        if steering is None:
            return
        left = left_by(self._past, self._images, steering)
        source = self._plan.source
        if steering.acts and self._plan.info.steered and isinstance(source, SteeredSource):
            self._schedule = source.steer(self._images, pending, left)
            steering.drive(self._schedule)

    def left(self) -> int:
        """Return how many stacks are still to begin, if no rule changes it."""
        if self._schedule is not None:
            return self._schedule.left
        return self._plan.info.stacks - len(self._past.stored) - self._recorder.begun

    def planned(self) -> list[StackIndex]:
        """Return the stacks that there should be by now: of the sequence, or those that began."""
        if self._schedule is None:
            return self._plan.stacks()
        return sorted({*self._books.stored, *self._schedule.taken})

    @property
    def count(self) -> int:
        """How many stacks there should be at the end."""
        return len(self.planned()) + (self._schedule.left if self._schedule else 0)
