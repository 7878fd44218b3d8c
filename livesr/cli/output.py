"""What the program says: results on stdout, everything for people on stderr."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from livesr.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from livesr.errors import LivesrError

    class Words(Protocol):
        """How far something is."""

        def words(self) -> str:
            """Return it as a line."""


Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, nothing else there.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more; show tracebacks.")]


def emit(data: Any) -> None:
    """Print one JSON value on stdout, in ASCII: a pipe on Windows need not know more."""
    print(json.dumps(data, indent=2, default=str))


def say(text: str) -> None:
    """Print a line for people on stderr."""
    print(text, file=sys.stderr, flush=True)


def say_error(error: LivesrError) -> None:
    """Print what is wrong, where, and how to mend it."""
    say(f"livesr: {error}")


def free_folder(wish: Path) -> Path:
    """Return ``wish``, or the first of ``wish-2``, ``wish-3`` … that does not exist yet."""
    for number in range(1, 10_000):
        folder = wish if number == 1 else wish.with_name(f"{wish.name}-{number}")
        if not folder.exists():
            return folder
    raise StorageError(
        f"there are {number} folders called {wish} already", where=str(wish.parent), fix="use --out"
    )


def start_logging(verbose: bool) -> None:
    """Show the program's messages on stderr: warnings, or everything with ``-v``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    logger = logging.getLogger("livesr")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class ProgressLine:
    """One live line on a terminal; a plain line a stack elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()

    def show(self, progress: Words) -> None:
        """Show how far it is."""
        if self._terminal:
            print(f"\r\033[K{progress.words()}", end="", file=sys.stderr, flush=True)
        else:
            say(progress.words())

    def end(self) -> None:
        """Leave the live line."""
        if self._terminal:
            print(file=sys.stderr)


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Return rows as an aligned text table."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(c), *(len(r[i]) for r in cells), 0) for i, c in enumerate(columns)]
    lines = [columns, ["-" * w for w in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
