"""Journals as streams: server-sent events and a WebSocket, from one look for all that listen."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Path, Query, WebSocket
from fastapi.responses import StreamingResponse

from livesr.daemon.errors import CrowdedError, UnknownError
from livesr.errors import LivesrError

if TYPE_CHECKING:
    from livesr.daemon.lane import Lane
    from livesr.daemon.watched import Sessions

NAME = r"^\w[\w.\-]{0,199}$"
MOST_LISTENERS = 256
_LOOK_S = 0.1
_ALIVE_S = 15.0
_MOST_LINES = 200
_REFUSED, _NOT_SPOKEN_TO = 1008, 1003


class Hub:
    """Looks into the journals that somebody listens to, once for all listeners of one.

    Parameters
    ----------
    sessions : Sessions
    lane : Lane
    """

    def __init__(self, sessions: Sessions, lane: Lane) -> None:
        self._sessions, self._lane = sessions, lane
        self._news: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._listeners: dict[str, int] = {}

    @property
    def listeners(self) -> int:
        """How many listen."""
        return sum(self._listeners.values())

    async def check(self, name: str) -> None:
        """Refuse what cannot be listened to.

        Raises
        ------
        CrowdedError
            If too many listen.
        UnknownError
            If there is no such session, also none that waits.
        StorageError
            If it is damaged.
        """
        if self.listeners >= MOST_LISTENERS:
            raise CrowdedError(f"{MOST_LISTENERS} listen already")
        try:
            await run_sync(self._sessions.watched, name)
        except UnknownError:
            if name not in self._lane.jobs():
                raise

    async def lines(self, name: str, after: int) -> AsyncIterator[dict[str, Any] | None]:
        """Yield journal lines as they come, until the session has ended; None as a sign of life."""
        self._listeners[name] = self._listeners.get(name, 0) + 1
        try:
            while True:
                news = self._listen(name)
                runs = await run_sync(self._goes_on, name)
                while batch := await run_sync(self._batch, name, after):
                    for line in batch:
                        yield line
                    after = batch[-1]["number"]
                if not runs:
                    return
                try:
                    await asyncio.wait_for(news.wait(), _ALIVE_S)
                except TimeoutError:
                    yield None
        finally:
            self._leave(name)

    def _listen(self, name: str) -> asyncio.Event:
        """Return what will be set once there is news."""
        if name not in self._tasks or self._tasks[name].done():
            self._tasks[name] = asyncio.create_task(self._look(name))
        return self._news.setdefault(name, asyncio.Event())

    def _leave(self, name: str) -> None:
        self._listeners[name] -= 1
        if not self._listeners[name]:
            del self._listeners[name]
            if task := self._tasks.pop(name, None):
                task.cancel()

    async def _look(self, name: str) -> None:
        known: tuple[int, bool] | None = None
        while True:
            now = (await run_sync(self._count, name), await run_sync(self._goes_on, name))
            if known is not None and now != known:
                self._news.pop(name, asyncio.Event()).set()
            known = now
            await asyncio.sleep(_LOOK_S)

    def _count(self, name: str) -> int:
        try:
            return len(self._sessions.watched(name).entries)
        except LivesrError:
            return 0

    def _goes_on(self, name: str) -> bool:
        job = self._lane.jobs().get(name)
        return (job is not None and job.state == "queued") or self._lane.runs(name)

    def _batch(self, name: str, after: int) -> list[dict[str, Any]]:
        try:
            return self._sessions.watched(name).lines(after, _MOST_LINES)
        except LivesrError:
            return []


def router(hub: Hub) -> APIRouter:
    """Return the routes of the streams."""
    routes = APIRouter(prefix="/api/sessions/{name}", tags=["streams"])

    @routes.get(
        "/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def events(
        name: str = Path(pattern=NAME),
        after: int = Query(0, ge=0, le=10**9, description="leave out so many lines"),
        last_event_id: str = Header("", max_length=20),
    ) -> StreamingResponse:
        """The session's journal as server-sent events, until the session has ended."""
        await hub.check(name)
        start = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else after
        return StreamingResponse(
            _as_events(hub, name, min(start, 10**9)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @routes.websocket("/stream")
    async def stream(socket: WebSocket, name: str, after: str = "0") -> None:
        """The same over a WebSocket, a JSON object a message; it listens to nothing."""
        start = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0
        try:
            await hub.check(name)
        except LivesrError as error:
            await socket.close(_REFUSED, error.what[:100])
            return
        await socket.accept()
        await _speak(socket, hub, name, start)

    return routes


async def _as_events(hub: Hub, name: str, after: int) -> AsyncIterator[str]:
    async for line in hub.lines(name, after):
        if line is None:
            yield ": alive\n\n"
        else:
            yield f"id: {line['number']}\ndata: {json.dumps(line)}\n\n"
    yield "event: end\ndata: {}\n\n"


async def _speak(socket: WebSocket, hub: Hub, name: str, after: int) -> None:
    """Send lines until the session ends, or the other end says anything at all."""

    async def tell() -> int:
        async for line in hub.lines(name, after):
            await socket.send_json({"event": "alive"} if line is None else line)
        return 1000

    async def hear() -> int:
        message = await socket.receive()
        return 0 if message["type"] == "websocket.disconnect" else _NOT_SPOKEN_TO

    tasks = {asyncio.create_task(tell()), asyncio.create_task(hear())}
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    (first, *_) = done
    code = 0 if first.exception() else first.result()
    if code:
        with contextlib.suppress(RuntimeError, OSError):
            await socket.close(code)
