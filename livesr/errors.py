"""The errors that a user may meet: each says what, where and how to mend it.

Every error carries the exit code of the command line ("Use it" in the README):
2 usage or session file, 3 hardware, 4 model or engine, 5 storage.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


LONGEST = 1200
"""Characters of each part of an error."""
_LAST = 200


class LivesrError(Exception):
    """An error with a cause that its reader can mend.

    Parameters
    ----------
    what : str
        What is wrong, with the value found and the value expected.
    where : str
        File and line, device, array or stack where it is wrong.
    fix : str
        What to do about it: a command, a key to change, a cable to check.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "error"

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        what = shown(what)
        super().__init__(what)
        self.what = what
        self.where = shown(where)
        self.fix = shown(fix)

    def __reduce__(self) -> tuple[object, ...]:
        """Cross process borders whole (keyword-only arguments do not pickle by default)."""
        return (_rebuild, (type(self), self.what, self.where, self.fix))

    def __str__(self) -> str:
        """Return the three parts on one line each."""
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  mend:  {self.fix}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str | int]:
        """Return the parts as ``--json`` prints them."""
        return {
            "error": self.kind,
            "what": self.what,
            "where": self.where,
            "mend": self.fix,
            "exit_code": self.exit_code,
        }


class ConfigError(LivesrError):
    """A session file, a command or an argument is wrong (exit code 2)."""

    exit_code = 2
    kind = "config"


class CalibrationError(ConfigError):
    """A stored calibration does not fit the session, or its file is damaged (exit code 2)."""

    kind = "calibration"


class HardwareError(LivesrError):
    """The microscope, its configuration or a recording played in its place failed (exit code 3)."""

    exit_code = 3
    kind = "hardware"


class ModelError(LivesrError):
    """A model package or an engine cannot be used (exit code 4)."""

    exit_code = 4
    kind = "model"


class EngineError(ModelError):
    """An engine failed while it ran (exit code 4).

    Parameters
    ----------
    engine : str
        Its name.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "", engine: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.engine = engine


class StorageError(LivesrError):
    """A folder cannot be written, or what stands in it cannot be read (exit code 5)."""

    exit_code = 5
    kind = "storage"


class DiskFullError(StorageError):
    """The disk has no room for a write, which may succeed once there is some (exit code 5)."""


def _rebuild(cls: type[LivesrError], what: str, where: str, fix: str) -> LivesrError:
    return cls(what, where=where, fix=fix)


def shown(text: str) -> str:
    """Return a text that a terminal and a log can show, whatever a file said.

    What does not print (NUL, escapes that move the cursor, half characters) is spelt out, and of a
    text without end only the ends are kept.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - _LAST]} … {text[-_LAST:]}"
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known words nearest to ``word``, or all of them if none is near."""
    known = list(known)
    close = get_close_matches(word, known, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "known: " + ", ".join(known)
