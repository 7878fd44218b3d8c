"""The report's page: one section after the other; what a session lacks is said in one line."""

from __future__ import annotations

import logging
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from livesr import html
from livesr.config.rules import STAGES
from livesr.errors import StorageError
from livesr.report import measured
from livesr.report.anatomy import anatomy_of
from livesr.report.happened import cell_events, decided, intervals
from livesr.report.header import head
from livesr.report.header import title as page_title
from livesr.report.pieces import STYLE, none, worded
from livesr.report.portraits import Portraits
from livesr.report.timeline import course_of, draw_course
from livesr.report.words import clock, counted, number, title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from livesr.report.anatomy import Anatomy
    from livesr.report.portraits import Portrait
    from livesr.report.told import Told
    from livesr.types import Float64

_NO_CELLS = (
    "No stages: they are followed in sessions with rules, and this one heard of no cells. "
    "livesr run --replay with rules reads them from its masks."
)


log = logging.getLogger(__name__)

_DAMAGE = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)
"""What a line of the journal raises whose values are of another kind than livesr writes."""


def page(told: Told) -> str:
    """Return the page of a session; a part whose file is damaged says so in its place."""
    sections: Sequence[tuple[str, Callable[[Told], Iterator[str]]]] = (
        ("Course", _course),
        ("Decisions", _decisions),
        ("Cells", _cells),
        ("Anatomy by stage", _anatomy),
        ("Structures over time", measured.structures),
        ("Contacts", measured.contacts),
        ("Light and delay", measured.light),
        ("What was followed", measured.drifts),
        ("Gaps, faults and pauses", measured.gaps),
        ("Notes", measured.notes),
        ("Stacks unlike the networks' training", measured.odd),
    )
    parts = [STYLE, *_whole("The head", head, told)]
    for words, section in sections:
        parts += [html.heading(words), *_whole(words, section, told)]
    return html.document(page_title(told), parts)


def _whole(words: str, section: Callable[[Told], Iterator[str]], told: Told) -> list[str]:
    """Return a section, or what is damaged of it."""
    try:
        return list(section(told))
    except StorageError as error:
        why = f"{error.what} ({error.where})"
    except _DAMAGE as error:
        why = f"a line of the journal or a table is damaged: {error!r:.200}"
    log.warning("%s is left out: %s", words, why)
    return [html.paragraph(f"Left out: {why}.", "honest")]


def _course(told: Told) -> Iterator[str]:
    if not told.stacks:
        yield none("No stack was stored.")
        return
    course = course_of(told)
    names = [told.position_name(position) for position in course.positions]
    caption = "A tick a stack."
    if course.decisions:
        caption += (
            " Blue: recorded otherwise by a rule. Triangles: decisions, numbered as below, grey "
            "where nothing was done."
        )
    if course.lives:
        caption += " Bars: the stages of each cell, from when they began as far as is known."
    if course.more:
        caption += f" {counted(course.more, 'further cell')} did not divide, or found no room here."
    yield html.picture(html.embedded("course", caption, draw_course(course, names)))


def _decisions(told: Told) -> Iterator[str]:
    made = decided(told)
    if not made:
        rules = told.begun.get("rules")
        yield none("The rules decided nothing." if rules else "The session has no rules.")
        return
    yield worded(
        ("", "time", "position", "cell", "rule", "because", "done"),
        (
            (
                str(one.number),
                clock(one.time_s),
                told.position_name(one.position),
                str(one.cell or "–"),
                one.rule,
                one.cause,
                one.does if one.acted else f"nothing (would be: {one.does})",
            )
            for one in made
        ),
        words=(5, 6),
    )
    found = list(intervals(told))
    if found:
        yield html.paragraph("Recorded otherwise:", "small")
        yield worded(("position", "rule", "from, to", "recorded"), found, ())


def _cells(told: Told) -> Iterator[str]:
    if not told.lives:
        yield none(_NO_CELLS)
        return
    yield html.paragraph(
        "Each cell in the first stack that shows a stage: its light (both channels) in the plane "
        "through its middle, and the same light in its structures' colours. Within an image of the "
        "session brightness can be compared.",
        "small",
    )
    shown = list(Portraits(told).all())
    if not shown:
        yield none("No pictures: where cells are stands in cells.parquet (livesr measure).")
    for life, pictures in shown:
        of = f", of cell {life.parent}" if life.parent else ""
        yield html.heading(f"{told.position_name(life.position)}, cell {life.cell}{of}", 3)
        yield f'<div class="cells">{"".join(map(_portrait, pictures))}</div>'
    left = len(told.lives) - len(shown)
    if shown and left:
        yield html.paragraph(f"{counted(left, 'further cell')} not shown.", "small")
    events = cell_events(told)
    if events:
        yield worded(("began", "seen in the stack of", "position", "cell", "what"), events, (4,))


def _portrait(one: Portrait) -> str:
    words = escape(one.caption)
    return (
        f'<figure><img alt="{words}, light" src="{one.light}">'
        f'<img alt="{words}, structures" src="{one.structures}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _anatomy(told: Told) -> Iterator[str]:
    found = anatomy_of(told)
    if found is None:
        why = "No cell was seen whole, or no objects were measured." if told.lives else _NO_CELLS
        yield none(why)
        return
    yield html.paragraph(
        "Of one cell: means over cells of their means over stacks. Only stacks that show the cell "
        "whole count; in brackets the spread between cells. What the masks miss is missing here "
        "too: networks were trained on cells in interphase.",
        "small",
    )
    never = [stage for stage in STAGES if stage in _seen(told) and stage not in found.stages]
    if never:
        yield html.paragraph(f"Never seen whole: cells in {', '.join(never)}.", "small")
    heads = [
        f"{stage} ({counted(cells, 'cell')}, {counted(stacks, 'stack')})"
        for stage, cells, stacks in zip(found.stages, found.cells, found.stacks, strict=True)
    ]
    yield html.table(
        ("the cell", *heads),
        [
            ["volume, µm³", *map(number, found.cell_um3)],
            ["height, µm", *map(number, found.height_um)],
        ],
    )
    for words, values, spread in (
        ("number", found.number, None),
        ("volume, µm³", found.volume_um3, found.spread_um3),
        ("ratio (red over yellow)", found.ratio, None),
    ):
        yield html.table((words, *found.stages), _anatomy_rows(found, values, spread))


def _seen(told: Told) -> set[str]:
    return {moment.stage for life in told.lives for moment in life.moments}


def _anatomy_rows(found: Anatomy, values: Float64, spread: Float64 | None) -> Iterator[list[str]]:
    for k, name in enumerate(found.structures):
        cells = [number(value) for value in values[k]]
        if spread is not None:
            cells = [
                f"{text} (±{number(by)})" if np.isfinite(by) else text
                for text, by in zip(cells, spread[k], strict=True)
            ]
        yield [title(name), *cells]
