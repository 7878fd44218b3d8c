"""The web page, which needs no network but the daemon, and the form that asks for the token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from livesr.catalog import STRUCTURES
from livesr.daemon.guard import COOKIE, LOGIN, same
from livesr.viewer.state import FILLING

if TYPE_CHECKING:
    from livesr.daemon.guard import Rules

PAGE = Path(__file__).parent / "page"
_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_MONTH_S = 30 * 24 * 3600
_MOST = 4096


def login_page(said: str = "") -> bytes:
    """Return the form that asks for the token."""
    return (PAGE / "login.html").read_bytes().replace(b"<!-- said -->", said.encode())


def router(rules: Rules) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    @routes.get("/docs")
    def docs() -> FileResponse:
        return FileResponse(PAGE / "docs.html", headers={"Cache-Control": "no-cache"})

    @routes.get("/static/{name}")
    def static(name: Literal["app.js", "docs.js", "style.css", "icon.svg"]) -> FileResponse:
        path = PAGE / name
        return FileResponse(
            path, media_type=_KINDS[path.suffix], headers={"Cache-Control": "no-cache"}
        )

    @routes.get("/static-data/structures.json")
    def structures() -> JSONResponse:
        rows = [
            {"name": s.name, "title": s.title, "color": s.color, "on": s.name not in FILLING}
            for s in STRUCTURES
        ]
        return JSONResponse(rows)

    @routes.post(LOGIN)
    async def login(request: Request) -> Response:
        given = parse_qs((await request.body())[:_MOST].decode(errors="replace"))
        token = given.get("token", [""])[0].strip()
        if not rules.token or not same(token, rules.token):
            return HTMLResponse(login_page("That is not the token."), 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE, rules.token, max_age=_MONTH_S, httponly=True, samesite="strict", path="/"
        )
        return answer

    @routes.post("/logout")
    def logout() -> Response:
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    return routes
