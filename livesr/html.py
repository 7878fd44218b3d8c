"""Reports as one page of HTML with everything in it, which opens without a network.

Figures stand in the page and are PNG files beside it as well. They are drawn on matplotlib's
``Figure`` alone, without pyplot, so that no window and no global state is needed.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from livesr.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

DPI = 110
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a202c; background: #fff; margin: 2rem auto;
       max-width: 1180px; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
.good, .fair, .honest { border-left: 4px solid; padding: .7rem 1rem; margin: .6rem 0; }
.good { border-color: #2f855a; background: #f0fff4; }
.fair { border-color: #b7791f; background: #fffff0; }
.honest { border-color: #c53030; background: #fff5f5; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .87rem; margin: .6rem 0 1rem; }
th, td { padding: .28rem .55rem; text-align: right; border-bottom: 1px solid #e2e8f0;
         font-variant-numeric: tabular-nums; white-space: nowrap; }
th { white-space: normal; vertical-align: bottom; border-bottom: 2px solid #4a5568; }
th:first-child, td:first-child { text-align: left; }
td.below { color: #c53030; font-weight: 600; } td.main { font-weight: 600; }
.dot { display: inline-block; width: .7em; height: .7em; border: 1px solid #718096;
       border-radius: 50%; margin-right: .45em; }
tr.main td { font-weight: 600; background: #ebf8ff; }
figure { margin: 1rem 0 2rem; } figure img { max-width: 100%; height: auto; }
figcaption { font-size: .9rem; color: #4a5568; max-width: 60rem; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem 1.2rem; max-width: 60rem; }
.small { color: #4a5568; font-size: .87rem; max-width: 60rem; }
"""


@dataclass(frozen=True, slots=True)
class Illustration:
    """A figure as it stands in the page: its name, caption, and data address.

    ``beside`` says whether it is a file of that name beside the page as well.
    """

    name: str
    caption: str
    data: str
    beside: bool = True


def document(title: str, parts: Iterable[str]) -> str:
    """Return a page of parts that are HTML already."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *parts,
            "</body></html>",
        ]
    )


def heading(text: str, level: int = 2) -> str:
    """Return a heading of plain text."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text, with a class of `STYLE` if named."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], main: Iterable[int] = ()) -> str:
    """Return a table of plain text; ``main`` are the rows that stand out."""
    marked = set(main)
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join(
        f"<tr{' class=main' if number in marked else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for number, row in enumerate(rows)
    )
    return (
        f'<div class="wide"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def terms(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names with what they stand for, one below the other."""
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs)
    return f'<dl class="facts">{"".join(rows)}</dl>'


def picture(one: Illustration) -> str:
    """Return an illustration with its caption and, where it has one, its file's name."""
    file = f" ({escape(one.name)}.png)" if one.beside else ""
    return (
        f'<figure><img alt="{escape(one.name)}" src="{one.data}">'
        f"<figcaption>{escape(one.caption)}{file}</figcaption></figure>"
    )


def prepare(folder: Path) -> None:
    """Make the folder of a report, before anything is measured for it.

    Raises
    ------
    StorageError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise _unwritten(folder, problem) from None


def illustrate(folder: Path, name: str, caption: str, figure: Any) -> Illustration:
    """Write a figure as ``NAME.png`` and return it for the page.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    png = _png(figure)
    put(folder / f"{name}.png", png)
    return Illustration(name, caption, address(png, "image/png"))


def embedded(name: str, caption: str, figure: Any) -> Illustration:
    """Return a figure that stands in the page alone."""
    return Illustration(name, caption, address(_png(figure), "image/png"), beside=False)


def address(content: bytes, kind: str) -> str:
    """Return the data address of an image of a kind such as ``image/png``."""
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"


def put(path: Path, content: bytes) -> Path:
    """Write a file whole: under another name first.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    draft = path.with_name(path.name + ".draft")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as problem:
        raise _unwritten(path.parent, problem) from None
    return path


def file_name(text: str) -> str:
    """Return a text as a file may be called on every system."""
    return re.sub(r"[^\w.-]+", "-", text).strip(".-") or "unnamed"


def _png(figure: Any) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI, facecolor="white")
    return out.getvalue()


def _unwritten(folder: Path, problem: OSError) -> StorageError:
    return StorageError(
        f"the report cannot be written: {problem}",
        where=str(folder),
        fix="name another folder, on a disk with room that you may write to",
    )
