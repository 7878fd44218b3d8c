"""Mitosis sessions: what is noticed of a division, and what is made of it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.rows import Row

PARTS = ("mitosis_decoder", "closed_loop", "decision_delay")
"""Modules that measure a part each."""


def rows() -> Iterator[Row]:
    """Measure every part."""
    for part in PARTS:
        yield from import_module(f"livesr.bench.{part}").rows()
