"""Measures of cells as a journal keeps them: strict JSON, which knows no NaN, and back again."""

from __future__ import annotations

from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from livesr.types import CellMeasures

if TYPE_CHECKING:
    from collections.abc import Mapping


def as_record(measures: CellMeasures) -> dict[str, Any]:
    """Return what a journal line holds; features that are not known are null."""
    return {
        "label": measures.label,
        "centre_um": list(measures.centre_um),
        "low_um": list(measures.low_um),
        "high_um": list(measures.high_um),
        "on_border": measures.on_border,
        "cut": measures.cut,
        "values": {k: v if isfinite(v) else None for k, v in measures.values.items()},
    }


def from_record(record: Mapping[str, Any]) -> CellMeasures:
    """Return the measures of a journal line.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the line is not one of these.
    """
    return CellMeasures(
        label=int(record["label"]),
        centre_um=_triple(record["centre_um"]),
        low_um=_triple(record["low_um"]),
        high_um=_triple(record["high_um"]),
        on_border=bool(record["on_border"]),
        cut=bool(record["cut"]),
        values={str(k): nan if v is None else float(v) for k, v in record["values"].items()},
    )


def _triple(values: Any) -> tuple[float, float, float]:
    z, y, x = (float(v) for v in values)
    return z, y, x
