"""The API: what may be asked of a daemon over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import FileResponse

from livesr import __version__
from livesr.catalog import NAMES
from livesr.config.presets import preset_names
from livesr.daemon.asked import Asked, examples, session_asked
from livesr.daemon.errors import UnknownError
from livesr.daemon.models import (
    Brief,
    DaemonStatus,
    Done,
    Fault,
    Lines,
    Rows,
    Started,
    Status,
    Stopping,
    Words,
)
from livesr.daemon.streams import NAME
from livesr.daemon.watched import DECIDED
from livesr.errors import ConfigError
from livesr.storage.disk import free_bytes
from livesr.storage.folder import REPORT_FILE
from livesr.storage.notes import drop_note
from livesr.viewer import state

if TYPE_CHECKING:
    from livesr.daemon.service import Daemon
    from livesr.viewer.state import Plane, View

Name = Annotated[str, Path(pattern=NAME, description="of the session")]
After = Annotated[int, Query(ge=0, le=10**9, description="leave out so many")]
Most = Annotated[int, Query(ge=1, le=10_000, description="at most so many")]
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Fault, "description": words}
    for status, words in (
        (404, "there is no such session, or nothing of it yet"),
        (409, "it cannot be done now, or the session is damaged"),
        (422, "something that was asked for is wrong"),
        (429, "too much at once"),
    )
}


def router(daemon: Daemon) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/api", responses=REFUSALS)
    _of_the_daemon(routes, daemon)
    _of_starting(routes, daemon)
    _of_ending(routes, daemon)
    _of_looking(routes, daemon)
    _of_reports(routes, daemon)
    _of_pictures(routes, daemon)
    return routes


def _of_the_daemon(routes: APIRouter, daemon: Daemon) -> None:
    @routes.get("/status", tags=["daemon"])
    def status() -> DaemonStatus:
        """What runs, what waits, what could be started."""
        return DaemonStatus(
            livesr=__version__,
            folder=str(daemon.data.root),
            free_bytes=free_bytes(daemon.data.root),
            running=daemon.lane.running(),
            queue=daemon.lane.queue(),
            examples=list(examples()),
            files=daemon.data.files(),
            presets=preset_names(),
        )

    @routes.get("/sessions", tags=["sessions"])
    def sessions(after: After = 0, most: Most = 50) -> list[Brief]:
        """The sessions, the newest first."""
        names = daemon.sessions.names()[after : after + most]
        return [Brief(**daemon.sessions.brief(name)) for name in names]

    @routes.get("/sessions/{name}", tags=["sessions"])
    def session(name: Name) -> Status:
        """All about a session."""
        return Status(**daemon.sessions.status(name))


def _of_starting(routes: APIRouter, daemon: Daemon) -> None:
    @routes.post("/check", tags=["control"])
    def check(asked: Asked) -> dict[str, Any]:
        """What a session would do, as `livesr run --dry-run` says it; nothing is recorded."""
        return daemon.lane.check(session_asked(asked, daemon.data))

    @routes.post("/sessions", tags=["control"], status_code=202)
    def start(asked: Asked) -> Started:
        """Queue a session: it starts once the microscope is free."""
        name = daemon.lane.submit(session_asked(asked, daemon.data))
        return Started(name=name, state=daemon.sessions.brief(name)["state"])

    @routes.post("/sequences", tags=["control"], status_code=202)
    def sequence(
        sequence: dict[str, Any],
        preset: Annotated[list[str], Query(max_length=16)] = [],  # noqa: B006 - never changed
        name: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Started:
        """Queue a useq MDASequence as it is; presets say the microscope and all else."""
        asked = Asked(sequence=sequence, presets=preset, name=name)
        queued = daemon.lane.submit(session_asked(asked, daemon.data))
        return Started(name=queued, state=daemon.sessions.brief(queued)["state"])


def _of_ending(routes: APIRouter, daemon: Daemon) -> None:
    @routes.post("/sessions/{name}/pause", tags=["control"])
    def pause(name: Name) -> Done:
        """Begin no further stack."""
        daemon.lane.pause(name)
        return Done(name=name, done="pausing")

    @routes.post("/sessions/{name}/resume", tags=["control"])
    def resume(name: Name) -> Done:
        """End a pause; of a session that was interrupted or stopped, queue the rest."""
        daemon.lane.go_on(name)
        return Done(name=name, done="going on")

    @routes.post("/sessions/{name}/stop", tags=["control"])
    def stop(name: Name, how: Stopping | None = None) -> Done:
        """End after the present stack, or at once; of one that waits, take it from the queue."""
        now = how is not None and how.now
        return Done(name=name, done=daemon.lane.stop(name, now=now))

    @routes.post("/sessions/{name}/notes", tags=["control"])
    def note(name: Name, words: Words) -> Done:
        """Leave a timed note in a running session."""
        daemon.sessions.watched(name)
        drop_note(daemon.data.session(name), words.text)
        return Done(name=name, done="left")


def _of_looking(routes: APIRouter, daemon: Daemon) -> None:
    @routes.get("/sessions/{name}/journal", tags=["data"])
    def journal(name: Name, after: After = 0, most: Most = 500) -> Lines:
        """The session's journal."""
        lines = daemon.sessions.watched(name).lines(after, most)
        return Lines(lines=lines, last=lines[-1]["number"] if lines else after)

    @routes.get("/sessions/{name}/decisions", tags=["data"])
    def decisions(name: Name, after: After = 0, most: Most = 500) -> Lines:
        """What was decided, what happened to cells, and what was taken otherwise for it."""
        lines = daemon.sessions.watched(name).lines(after, most, DECIDED)
        return Lines(lines=lines, last=lines[-1]["number"] if lines else after)

    @routes.get("/sessions/{name}/measurements", tags=["data"])
    def measurements(name: Name, after: After = 0, most: Most = 1000) -> Rows:
        """Rows of the table of measurements, as they are made."""
        rows, following = daemon.sessions.watched(name).measurements(after, most)
        return Rows(rows=rows, next=following)


