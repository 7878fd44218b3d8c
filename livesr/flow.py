"""The live program's threads, processes, queues, policies and shutdown: all of them are here.

Nothing in this module knows of microscopes or masks. A session uses

- a `StopToken` (`livesr.stop`), asked by sources between frames and between stacks;
- a `Ticker`, a thread that calls a function again and again;
- a `Worker`, a thread with a bounded queue that hands each item to a function;
- a `Waiting` list with a policy, from which the guest is fed;
- a `Guest`, a spawned process that answers requests over a pipe and may die.

The one process that must outlive its owner is in `livesr.companion`.
"""

from __future__ import annotations

import logging
import multiprocessing
import queue
import signal
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import psutil

from livesr.stop import StopToken, stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

__all__ = [
    "Guest",
    "GuestDiedError",
    "Policy",
    "Reply",
    "StopToken",
    "Stopwatch",
    "Ticker",
    "Waiting",
    "Worker",
    "requests",
    "stop_on_signals",
    "yield_to_acquisition",
]

log = logging.getLogger(__name__)

T = TypeVar("T")
Policy = Literal["every", "latest"]


class Ticker:
    """A thread that calls a function again and again while the block runs.

    Parameters
    ----------
    name : str
    every_s : float
        Pause between two calls.
    work : callable
    daemon : bool
        Whether it may be cut off when the program ends.
    """

    def __init__(
        self, name: str, every_s: float, work: Callable[[], None], *, daemon: bool = False
    ) -> None:
        self._every_s = every_s
        self._work = work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=daemon)

    def __enter__(self) -> Ticker:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        self._work()
        while not self._ended.wait(self._every_s):
            self._work()


class Worker(Generic[T]):
    """A thread that hands each item of a bounded queue to a function, in order.

    The first error ends the work: later items are dropped, `error` holds it and ``on_error`` is
    called once, in the worker's thread.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[T], None],
        *,
        size: int,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._queue: queue.Queue[T | None] = queue.Queue(maxsize=size)
        self._work = work
        self._on_error = on_error
        self.error: Exception | None = None
        self._since: float | None = None
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    @property
    def busy_s(self) -> float:
        """How long it has been at the present item, 0 if it waits for one."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def put(self, item: T) -> None:
        """Queue an item; blocks while the queue is full."""
        self._queue.put(item)

    def close(self) -> None:
        """Work off what is queued and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self.error is None:
                self._since = time.monotonic()
                try:
                    self._work(item)
                except Exception as error:  # noqa: BLE001 - the one place where a worker's error is kept for its owner
                    self.error = error
                    self._tell(error)
            self._since = None

    def _tell(self, error: Exception) -> None:
        """Call ``on_error``; the thread must outlive it, or a full queue would block its owner."""
        try:
            self._on_error(error)
        except Exception:
            log.exception("an error could not be handed on: %s", error)


class Waiting(Generic[T]):
    """What waits for the guest. ``every`` gives the oldest first, ``latest`` the newest.

    Thread-safe. Items are small (an index, a slot number), so nothing is ever thrown away.

    Attributes
    ----------
    received : int
        Items that were put in so far.
    """

    def __init__(self, policy: Policy) -> None:
        self._items: deque[T] = deque()
        self._policy = policy
        self._changed = threading.Condition()
        self._closed = False
        self.received = 0

    def put(self, item: T) -> None:
        """Add the newest item."""
        with self._changed:
            self._items.append(item)
            self.received += 1
            self._changed.notify()

    def put_back(self, item: T) -> None:
        """Return an item that was taken in vain, as the oldest."""
        with self._changed:
            self._items.appendleft(item)
            self._changed.notify()

    def take(self, timeout_s: float) -> T | None:
        """Return the next item by policy; None after the timeout, or once closed and empty."""
        with self._changed:
            if not self._items and not self._closed:
                self._changed.wait(timeout_s)
            if not self._items:
                return None
            return self._items.popleft() if self._policy == "every" else self._items.pop()

    def change_oldest(self, accept: Callable[[T], bool], change: Callable[[T], T]) -> T | None:
        """Replace the oldest item that ``accept`` says yes to; return it as it was, or None."""
        with self._changed:
            for place, item in enumerate(self._items):
                if accept(item):
                    self._items[place] = change(item)
                    return item
        return None

    def close(self) -> None:
        """Say that nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drain(self) -> list[T]:
        """Take all that is left."""
        with self._changed:
            left = list(self._items)
            self._items.clear()
            return left

    @property
    def closed(self) -> bool:
        """True once nothing more will come."""
        return self._closed

    def __len__(self) -> int:
        return len(self._items)


