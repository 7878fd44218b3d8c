"""A picture of the rows that lie on curves: one panel a curve, both axes logarithmic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from livesr.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from livesr.bench.rows import Row

_OURS, _IDEAL = "#0B6E99", "#8A8A8A"


def check_plot(path: Path) -> None:
    """Refuse a plot before anything is measured for it.

    Raises
    ------
    ConfigError
        If matplotlib does not write such files.
    StorageError
        If there is no folder for the file.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    kinds = sorted(FigureCanvasBase.filetypes)
    if path.suffix.removeprefix(".").lower() not in kinds:
        raise ConfigError(
            f"a plot cannot be written as {path.suffix or 'a file without a suffix'}",
            where="--plot",
            fix=f"one of {', '.join(kinds)}",
        )
    if not path.absolute().parent.is_dir():
        raise StorageError(
            "there is no such folder", where=str(path.absolute().parent), fix="make it first"
        )


def write_plot(rows: Sequence[Row], path: Path) -> None:
    """Draw every curve of the rows against what it should be: proportional to its largest.

    Parameters
    ----------
    rows : sequence of Row
        Those with a ``curve`` are drawn.
    path : Path
        Replaced if it is there.

    Raises
    ------
    ConfigError
        If no row lies on a curve.
    StorageError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure

    curves: dict[str, list[Row]] = {}
    for row in rows:
        if row.curve is not None and row.at is not None:
            curves.setdefault(row.curve, []).append(row)
    if not curves:
        raise ConfigError(
            "none of these rows lies on a curve", where="--plot", fix="livesr bench engines"
        )
    figure = Figure(figsize=(4.2 * len(curves), 3.8), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for panel, (name, points) in zip(panels, curves.items(), strict=True):
        _draw(panel, name, sorted(points, key=lambda row: row.at or 0.0))
    new = path.with_name(f".{path.name}.new{path.suffix}")
    try:
        figure.savefig(new, dpi=150)
        os.replace(new, path)  # noqa: PTH105 - one call that also replaces on Windows
    except OSError as problem:
        new.unlink(missing_ok=True)
        raise StorageError(
            f"the plot cannot be written: {problem}", where=str(path), fix="choose another file"
        ) from None


def _draw(panel: Any, name: str, points: list[Row]) -> None:
    from matplotlib.ticker import LogLocator

    at = [row.at or 0.0 for row in points]
    ends = [at[0], at[-1]]
    fair = [points[-1].value * x / at[-1] for x in ends]
    panel.loglog(ends, fair, "--", color=_IDEAL, label="proportional")
    panel.loglog(at, [row.value for row in points], "o-", color=_OURS, label="livesr")
    panel.set_xticks(at, [f"{x:,.10g}" for x in at], rotation=45, minor=False)
    panel.set_xticks([], minor=True)
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.yaxis.set_minor_formatter(lambda _, __: "")
    panel.set_xlabel(name)
    panel.set_ylabel(f"a stack, {points[0].unit}")
    panel.set_title(points[0].detail, fontsize="small")
    panel.grid(visible=True, which="both", alpha=0.25)
    panel.legend(frameon=False)
