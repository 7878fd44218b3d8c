"""The parts of a daemon, put together."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from livesr.daemon.lane import Lane
from livesr.daemon.pictures import Pictures
from livesr.daemon.streams import Hub
from livesr.daemon.watched import Sessions
from livesr.errors import LivesrError
from livesr.flow import Ticker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.daemon.folder import DataFolder

log = logging.getLogger(__name__)

_TICK_S = 0.3


class Daemon:
    """What requests are answered with.

    Parameters
    ----------
    data : DataFolder
    run : sequence of str, optional
        A session's process, instead of ``livesr run …``, see `children.start`.
    """

    def __init__(self, data: DataFolder, run: Sequence[str] = ()) -> None:
        self.data = data
        self.lane = Lane(data, run)
        self.sessions = Sessions(data, self.lane)
        self.pictures = Pictures()
        self.hub = Hub(self.sessions, self.lane)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run the queue while the block runs; sessions that run go on after it."""
        try:
            with Ticker("lane", _TICK_S, self._tick):
                yield
        finally:
            self.pictures.close()

    def _tick(self) -> None:
        try:
            self.lane.tick()
        except (LivesrError, OSError) as error:  # a disk that is gone for a moment
            log.warning("the queue waits: %s", error)
