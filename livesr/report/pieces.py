"""Pieces of the page that several parts use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr import html

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STYLE = """<style>
.cells { display: flex; flex-wrap: wrap; gap: .8rem 1rem; margin: .4rem 0 1.2rem; }
.cells figure { margin: 0; } .cells img { width: 150px; height: 150px; display: inline-block; }
.cells figcaption { font-size: .8rem; }
.cells img + img { margin-left: 3px; }
.said th, .said td { text-align: left; } td.words { white-space: normal; max-width: 34rem; }
</style>"""
_MARK = "\0"


def worded(
    head: Sequence[str], rows: Iterable[Sequence[str]],
    words: Sequence[int] = (),
) -> str:  # fmt: skip
    """Return a table some of whose columns hold sentences."""
    marked = [[f"{_MARK * (k in words)}{cell}" for k, cell in enumerate(row)] for row in rows]
    table = html.table(head, marked).replace(f"<td>{_MARK}", '<td class="words">')
    return f'<div class="said">{table}</div>'


def none(why: str) -> str:
    """Return the line that says why there is nothing."""
    return html.paragraph(why, "small")