class GuestDiedError(Exception):
    """The guest process ended, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a guest says: ``kind`` is ready, taken, done, failed or error, or its own."""

    kind: str
    value: Any = None


class Guest:
    """A spawned process of lower priority that answers requests over a pipe.

    Parameters
    ----------
    target : callable
        ``target(connection, *args)``, importable; runs in the process until the pipe closes.
    args : tuple
        Picklable.
    """

    def __init__(self, target: Callable[..., None], *args: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_guest_main, args=(target, theirs, args), name="livesr-segmenter", daemon=True
        )
        with _ctrl_c_held():
            self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """Process identifier."""
        return self._process.pid

    def send(self, request: object) -> None:
        """Send one request."""
        try:
            self._pipe.send(request)
        except (OSError, ValueError) as error:
            raise GuestDiedError(self._epitaph()) from error

    def answers(self, timeout_s: float) -> bool:
        """Wait for an answer, or for the process to end; return whether `receive` will not wait."""
        try:
            return self._pipe.poll(timeout_s)
        except OSError:
            return True

    def receive(self, timeout_s: float) -> Reply:
        """Return the next reply.

        Raises
        ------
        GuestDiedError
            If the process ended or the timeout passed.
        """
        try:
            if not self._pipe.poll(timeout_s):
                raise GuestDiedError(f"no answer within {timeout_s:.0f} s")
            reply: Reply = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise GuestDiedError(self._epitaph()) from error
        return reply

    def close(self, timeout_s: float = 20.0) -> None:
        """Close the pipe, wait for the process to end, and end it if it does not."""
        self._pipe.close()
        self._process.join(timeout_s)
        if self._process.is_alive():
            self.kill()
        self._process.close()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join()

    def _epitaph(self) -> str:
        self._process.join(1.0)
        return f"the process ended with exit code {self._process.exitcode}"


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Let a process that starts meanwhile be deaf to Ctrl-C from its first moment.

    A blocked signal is inherited (POSIX). On Windows the guest ignores it once it runs.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _guest_main(target: Callable[..., None], pipe: Connection, args: tuple[object, ...]) -> None:
    """Run in the guest: leave Ctrl-C to the owner, step back behind the acquisition, work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield_to_acquisition()
    with pipe:
        target(pipe, *args)


def yield_to_acquisition() -> None:
    """Lower this process' priority, so that the acquisition always runs first."""
    below_normal = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
    psutil.Process().nice(below_normal if below_normal is not None else 15)


def requests(
    pipe: Connection, idle: Callable[[], None] | None = None, every_s: float = 0.005
) -> Iterator[Any]:
    """Yield requests in a guest until its owner closes the pipe or dies.

    Parameters
    ----------
    pipe : Connection
    idle : callable, optional
        Called again and again while there is no request …
    every_s : float
        … with pauses of so many seconds.
    """
    while True:
        try:
            while idle is not None and not pipe.poll(every_s):
                idle()
            yield pipe.recv()
        except (EOFError, OSError):
            return


class Stopwatch:
    """Times by name, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Book the time since the last lap under ``name``."""
        now = time.monotonic()
        self.laps[name] = now - self._start
        self._start = now