def _of_reports(routes: APIRouter, daemon: Daemon) -> None:
    @routes.get(
        "/sessions/{name}/report.html",
        tags=["data"],
        response_class=FileResponse,
        responses={200: {"content": {"text/html": {}}}},
    )
    def report(name: Name) -> FileResponse:
        """What the session came to, on one page; there once it has ended."""
        path = daemon.data.session(name) / REPORT_FILE
        if path.is_symlink() or not path.is_file():
            raise UnknownError(
                f"there is no report of {name}", where=name, fix=f"livesr report {name}"
            )
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "sandbox"}
        return FileResponse(path, media_type="text/html", headers=headers)


def _of_pictures(routes: APIRouter, daemon: Daemon) -> None:
    @routes.get(
        "/sessions/{name}/overlay.png",
        tags=["data"],
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}, 304: {"description": "as you have it"}},
    )
    async def overlay(
        name: Name,
        image: Annotated[int, Query(ge=0, le=9999)] = 0,
        t: Annotated[int | None, Query(ge=0, le=10**9, description="default: newest")] = None,
        z: Annotated[str | None, Query(max_length=6, description="plane, or max")] = None,
        channel: Annotated[str | None, Query(max_length=60)] = None,
        structures: Annotated[
            str | None, Query(max_length=400, description="a,b,…; none; default: most")
        ] = None,
        size: Annotated[int, Query(ge=16, le=4096, description="pixels of a side")] = 800,
        opacity: Annotated[float, Query(ge=0, le=1)] = 0.5,
        contour: bool = False,
        mode: Literal["overlay", "masked"] = "overlay",
        if_none_match: Annotated[str, Header(max_length=200)] = "",
    ) -> Response:
        """The newest overlay, or another: structures over a channel, or masks × intensity."""
        view = _view(image, t, z, channel, structures)
        view = replace(view, opacity=round(opacity, 2), contour=contour, masked=mode == "masked")
        session = await asyncio.to_thread(daemon.sessions.watched, name)
        png = await asyncio.shield(asyncio.wrap_future(daemon.pictures.ask(session, view, size)))
        headers = {
            "ETag": png.tag,
            "Cache-Control": "no-cache",
            "X-Livesr-T": str(png.t),
            "X-Livesr-Z": str(png.z),
            "X-Livesr-Channel": png.channel,
            "X-Livesr-Masks": "1" if png.masks else "0",
            "X-Livesr-Um-Per-Pixel": f"{png.um_per_pixel:.6g}",
        }
        if if_none_match == png.tag:
            return Response(status_code=304, headers=headers)
        return Response(png.content, media_type="image/png", headers=headers)


def _view(
    image: int, t: int | None, z: str | None, channel: str | None, structures: str | None
) -> View:
    """Return the view that a query asks for; raises ConfigError if it cannot be."""
    plane: Plane | None = None
    if z == "max":
        plane = "max"
    elif z is not None:
        if not (z.isascii() and z.isdigit()):
            raise ConfigError(f"no plane {z!r}", where="z", fix="a number from 0, or max")
        plane = int(z)
    asked = None
    if structures is not None:
        asked = [] if structures in {"", "none"} else structures.split(",")
        asked = list(NAMES) if asked == ["all"] else asked
    return replace(state.initial(t=t, z=plane, channel=channel, structures=asked), image=image)
