"""Strangers, other sites' pages, and too much of anything are refused."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from daemon_serving import Served, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from livesr.daemon import token as tokens
from livesr.daemon.guard import COOKIE, Rules
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a-token-of-the-tests"  # noqa: S105
PATHS = ["/", "/docs", "/openapi.json", "/metrics", "/static/app.js", "/api/status", "/nothing",
         "/api/sessions/night/overlay.png", "/static/../token", "/login"]  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    rules = Rules(token=TOKEN, hosts=frozenset({"scope7"}), per_s=10_000, burst=10_000)
    with serving(tmp_path_factory.mktemp("guarded"), rules) as here:
        yield here


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_there_is_nothing_but_401(guarded: Served, path: str) -> None:
    for headers in (
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"{COOKIE}=wrong"},
        {"Host": "evil.example"},
        {"Accept": "text/html"},
    ):
        for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD"):
            if (method, path) == ("POST", "/login"):
                continue
            answer = guarded.http.request(method, path, headers=headers)
            assert answer.status_code == 401, (method, path, headers)
            assert "www-authenticate" in answer.headers


def test_who_has_no_token_learns_no_bound(guarded: Served) -> None:
    host, port = guarded.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 60) as raw:
        raw.sendall(b"POST /api/check HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        assert raw.recv(200).split()[1] == b"401"


def test_a_socket_without_the_token_is_refused(guarded: Served) -> None:
    address = guarded.address.replace("http", "ws") + "/api/sessions/x/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(address)
    assert refused.value.response.status_code == 401


def test_with_the_token_all_is_there(guarded: Served) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/status", headers=headers).status_code == 200
    assert guarded.get("/", headers={"Cookie": f"{COOKIE}={TOKEN}"}).status_code == 200


def test_a_browser_is_asked_for_it_once(guarded: Served) -> None:
    asked = guarded.get("/", headers={"Accept": "text/html,*/*"})
    assert asked.status_code == 401
    assert 'action="/login"' in asked.text
    wrong = guarded.post("/login", data={"token": "no"})
    assert wrong.status_code == 401
    assert "not the token" in wrong.text
    right = guarded.post("/login", data={"token": TOKEN})
    assert right.status_code == 303
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    guarded.http.cookies.clear()
    assert guarded.post("/login", content=b"x" * 2**21).status_code == 413


def test_a_name_that_was_bent_to_here_is_refused(shown: Served, guarded: Served) -> None:
    """DNS rebinding: a page of evil.example whose name now leads to this computer."""
    for host in ("evil.example", "evil.example:8470", "127.0.0.1.evil.example", "[", ""):
        assert shown.get("/api/status", headers={"Host": host}).status_code in {400, 421}, host
    for host in ("localhost:1", "127.0.0.1", "[::1]:8470", "10.0.0.7:8470"):
        assert shown.get("/api/status", headers={"Host": host}).status_code == 200, host
    own = {"Host": "scope7:8470", "Authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/status", headers=own).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_starts_and_stops_nothing(
    shown: Served, headers: dict[str, str]
) -> None:
    for path in ("/api/sessions", "/api/sessions/x/stop", "/api/check"):
        assert shown.post(path, {"example": "simulated"}, headers=headers).status_code == 403
    if "Origin" in headers:
        address = shown.address.replace("http", "ws") + "/api/sessions/x/stream"
        with pytest.raises(InvalidStatus) as refused:
            connect(address, additional_headers=headers)
        assert refused.value.response.status_code == 403


def test_a_form_of_another_site_cannot_be_json(shown: Served) -> None:
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        answer = shown.post("/api/sessions", content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415
    own = {"Origin": shown.address, "Sec-Fetch-Site": "same-origin"}
    assert shown.post("/api/sessions", {"example": "?"}, headers=own).status_code == 422


def test_bodies_are_bounded(shown: Served) -> None:
    headers = {"Content-Type": "application/json"}
    large = b'{"text": "' + b"x" * 2**20 + b'"}'
    assert shown.post("/api/sessions", content=large, headers=headers).status_code == 413
    chunks = shown.post("/api/sessions", content=(b"x" * 2**16 for _ in range(20)), headers=headers)
    assert chunks.status_code in {400, 413}
    assert shown.get("/api/status").status_code == 200


def test_a_length_that_is_none_is_refused(shown: Served) -> None:
    host, port = shown.address.removeprefix("http://").split(":")
    for length in (b"-1", b"1e3", b"99999999999999999999999999"):
        with socket.create_connection((host, int(port)), 60) as raw:
            raw.sendall(
                b"POST /api/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: %s\r\n\r\n"
                % length
            )
            status = int(raw.recv(200).split()[1])
        assert status in {400, 413}


def test_too_many_requests_wait(data: Path) -> None:
    with serving(data, Rules(per_s=0.5, burst=5)) as served:
        answers = [served.get("/api/status") for _ in range(8)]
    assert [answer.status_code for answer in answers][:5] == [200] * 5
    assert 429 in {answer.status_code for answer in answers}
    assert answers[-1].headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "path",
    ["/static/../../pyproject.toml", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/x",
     "/api/sessions/..", "/api/sessions/%2e%2e/overlay.png", "/api/sessions/..%2f..%2fetc/journal",
     "/api/sessions/.daemon/journal", "/api/sessions/%00/journal"],
)  # fmt: skip
def test_no_path_leads_elsewhere(shown: Served, path: str) -> None:
    host, port = shown.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 60) as raw:  # a client would tidy it up
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := raw.recv(65_536):
            answer += part
    status = int(answer.split()[1])
    assert status in {400, 404, 422}
    assert b"build-system" not in answer


def test_strict_headers(shown: Served) -> None:
    headers = shown.get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"


def test_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secrets" / "token"
    made = tokens.read_or_make(file)
    assert len(made) >= 40
    assert tokens.read_or_make(file) == made
    assert file.stat().st_mode & 0o077 == 0 or file.drive  # Windows keeps no such bits
    for short in ("", "abc", "with space in the token"):
        file.write_text(short, encoding="utf-8")
        with pytest.raises(ConfigError, match="the token has"):
            tokens.read_or_make(file)
    monkeypatch.setenv("LIVESR_TOKEN", "short")
    with pytest.raises(ConfigError, match="expected at least 16"):
        tokens.of_environment()


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.9.9.9", True),
     (".".join("0000"), False), ("10.0.0.7", False), ("::", False), ("scope7", False)],
)  # fmt: skip
def test_what_only_this_computer_reaches(host: str, own: bool) -> None:
    assert tokens.is_loopback(host) == own
