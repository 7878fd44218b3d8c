"""Run the daemon until it is told to end; the sessions that it started go on."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import uvicorn
from filelock import FileLock, Timeout

from livesr.client import address
from livesr.daemon import token
from livesr.daemon.app import make_app
from livesr.daemon.folder import DataFolder
from livesr.daemon.guard import Rules
from livesr.daemon.service import Daemon
from livesr.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

_MOST_FRAME = 4096
"""Bytes of a WebSocket message, which the daemon refuses anyway."""
_GOODBYE_S = 2


@dataclass(frozen=True, slots=True)
class Options:
    """How the daemon is served.

    Attributes
    ----------
    folder : Path
        Where sessions lie.
    host, port : str, int
        What it listens at; port 0: a free one.
    token_file : Path or None
    names : tuple of str
        Further names that it is called by.
    per_s : float
        Requests that an address may make a second.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = address.PORT
    token_file: Path | None = None
    names: tuple[str, ...] = ()
    per_s: float = 200.0


def serve(options: Options, say: Callable[[str], None], began: Callable[[str, Path], None]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Parameters
    ----------
    options : Options
    say : callable
        Tells people.
    began : callable
        Called with the address and the data folder once requests are answered.

    Raises
    ------
    ConfigError
        If the address cannot be listened at, or the token is none.
    StorageError
        If the data folder cannot be used, or another daemon does.
    """
    data = DataFolder(options.folder)
    with _alone(data), _listening(options) as listener:
        secret, file = _token(options, data, say)
        rules = Rules(
            token=secret,
            hosts=token.names_of(options.host, options.names),
            per_s=options.per_s,
            burst=2 * options.per_s,
        )
        daemon = Daemon(data)
        _yield_on_windows()
        where = _address(options.host, listener)
        app = make_app(daemon, rules)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            ws_max_size=_MOST_FRAME,
            server_header=False,
            timeout_graceful_shutdown=_GOODBYE_S,
            forwarded_allow_ips="",
            proxy_headers=False,
            h11_max_incomplete_event_size=2**16,
        )
        address.leave_address(where, file)
        try:
            began(where, data.root)
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            pass
        finally:
            address.forget_address(where)
        running = daemon.lane.running()
        if running is not None:
            say(f"{running} goes on without the daemon; livesr serve finds it again")


@contextlib.contextmanager
def _alone(data: DataFolder) -> Iterator[None]:
    lock = FileLock(data.books / "serve.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StorageError(
            "another daemon serves this folder",
            where=str(data.root),
            fix="livesr status says where; stop it there, or serve another folder",
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _listening(options: Options) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        if os.name != "nt":  # there it lets others take the same address
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((options.host, options.port))
            listener.listen(256)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"nothing can listen at {options.host}, port {options.port}: {error}",
                where="livesr serve",
                fix="choose another --port (0: a free one), or stop what listens there",
            ) from None
        yield listener


def _token(
    options: Options, data: DataFolder, say: Callable[[str], None]
) -> tuple[str, Path | None]:
    """Return the token that is asked for and its file; none where only this computer can ask."""
    given = token.of_environment()
    if given and options.token_file is None:
        return given, None
    file = options.token_file
    if file is None and token.is_loopback(options.host):
        return "", None
    file = file or data.books / "token"
    secret = token.read_or_make(file.absolute())
    say(f"other computers can reach this daemon with its token, which stands in {file.absolute()}")
    if not token.is_loopback(options.host):
        say(
            "what is sent is not encrypted: on a network that others share use ssh (docs/daemon.md)"
        )
    return secret, file.absolute()


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104 - said, not bound
    return f"http://{shown or (f'[{host}]' if ':' in host else host)}:{port}"


def _yield_on_windows() -> None:
    """Lower the daemon's priority where its threads have none of their own."""
    lower = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
    if lower is not None:
        psutil.Process().nice(lower)
