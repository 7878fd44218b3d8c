"""The secret that lets people in from other computers."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from typing import TYPE_CHECKING

from livesr.client.address import TOKEN_VARIABLE
from livesr.errors import ConfigError
from livesr.storage.disk import disk_errors

if TYPE_CHECKING:
    from pathlib import Path

SHORTEST = 16


def is_loopback(host: str) -> bool:
    """Return whether an address is this computer's own, which no other can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_of(host: str, more: tuple[str, ...]) -> frozenset[str]:
    """Return the names that a daemon may be called by, in small letters."""
    own = () if is_loopback(host) else (socket.gethostname(), socket.getfqdn())
    return frozenset(name.lower() for name in (*own, *more) if name)


def read_or_make(file: Path) -> str:
    """Return the token in a file, which is made, for this user alone, if it is not there.

    Raises
    ------
    ConfigError
        If it is short enough to be guessed.
    StorageError
        If it can be neither read nor made.
    """
    with disk_errors("the token's file cannot be used", file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return checked(file.read_text(encoding="utf-8").strip(), str(file))
        token = secrets.token_urlsafe(32)
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(f"{token}\n")
        return token


def of_environment() -> str:
    """Return the token that the environment gives, checked; empty if it gives none."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    return checked(token, TOKEN_VARIABLE) if token else ""


def checked(token: str, where: str) -> str:
    """Return a token; raises ConfigError if it is too short, or no header can carry it."""
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"the token has {len(token)} characters, expected at least {SHORTEST}, letters and "
            "digits",
            where=where,
            fix='make one: python -c "import secrets; print(secrets.token_urlsafe(32))"',
        )
    return token
