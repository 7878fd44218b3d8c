"""The lamp's shutter as a Micro-Manager device, for a ``#py`` line of a configuration."""

from __future__ import annotations

import socket
from typing import Any

from pymmcore_plus.experimental.unicore import ShutterDevice

_TIMEOUT_S = 5.0


class LampShutter(ShutterDevice):
    """Opens and closes the lamp behind the local port ``Port``, as a serial port is used."""

    def __init__(self) -> None:
        super().__init__()
        self._open = False
        self._socket: socket.socket | None = None
        self.register_property("Port", default_value=0, property_type=int)

    def initialize(self) -> None:
        """Take the port; another process that holds it keeps the lamp from answering."""
        port = int(self.get_property_value("Port"))
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT_S)
        self._ask("hello")

    def shutdown(self) -> None:
        """Let go of the port; the lamp stays as it is."""
        if self._socket is not None:
            self._socket.close()

    def get_open(self) -> bool:
        """Return whether it was opened."""
        return self._open

    def set_open(self, open: bool) -> None:  # noqa: A002 - Micro-Manager's name
        """Open or close, and wait for the lamp's answer."""
        self._ask("on" if open else "off")
        self._open = bool(open)

    def _ask(self, word: str) -> Any:
        if self._socket is None:
            raise RuntimeError("the lamp is not connected")
        self._socket.sendall(word.encode() + b"\n")
        if self._socket.recv(16) != b"ok\n":
            raise RuntimeError("the lamp does not answer")
