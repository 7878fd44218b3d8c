"""The ladder of models as a figure: how each rung did on beads that were left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.report.axes import BLUE, GREY, ORANGE, blank, plain

if TYPE_CHECKING:
    from livesr.calibration.fitting.ladder import Fit, Step

WIDE = 4.0
"""Errors that differ by more than this factor need a logarithmic axis."""


def draw_ladder(fit: Fit) -> Any:
    """Return the leave-one-out error of every rung; the chosen one is filled."""
    longest = max(map(len, fit.ladder.values()))
    figure = blank(11.6, 1.3 + 0.3 * longest)
    parts = (("lateral", "xy", fit.lateral.rung.name, BLUE), ("axial", "z", fit.axial.rung.name,
             ORANGE))  # fmt: skip
    for axis, (key, title, chosen, color) in zip(figure.subplots(1, 2), parts, strict=True):
        _rungs(plain(axis), fit.ladder[key], chosen, color)
        axis.set_xlabel(f"leave-one-out error {title}, nm{axis.get_xlabel()}", fontsize=10)
    return figure


def _rungs(axis: Any, steps: tuple[Step, ...], chosen: str, color: str) -> None:
    start = _scale(axis, [step.left_out_nm for step in steps if step.left_out_nm is not None])
    axis.grid(visible=False, axis="y")
    for number, step in enumerate(steps):
        value = step.left_out_nm
        if value is None:
            axis.text(
                0.02, number, "too few beads", va="center", color=GREY, fontsize=8.5,
                transform=axis.get_yaxis_transform(),
            )  # fmt: skip
            continue
        main = step.name == chosen
        axis.plot([start, value], [number, number], color="0.85", linewidth=1, zorder=1)
        axis.scatter(
            value, number, s=46, color=color if main else "white", edgecolors=color, zorder=3,
            linewidths=1.5,
        )  # fmt: skip
        axis.annotate(
            f"{value:#.3g}{'  chosen' if main else ''}", (value, number), xytext=(8, 0),
            textcoords="offset points", va="center", fontsize=8.5,
            fontweight="bold" if main else "normal",
        )  # fmt: skip
    axis.set_yticks(range(len(steps)), [f"{s.name} ({s.coefficients})" for s in steps], fontsize=9)
    axis.set_ylim(len(steps) - 0.5, -0.5)


def _scale(axis: Any, values: list[float]) -> float:
    """Set a linear axis from 0, or a logarithmic one where values differ much; return its start."""
    least, most = max(min(values), 1e-3), max(max(values), 1e-3)
    if most < WIDE * least:
        axis.set_xlim(0.0, 1.3 * most)
        return 0.0
    axis.set_xscale("log")
    low, high = 0.75 * least, 1.8 * most
    axis.set_xlim(low, high)
    axis.minorticks_off()
    ticks = [d * step for d in 10.0 ** np.arange(-3, 6) for step in (1, 2, 5)]
    shown = [tick for tick in ticks if low <= tick <= high]
    axis.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axis.set_xlabel(" (logarithmic)")
    return low
