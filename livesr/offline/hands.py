"""Who works on stacks: this process' threads, or (`livesr.offline.cluster`) Dask's workers."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from livesr.errors import LivesrError, ModelError
from livesr.offline.shop import Shop

if TYPE_CHECKING:
    from concurrent.futures import Future

    from livesr.offline.shop import Masked, Taken, Work
    from livesr.offline.sources import Stacks
    from livesr.ordered import Followed
    from livesr.session.plan import Plan
    from livesr.types import StackIndex

    Result = Taken | Masked | LivesrError


@dataclass(frozen=True, slots=True)
class Done:
    """One visit of one stack that has ended."""

    folder: str
    index: StackIndex
    result: Result


class Hands(Protocol):
    """Takes stacks and makes masks, several at once, and tells as each is done."""

    @property
    def slots(self) -> int:
        """Stacks that are worked on at once."""
        ...

    @property
    def inputs(self) -> int:
        """Inputs that should be open at once."""
        ...

    def begin(self, work: Work, plan: Plan, stacks: Stacks) -> None:
        """Get ready for an input."""
        ...

    def end(self, work: Work) -> None:
        """Let go of an input."""
        ...

    def take(self, work: Work, index: StackIndex, *, estimate: bool) -> None:
        """Have a stack read, stored and estimated."""
        ...

    def masks(
        self, work: Work, index: StackIndex, time_s: float, followed: Followed, where: str
    ) -> None:
        """Have a stack segmented, best by the process that has it in memory."""
        ...

    def wait(self, timeout_s: float) -> list[Done]:
        """Return what was done since the last call; wait for something, but no longer."""
        ...

    def close(self) -> None:
        """Give up what is not done, and end."""
        ...


class Told:
    """The stacks that are done, as any thread tells."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Done] = queue.SimpleQueue()

    def tell(self, folder: str, index: StackIndex, future: Future[Any]) -> None:
        """Tell of a future that is done; what went wrong on its way becomes the result."""
        if future.cancelled():  # those that were given up belong to no input any more
            lost = RuntimeError("the scheduler lost the stack")
            self._queue.put(Done(folder, index, as_error(lost)))
            return
        error = future.exception()
        result = future.result() if error is None else as_error(error)
        self._queue.put(Done(folder, index, result))

    def wait(self, timeout_s: float) -> list[Done]:
        """Return what was told since the last call."""
        try:
            found = [self._queue.get(timeout=timeout_s)]
        except queue.Empty:
            return []
        while not self._queue.empty():
            found.append(self._queue.get())
        return found


def as_error(error: BaseException) -> LivesrError:
    """Return what a stack's error is told as."""
    if isinstance(error, LivesrError):
        return error
    return ModelError(
        f"a worker failed: {type(error).__name__}: {error}",
        where="livesr process",
        fix="run it again: only what is missing is done; see the worker's log",
    )


class Here:
    """The hands of this process: one thread reads, stores and estimates ahead, one makes masks."""

    slots = 1
    inputs = 2

    def __init__(self, threads: int | None = None) -> None:
        self._shop = Shop(threads)
        self._taker = ThreadPoolExecutor(1, "take-stacks")
        self._masker = ThreadPoolExecutor(1, "make-masks")
        self._told = Told()

    def begin(self, work: Work, plan: Plan, stacks: Stacks) -> None:
        """Work on an input as it is open."""
        self._shop.lend(work, plan, stacks)

    def end(self, work: Work) -> None:
        """Let go of an input."""
        self._shop.forget(work.folder)

    def take(self, work: Work, index: StackIndex, *, estimate: bool) -> None:
        """Have a stack read, stored and estimated."""
        future = self._taker.submit(self._shop.take, work, index, estimate=estimate)
        future.add_done_callback(lambda done: self._told.tell(work.folder, index, done))

    def masks(
        self, work: Work, index: StackIndex, time_s: float, followed: Followed, where: str
    ) -> None:
        """Have a stack segmented."""
        del where  # there is one process
        future = self._masker.submit(self._shop.masks, work, index, time_s, followed)
        future.add_done_callback(lambda done: self._told.tell(work.folder, index, done))

    def wait(self, timeout_s: float) -> list[Done]:
        """Return what was done since the last call."""
        return self._told.wait(timeout_s)

    def close(self) -> None:
        """End the threads after what they are at."""
        for pool in (self._taker, self._masker):
            pool.shutdown(wait=True, cancel_futures=True)
        self._shop.close()
