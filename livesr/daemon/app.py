"""The ASGI application: routes, errors, and the guard before them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from livesr import __version__
from livesr.daemon import api, metrics, site, streams
from livesr.daemon.errors import status_of
from livesr.daemon.guard import Guard
from livesr.errors import LivesrError, shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from livesr.daemon.guard import Rules
    from livesr.daemon.service import Daemon

_ABOUT = """\
Start, watch and end sessions of a microscope. Times are s, lengths µm, arrays (t, c, z, y, x).
Errors say `what`, `where` and how to `mend` it.
"""


def make_app(daemon: Daemon, rules: Rules) -> Guard:
    """Return the application."""
    app = bare_app(daemon, rules)
    return Guard(app, rules, site.login_page)


def bare_app(daemon: Daemon, rules: Rules) -> FastAPI:
    """Return it without the guard."""

    @asynccontextmanager
    async def working(_app: FastAPI) -> AsyncIterator[None]:
        with daemon.working():
            yield

    app = FastAPI(
        title="livesr",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=working,
    )
    app.include_router(api.router(daemon))
    app.include_router(streams.router(daemon.hub))
    app.include_router(metrics.router(daemon))
    app.include_router(site.router(rules))
    app.add_exception_handler(LivesrError, _told)
    app.add_exception_handler(RequestValidationError, _misread)
    return app


def _told(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LivesrError)  # noqa: S101 - registered for it
    return JSONResponse(error.as_dict(), status_of(error))


def _misread(_request: Request, error: Exception) -> JSONResponse:
    """Say what of a request is wrong as livesr says it."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    content = {
        "error": "config",
        "what": shown(str(first["msg"])),
        "where": shown(where),
        "mend": "GET /docs says what is expected",
        "found": shown(repr(jsonable_encoder(first.get("input"), custom_encoder={object: str}))),
    }
    return JSONResponse(content, 422)
