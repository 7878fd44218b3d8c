"""Scores as bars, confusion matrices, and reliability diagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.catalog import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Scores = Mapping[str, Mapping[str, Any]]

OURS, GREY = "#2b6cb0", "#8a8f98"
MARKS = (
    ("threshold_f1", "best threshold", "v", "#9a6b1f"),
    ("forest_f1", "pixel forest", "s", "#2f855a"),
    ("ceiling_f1", "oversized network", "D", "#6b46c1"),
)
"""Baselines: key, label, marker, colour."""
PAPER = "#c53030"


def draw_scores(structures: Scores) -> Any:
    """Return F1, Manders' coefficient and pixel accuracy of all structures beside their peers."""
    from matplotlib.figure import Figure

    names = list(structures)
    figure = Figure((11.0, 1.6 + 0.34 * len(names)), layout="constrained")
    f1, moc, accuracy = figure.subplots(1, 3, sharey=True, width_ratios=(2.2, 1.2, 1.2))
    at = np.arange(len(names))
    _draw_f1(f1, structures, at)
    least = min(0.9, *(structures[name]["pixel_accuracy"] for name in names)) - 0.05
    for axis, key, title, empty in (
        (moc, "moc", "Manders' overlap (MOC)", None),
        (accuracy, "pixel_accuracy", "pixel accuracy", "background_accuracy"),
    ):
        axis.barh(at, [structures[name][key] for name in names], color=OURS, height=0.62)
        paper = [structures[name]["published"].get(key, np.nan) for name in names]
        axis.scatter(paper, at, marker="|", s=170, color=PAPER, linewidth=2, label="paper, above")
        if empty:
            values = [structures[name][empty] for name in names]
            values = [value if value >= least else np.nan for value in values]
            axis.scatter(values, at, s=22, color=GREY, label="empty mask", clip_on=False)
        axis.set_title(title, fontsize=11)
        _below(axis)
    accuracy.set_xlim(least, 1)
    f1.set_yticks(at, [BY_NAME[name].title for name in names])
    f1.invert_yaxis()
    return figure


def _draw_f1(axis: Any, structures: Scores, at: Any) -> None:
    names = list(structures)
    values = np.array([structures[name]["f1"] for name in names])
    ends = np.array(
        [
            [value if end is None else end for end in structures[name]["ci95"]]
            for name, value in zip(names, values, strict=True)
        ]
    )
    spread = np.abs(ends - values[:, None]).T
    axis.barh(at, values, color=OURS, height=0.62, label="network")
    axis.errorbar(values, at, xerr=spread, fmt="none", ecolor="black", capsize=2.5, elinewidth=1)
    for key, label, marker, color in MARKS:
        found = [structures[name].get(key, np.nan) for name in names]
        if not np.isnan(found).all():
            axis.scatter(
                found, at, marker=marker, s=28, color=color, label=label, zorder=3, clip_on=False
            )
    paper = [structures[name]["published"].get("f1", np.nan) for name in names]
    if not np.isnan(paper).all():
        axis.scatter(
            paper, at, marker="|", s=170, color=PAPER, linewidth=2, label="paper (real cells)"
        )
    axis.set_title("F1, and 95 % interval over samples", fontsize=11)
    axis.set_xlim(0, 1)
    _below(axis)


def _below(axis: Any) -> None:
    """Put the legend under the axis, and light lines behind the bars."""
    axis.grid(axis="x", color="0.88")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    named = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    labels = sorted(named, key=lambda label: label != "network")
    if labels:
        axis.legend(
            [named[label] for label in labels],
            labels,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.06),
            ncols=3,
            frameon=False,
            fontsize=9,
        )


def draw_confusions(networks: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return the confusion matrices side by side; cells show shares of the true class."""
    from matplotlib.figure import Figure

    sizes = [len(network["classes"]) for network in networks.values()]
    figure = Figure((1.3 * sum(sizes) + 1.9 * len(sizes), 1.15 * max(sizes) + 1.9))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(1, len(sizes), squeeze=False, width_ratios=sizes)[0]
    for axis, (name, network) in zip(axes, networks.items(), strict=True):
        _draw_confusion(axis, name, network["classes"], np.array(network["confusion"]))
    return figure


def _draw_confusion(axis: Any, network: str, classes: Sequence[str], table: Any) -> None:
    real = table.sum(axis=1)
    shares = table / np.maximum(real, 1)[:, None]
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    titles = [BY_NAME[c].title.replace(" ", "\n", 1) if c in BY_NAME else c for c in classes]
    axis.set_xticks(range(len(classes)), titles, fontsize=9)
    axis.set_yticks(range(len(classes)), titles, fontsize=9)
    for (i, j), share in np.ndenumerate(shares):
        text = f"{100 * share:.1f} %\n{_short(int(table[i, j]))}" if real[i] else "–"
        shade = "white" if share > 0.55 else "black"
        axis.text(j, i, text, ha="center", va="center", color=shade, fontsize=8.5)
    axis.set_xlabel("found")
    axis.set_ylabel("true")
    axis.set_title(f"{network}-net's classes", fontsize=11)


def _short(count: int) -> str:
    """Return a count of voxels with few digits: 1.2 M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def draw_reliability(structures: Scores) -> Any:
    """Return a reliability diagram for each structure: as given, and calibrated if it can be."""
    from matplotlib.figure import Figure

    columns = min(5, len(structures))
    rows = -(-len(structures) // columns)
    figure = Figure((2.2 * columns + 0.5, 2.35 * rows + 0.7), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis in axes.flat[len(structures) :]:
        axis.set_visible(False)
    styles = {"raw": ("as given", GREY, "o"), "calibrated": ("calibrated", OURS, "s")}
    for axis, (name, scores) in zip(axes.flat, structures.items(), strict=False):
        axis.plot([0, 1], [0, 1], color="0.75", linewidth=1)
        for key, curve in scores["reliability"].items():
            label, color, marker = styles[key]
            axis.plot(
                curve["given"],
                curve["found"],
                color=color,
                marker=marker,
                markersize=3,
                label=label,
            )
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axis.set_title(BY_NAME[name].title, fontsize=9.5)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=9)
    figure.supxlabel("probability given", fontsize=10)
    figure.supylabel("share that is the structure", fontsize=10)
    return figure
