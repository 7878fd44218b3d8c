"""Tell the system's service manager how the session is: systemd's protocol, without its library.

Messages go to the datagram socket that ``NOTIFY_SOCKET`` names (sd_notify(3)). Where it is not set
(no systemd, Windows) nothing is sent. A message that cannot be sent is never worth an error.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from livesr.flow import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

_PINGS = 3
"""In each interval within which systemd waits for one."""


class Service:
    """What a service manager is told.

    Parameters
    ----------
    address : str
        Of its socket: a path, or ``@`` and a name (Linux); empty: there is none.
    watchdog_s : float
        It restarts the service if no ping came for so long; 0: it does not watch.
    """

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s

    @classmethod
    def of_environment(cls) -> Service:
        """Return the one that started this process, if one did."""
        if not hasattr(socket, "AF_UNIX"):  # Windows
            return cls()
        return cls(os.environ.get("NOTIFY_SOCKET", ""), _watchdog_s())

    def ready(self, status: str) -> None:
        """Say that the session runs."""
        self._send("READY=1", f"STATUS={_line(status)}")

    def status(self, status: str) -> None:
        """Say in words how it is: ``systemctl status`` shows it."""
        self._send(f"STATUS={_line(status)}")

    def stopping(self) -> None:
        """Say that the session ends."""
        self._send("STOPPING=1")

    @contextmanager
    def watched(self, alive: Callable[[float], bool]) -> Iterator[None]:
        """Ping while ``alive`` says so: it is asked whether all gave a sign within so many s."""
        if not (self._address and self.watchdog_s):
            yield
            return

        def ping() -> None:
            if alive(self.watchdog_s):
                self._send("WATCHDOG=1")
            else:
                log.error("the session hangs: the watchdog is not answered")

        with Ticker("watchdog", self.watchdog_s / _PINGS, ping):
            yield

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | _CLOSE_ON_EXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.debug("the service manager was not told: %s", error)


_CLOSE_ON_EXEC = getattr(socket, "SOCK_CLOEXEC", 0)


def _watchdog_s() -> float:
    """Return the watchdog's interval, if this process is the one that it watches."""
    process = os.environ.get("WATCHDOG_PID", "")
    if process and process != str(os.getpid()):
        return 0.0
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0


def _line(text: str) -> str:
    return " ".join(text.split())
