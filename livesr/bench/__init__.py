"""Benchmarks by topic: ratios within one run, each row against a peer or a bound."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from livesr.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.rows import Row

TOPICS: tuple[str, ...] = (
    "acquisition",
    "simulator",
    "networks",
    "engines",
    "pipeline",
    "trust",
    "calibration",
    "camera",
    "durability",
    "safety",
    "focus",
    "validation",
    "analysis",
    "mitosis",
    "setup",
    "process",
    "daemon",
    "viewer",
)
ON_REQUEST: tuple[str, ...] = ("labels",)
"""Topics that train networks, and so run only where they are named."""


def run_topic(topic: str) -> Iterator[Row]:
    """Measure one topic.

    Raises
    ------
    ConfigError
        If there is no such topic.
    """
    known = (*TOPICS, *ON_REQUEST)
    if topic not in known:
        raise ConfigError(f"there is no benchmark {topic!r}", fix=nearest(topic, known))
    rows: Iterator[Row] = import_module(f"livesr.bench.{topic}").rows()
    return rows
