from __future__ import annotations

from typing import Any

import pytest

from livesr.types import StackIndex
from livesr.viewer.course import CourseReader

VALUES = {
    "footprint_um2": 906.4, "circularity": 0.92, "elongation": 1.26, "waist": 1.17,
    "height_um": 6.6, "volume_um3": 2696.8, "steepness": 0.45, "nuclei": 1.0,
    "nucleus_um3": 713.6, "nucleus_tall": 0.35, "nuclei_um": 0.0, "membrane_um3": 182.4,
    "envelope": 1.0, "golgi_parts": 1.0, "golgi_spread": 1.35, "golgi_largest": 1.0,
    "mitochondria_parts": 3.0, "mitochondria_spread": 1.29, "void_um3": 557.4,
    "void_length": 3.8, "voids": 1.0, "plates_um": 0.0, "cut_below": 0.0, "cut_above": 0.0,
    "border_um": 0.0,
}  # fmt: skip
"""Of a cell in interphase, as a session on the simulated microscope journalled it."""


def cells(t: int, *, late: bool = False, centre: float = 16.0) -> dict[str, Any]:
    cell = {
        "label": 1,
        "centre_um": [2.6, centre, 14.2],
        "low_um": [0.6, 2.0, 2.0],
        "high_um": [6.0, 30.0, 28.0],
        "on_border": False,
        "cut": False,
        "values": VALUES,
    }
    said = {"event": "cells", "position": 0, "time_s": 180.0 * t, "cells": [cell]}
    return said | ({"late": True} if late else {})


def stored(t: int, image: int = 0) -> dict[str, Any]:
    return {"event": "stack_stored", "index": {"image": image, "t": t}, "time_s": 180.0 * t}


def night(stacks: int) -> list[dict[str, Any]]:
    return [line for t in range(stacks) for line in (stored(t), cells(t))]


def test_the_stages_are_those_that_the_decoder_believed() -> None:
    course = CourseReader().update(night(6))
    (life,) = course.lives
    assert (life.position, life.cell, life.parent) == (0, 1, 0)
    assert [(s.stage, s.begin_s, s.end_s) for s in life.stretches] == [("interphase", 0.0, 900.0)]
    assert 0.5 < life.probability <= 1
    assert course.told
    assert course.end_s == 900.0


def test_a_journal_that_grows_gives_what_the_whole_one_gives() -> None:
    journal, reader = night(5), CourseReader()
    for end in range(0, len(journal) + 1, 3):
        reader.update(journal[:end])
    assert reader.update(journal) == CourseReader().update(journal)


def test_late_and_damaged_lines_tell_nothing() -> None:
    odd: list[dict[str, Any]] = [
        cells(9, late=True),
        {"event": "cells", "position": 0, "time_s": 1.0, "cells": [{"label": 1}]},
        {"event": "decision", "rule": "r"},
        {"event": "stack_stored"},
    ]
    assert CourseReader().update(night(2) + odd) == CourseReader().update(night(2))


@pytest.mark.parametrize(
    ("line", "kind", "time_s", "words"),
    [
        (
            {"event": "decision", "rule": "r", "cause": "why", "acted": True, "time_s": 200.0,
             "position": 0, "cell": 1},
            "decision", 200.0, "r: why",
        ),
        (
            {"event": "decision", "rule": "r", "cause": "why", "acted": False, "time_s": 200.0,
             "position": 0, "cell": 1},
            "shadow", 200.0, "r: why",
        ),
        (
            {"event": "cell", "cell": 1, "kind": "divided", "time_s": 90.0, "position": 0},
            "event", 90.0, "cell 1: divided",
        ),
        ({"event": "note", "text": "drug", "time_s": None}, "note", 180.0, "drug"),
        ({"event": "fault", "what": "no light"}, "fault", 180.0, "no light"),
        ({"event": "paused", "reason": "disk"}, "pause", 180.0, "paused: disk"),
        (
            {"event": "stack_segmented", "index": {"image": 0, "t": 0},
             "flags": [{"quantity": "contrast"}]},
            "odd", 0.0, "image 0, t 0 is unlike the training: contrast",
        ),
    ],
)  # fmt: skip
def test_what_happened_is_marked(
    line: dict[str, Any], kind: str, time_s: float, words: str
) -> None:
    (mark,) = CourseReader().update([stored(0), stored(1), line]).marks
    assert (mark.kind, mark.time_s, mark.words) == (kind, time_s, words)


def test_moments_and_stacks_belong_together() -> None:
    course = CourseReader().update([stored(0), stored(1), stored(2, image=1)])
    assert course.time_of(1, 2) == 360.0
    assert course.time_of(1, 0) is None
    assert course.nearest(250.0) == StackIndex(0, 1)
    assert course.nearest(0.0, image=1) == StackIndex(1, 2)
    assert course.nearest(0.0, image=5) is None
