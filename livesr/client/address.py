"""Where a daemon is: the file that it leaves, and what a command line says instead."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from livesr.plain import NotPlainError, read_json
from livesr.storage.disk import disk_errors

PORT = 8470
ADDRESS_VARIABLE, TOKEN_VARIABLE = "LIVESR_ADDRESS", "LIVESR_TOKEN"
STATE_VARIABLE = "LIVESR_STATE"


def address_file() -> Path:
    """Return the file in which a user's daemon says where it is."""
    given = os.environ.get(STATE_VARIABLE)
    folder = Path(given) if given else Path(platformdirs.user_state_dir("livesr", False))
    return folder / "daemon.json"


def leave_address(address: str, token_file: Path | None) -> Path:
    """Say where this user's daemon is; raises StorageError if that cannot be written."""
    path = address_file()
    said = {"address": address, "token_file": str(token_file) if token_file else ""}
    with disk_errors("the daemon's address cannot be left", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said), encoding="utf-8")
    return path


def forget_address(address: str) -> None:
    """Take it away, unless another daemon wrote it meanwhile."""
    path = address_file()
    with suppress(OSError, NotPlainError, AttributeError):
        if read_json(path).get("address") == address:
            path.unlink()


def find(address: str | None, token_file: Path | None) -> tuple[str, str]:
    """Return a daemon's address and its token, which may be empty.

    Named here, in ``LIVESR_ADDRESS`` and ``LIVESR_TOKEN``, or left by this user's daemon.

    Raises
    ------
    StorageError
        If the token's file cannot be read.
    """
    left: dict[str, str] = {}
    with suppress(OSError, NotPlainError):
        said = read_json(address_file())
        left = {k: str(v) for k, v in said.items()} if isinstance(said, dict) else {}
    named = address or os.environ.get(ADDRESS_VARIABLE)
    where = (named or left.get("address") or f"http://127.0.0.1:{PORT}").rstrip("/")
    token = os.environ.get(TOKEN_VARIABLE, "")
    file = token_file
    if file is None and not token and where == left.get("address") and left.get("token_file"):
        file = Path(left["token_file"])
    if file is not None:
        with disk_errors("the token cannot be read", file):
            token = file.read_text(encoding="utf-8").strip()
    return where, token
