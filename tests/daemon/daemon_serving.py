"""A daemon in this process, whose sessions are recordings or processes that stand for them."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from livesr.daemon.app import make_app
from livesr.daemon.folder import DataFolder
from livesr.daemon.guard import Rules
from livesr.daemon.service import Daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAKE = (sys.executable, str(Path(__file__).with_name("fake_session.py")), "{folder}")


@dataclass
class Served:
    """A daemon that answers at `address`."""

    daemon: Daemon
    address: str
    http: httpx.Client

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.http.get(path, **rest)

    def post(self, path: str, json: object = None, **rest: Any) -> httpx.Response:
        return self.http.post(path, json=json, **rest)

    def state(self, name: str) -> str:
        return str(self.get(f"/api/sessions/{name}").json()["state"])

    def until(self, name: str, *states: str) -> None:
        wait_for(lambda: self.state(name) in states)


def wait_for(true: Callable[[], bool], seconds: float = 100.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


@contextmanager
def serving(folder: Path, rules: Rules | None = None, token: str = "") -> Iterator[Served]:
    daemon = Daemon(DataFolder(folder), FAKE)
    app = make_app(daemon, rules or Rules(per_s=10_000, burst=10_000))
    config = uvicorn.Config(
        app, port=0, log_level="error", ws="websockets-sansio", ws_max_size=4096,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    wait_for(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(base_url=address, headers=headers, timeout=30, trust_env=False) as http:
            yield Served(daemon, address, http)
    finally:
        for name in (*daemon.lane.queue(), daemon.lane.running()):
            if name is not None:
                daemon.lane.stop(name)
        wait_for(lambda: all(job.state == "ended" for job in daemon.lane.jobs().values()), 90)
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
