"""Names of session folders: from sample, well, date and a counter, alike on Windows and Linux.

A name is a pattern. ``{sample}``, ``{well}``, ``{operator}`` stand for the session's `Sample`,
``{date}`` and ``{time}`` for when it begins, ``{counter}`` for the first number that is free
(``{counter:03d}``: with three digits). A pattern without ``{counter}`` whose folder exists already
gets ``-2``, ``-3`` …; a plain name without braces gets date and time. Nothing is ever written over.
"""

from __future__ import annotations

import re
import string
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from livesr.errors import ConfigError, StorageError, nearest

if TYPE_CHECKING:
    from livesr.config.session import Session

_COUNTER = "counter"
_KNOWN = ("sample", "well", "operator", "date", "time", _COUNTER)
_COUNTER_FORMAT = re.compile(r"(0?[1-9])?d?")
_MOST = 9_999
_LONGEST = 160
"""Bytes: file systems take 255, and names of files are put below."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names of devices, which Windows allows no file to have."""


def named(
    session: Session, where: Path | None = None, now: datetime | None = None
) -> tuple[Session, Path]:
    """Return the session with its name written out, and the folder that it goes to.

    Parameters
    ----------
    session : Session
    where : Path, optional
        Folder that the session's folder is made in; by default the working folder.
    now : datetime, optional
        When the session begins.

    Raises
    ------
    ConfigError
        If the name has a placeholder that nothing stands for.
    StorageError
        If all numbers are taken.
    """
    where, now = where or Path(), now or datetime.now().astimezone()
    fields = _fields(session.name)
    if not fields:
        folder = _free(where, f"{safe(session.name)}-{now:%Y%m%d-%H%M%S}", counted=False)
        return session, folder
    known = {**session.sample.model_dump(), "date": f"{now:%Y%m%d}", "time": f"{now:%H%M%S}"}
    _check(session, fields, known)
    counted = any(name == _COUNTER for name, _ in fields)
    pattern = _filled(session.name, known)
    folder = _free(where, pattern, counted=counted)
    return session.model_copy(update={"name": folder.name}), folder


def safe(name: str) -> str:
    """Return a name that a folder may have on Windows, Linux and a shared disk."""
    plain = re.sub(r"[^\w.+=-]+", "-", unicodedata.normalize("NFC", name)).strip("-. ")
    plain = plain.encode()[:_LONGEST].decode(errors="ignore").rstrip("-. ")
    if _RESERVED.fullmatch(plain):
        plain = f"_{plain}"
    return plain or "session"


def _fields(pattern: str) -> list[tuple[str, str]]:
    """Return the placeholders of a pattern, each with its format."""
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise ConfigError(
            f"the name {pattern!r} cannot be read: {error}",
            where="name",
            fix="write placeholders in braces: {sample}_{date}_{counter:03d}",
        ) from None
    for _, field, _, conversion in parts:
        if conversion:
            raise _unknown(f"{field}!{conversion}")
    return [(field, form or "") for _, field, form, _ in parts if field is not None]


def _check(session: Session, fields: list[tuple[str, str]], known: dict[str, str]) -> None:
    for name, form in fields:
        if name not in _KNOWN or (name != _COUNTER and form):
            raise _unknown(f"{name}:{form}" if form else name)
        if name == _COUNTER and not _COUNTER_FORMAT.fullmatch(form):
            raise _unknown(f"{name}:{form}")
        if name != _COUNTER and not known[name].strip():
            raise ConfigError(
                f"the name {session.name!r} asks for the {name}, which is not given",
                where=f"sample.{name}",
                fix=f"add sample: {{{name}: …}} to the session file, or --set sample.{name}=…, "
                "or take it out of the name",
            )


def _filled(pattern: str, known: dict[str, str]) -> str:
    """Return the pattern with everything but the counter written out and made safe."""
    parts = []
    for text, field, form, _ in string.Formatter().parse(pattern):
        parts.append(_unbraced(text))
        if field == _COUNTER:
            parts.append(f"{{{_COUNTER}:{form}}}" if form else f"{{{_COUNTER}:03d}}")
        elif field is not None:
            parts.append(_unbraced(known[field]))
    return "".join(parts)


def _unbraced(text: str) -> str:
    return text.replace("{", "(").replace("}", ")")


def _free(where: Path, pattern: str, *, counted: bool) -> Path:
    """Return the first folder of the pattern whose name is not taken, in whatever letters' case."""
    try:
        taken = {entry.name.casefold() for entry in where.iterdir()}
    except OSError:  # it does not exist, or may not be read: making the folder says so
        taken = set()
    for number in range(1, _MOST + 1):
        name = safe(pattern.format(counter=number) if counted else pattern)
        if not counted and number > 1:
            name = f"{name}-{number}"
        if name.casefold() not in taken:
            return where / name
    raise StorageError(
        f"{_MOST} session folders are named like {pattern} already",
        where=str(where.absolute()),
        fix="record into another folder, or change the session's name",
    )


def _unknown(field: str) -> ConfigError:
    return ConfigError(
        f"the name asks for {{{field}}}, for which nothing stands",
        where="name",
        fix=nearest(field, [f"{{{name}}}" for name in _KNOWN]) + "; digits: {counter:03d}",
    )
