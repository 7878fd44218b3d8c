"""The other end: asks a daemon over HTTP with the standard library alone."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from livesr.client.address import find
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TIMEOUT_S = 30.0
_MOST_BYTES = 2**28
_UNKNOWN = 401


class Client:
    """Asks one daemon.

    Parameters
    ----------
    address : str, optional
        ``http://HOST:PORT``; by default that of this user's daemon.
    token_file : Path, optional
        A file with the token, where the daemon asks for one.

    Raises
    ------
    ConfigError
        If the address is none.
    """

    def __init__(self, address: str | None = None, token_file: Path | None = None) -> None:
        self.address, self._token = find(address, token_file)
        if urlsplit(self.address).scheme not in {"http", "https"}:
            raise ConfigError(
                f"{self.address!r} is no address", where="--address", fix="http://127.0.0.1:8470"
            )
        self._opener = build_opener(ProxyHandler({}))

    def status(self) -> dict[str, Any]:
        """Return the daemon's status."""
        return dict(self.get("/api/status"))

    def session(self, name: str) -> dict[str, Any]:
        """Return a session's status."""
        return dict(self.get(f"/api/sessions/{quote(name, safe='')}"))

    def ask(self, name: str, verb: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask a session to ``pause``, ``resume`` or ``stop``; return what was done."""
        return dict(self.post(f"/api/sessions/{quote(name, safe='')}/{verb}", body))

    def chosen(self, name: str | None) -> str:
        """Return a session's name, by default the one that runs.

        Raises
        ------
        ConfigError
            If none runs.
        """
        running = name or self.status()["running"]
        if running is None:
            raise ConfigError(
                "no session runs", where=self.address, fix="livesr status lists the sessions"
            )
        return str(running)

    def get(self, path: str) -> Any:
        """Return what a path answers, JSON."""
        return json.loads(self.content(path))

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Post JSON and return the JSON that is answered."""
        return json.loads(self.content(path, json.dumps(body or {}).encode()))

    def content(self, path: str, body: bytes | None = None) -> bytes:
        """Return the bytes of an answer.

        Raises
        ------
        ConfigError
            If nobody answers, or the daemon refuses: with its own words.
        """
        headers = {"Accept": "*/*"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(self.address + path, data=body, headers=headers)  # noqa: S310 - checked
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                content: bytes = answer.read(_MOST_BYTES)
                return content
        except HTTPError as error:
            raise _refusal(error, self.address) from None
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise ConfigError(
                f"no daemon answers: {reason}",
                where=self.address,
                fix="start it with livesr serve, or say where it is: --address http://HOST:PORT",
            ) from None


def _refusal(error: HTTPError, address: str) -> ConfigError:
    try:
        said = json.loads(error.read(65_536))
        what, where, mend = (str(said.get(key, "")) for key in ("what", "where", "mend"))
    except (ValueError, AttributeError, OSError):
        what, where, mend = f"the daemon answered {error.code} {error.reason}", "", ""
    if error.code == _UNKNOWN:
        mend = "name the file that holds its token with --token-file, or set LIVESR_TOKEN"
    return ConfigError(what, where=where or address, fix=mend)
