"""Refuses strangers before anything is read: token, host, rate, origin, size. Pure ASGI.

In this order, so that who has no token learns nothing but that.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "livesr-token"
LOGIN = "/login"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_HOSTS = 4096
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # with less, browsers do not say the origin of a form
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may ask, how often, how much.

    Attributes
    ----------
    token : str
        Empty: none is asked for.
    hosts : frozenset of str
        Names that the daemon is called by, beside addresses and ``localhost``.
    per_s, burst : float
        Requests that an address may make a second, and at once.
    most_bytes : int
        Of a request's body.
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()
    per_s: float = 200.0
    burst: float = 400.0
    most_bytes: int = 2**20


class Guard:
    """Middleware.

    Parameters
    ----------
    app : ASGI application
    rules : Rules
    login : callable
        Returns the page that asks a browser for the token.
    """

    def __init__(self, app: App, rules: Rules, login: Callable[[], bytes]) -> None:
        self._app, self._rules, self._login = app, rules, login
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refused = self._refuse(scope, headers)
        if refused is not None:
            await self._answer(scope, headers, send, *refused)
            return
        await self._app(scope, self._bounded(receive), _dressed(send))

    def _refuse(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Return the status and the reason of a refusal."""
        rules, method = self._rules, scope.get("method", "GET")
        login = scope["path"] == LOGIN and method == "POST"
        if rules.token and not login and not self._knows(headers):
            return 401, "this needs the daemon's token: Authorization: Bearer TOKEN"
        if not self._is_ours(headers.get("host", "")):
            return 421, "the daemon is not called by this name (serve --host-name)"
        if not self._may(scope):
            return 429, "too many requests; ask again in a second"
        if (method not in _SAFE or scope["type"] == "websocket") and not _same_origin(headers):
            return 403, "a page of another site may not ask for this"
        return self._wrong_body(headers, method, login=login)

    def _wrong_body(
        self, headers: Mapping[str, str], method: str, *, login: bool
    ) -> tuple[int, str] | None:
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return 400, "the content's length is no number"
        if int(length[:20]) > self._rules.most_bytes:
            return 413, f"the body has more than {self._rules.most_bytes} bytes"
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        body = length != "0" or "transfer-encoding" in headers
        if method not in _SAFE and body and not login and kind != "application/json":
            return 415, "the body is not application/json"
        return None

    def _knows(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request has the token, in a header or as the page's cookie."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and same(given.strip(), self._rules.token):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return COOKIE in cookie and same(cookie[COOKIE].value, self._rules.token)

    def _is_ours(self, host: str) -> bool:
        """Return whether a name is the daemon's: a page whose name was bent to here is not.

        A bare address cannot be bent (DNS rebinding needs a name).
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name == "localhost" or name in self._rules.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _may(self, scope: Scope) -> bool:
        """Take one from the address' bucket; return whether there was one."""
        rules, now = self._rules, time.monotonic()
        who = (scope.get("client") or ("",))[0]
        left, at = self._buckets.pop(who, (rules.burst, now))
        left = min(rules.burst, left + (now - at) * rules.per_s)
        self._buckets[who] = (max(left - 1, 0.0), now)
        while len(self._buckets) > _MOST_HOSTS:
            self._buckets.popitem(last=False)
        return left >= 1

    def _bounded(self, receive: Receive) -> Receive:
        """Cut off a body that goes on for longer than it said."""
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > self._rules.most_bytes:
                    return {"type": "http.disconnect"}
            return message

        return bounded

    async def _answer(
        self, scope: Scope, headers: Mapping[str, str], send: Send, status: int, why: str
    ) -> None:
        way = "http.response"
        if scope["type"] == "websocket":
            way = "websocket.http.response"
            if way not in scope.get("extensions", {}):
                await send({"type": "websocket.close", "code": 1008, "reason": why[:100]})
                return
        kind, body = b"application/json", json.dumps({"what": why}).encode()
        if status == 401 and "text/html" in headers.get("accept", ""):
            kind, body = b"text/html; charset=utf-8", self._login()
        rest = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        if status == 401:
            rest.append((b"www-authenticate", b"Bearer"))
        if status == 429:
            rest.append((b"retry-after", b"1"))
        if status in {413, 415}:
            rest.append((b"connection", b"close"))
        start = {"type": f"{way}.start", "status": status, "headers": [*_HEADERS, *rest]}
        await send(start)
        await send({"type": f"{way}.body", "body": body})


def same(given: str, wanted: str) -> bool:
    """Compare secrets in a time that does not tell how far they agree."""
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


def _same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from the daemon's own page, or from no page at all."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:
        return False


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _dressed(send: Send) -> Send:
    """Add the headers that keep browsers strict."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return dressed
