"""Curves over the session: volumes and numbers of structures, light, brightness, delay, drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.catalog import BY_NAME, NAMES
from livesr.report.words import title
from livesr.storage.folder import OBJECTS_FILE
from livesr.storage.journal import Event
from livesr.storage.ledger import stack_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from livesr.report.happened import Otherwise
    from livesr.report.timeline import TimeScale
    from livesr.report.told import Told
    from livesr.types import Float64

    Curve = tuple[Sequence[float], Sequence[float]]
    Curves = Mapping[str, Mapping[int, Curve]]

_COLUMNS = 5
_GAP = 2.5
"""Times the usual step from stack to stack: stacks are missing."""
RULED = "#bee3f8"
LINES = ("#2b6cb0", "#dd6b20", "#2f855a", "#805ad5", "#b83280", "#718096")
_UNSEEN_ON_WHITE = {"plasma_membrane": "#4a5568"}
"""In place of the catalogue's colour, which is drawn on black."""


def volumes_of(told: Told) -> Curves:
    """Return of each structure and image its volume (µm³, of a single plane its area) over time."""
    times = {stack.index: stack.time_s for stack in told.stacks}
    found: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for row in told.measurements:
        size = row.get("volume_um3") if row.get("volume_um3") is not None else row.get("area_um2")
        time_s = times.get(stack_of({"index": {"image": row["image"], "t": row["t"]}}))
        if time_s is not None and size is not None and row["structure"] != "extracellular":
            curves = found.setdefault(row["structure"], {})
            curves.setdefault(int(row["image"]), []).append((time_s, float(size)))
    return {
        name: {image: _sorted(points) for image, points in found[name].items()}
        for name in NAMES
        if name in found
    }


def numbers_of(told: Told) -> Curves:
    """Return of each structure and image its number of objects over time, if objects were measured.

    Raises
    ------
    StorageError
        If the table is damaged.
    """
    rows = told.rows(OBJECTS_FILE, ("image", "t", "structure"))
    if not rows:
        return {}
    names, structure = np.unique(rows["structure"].astype(str), return_inverse=True)
    key = np.stack([rows["image"], rows["t"], structure])
    kinds, counts = np.unique(key, axis=1, return_counts=True)
    count = {tuple(kind): int(n) for kind, n in zip(kinds.T.tolist(), counts, strict=True)}
    measured = {(image, t) for image, t, _ in count}
    found: dict[str, dict[int, list[tuple[float, float]]]] = {str(name): {} for name in names}
    for stack in told.stacks:
        image, t = stack.index.image, stack.index.t
        if (image, t) in measured:
            for k, name in enumerate(names):
                points = found[str(name)].setdefault(image, [])
                points.append((stack.time_s, float(count.get((image, t, k), 0))))
    return {
        name: {image: _sorted(points) for image, points in found[name].items()}
        for name in NAMES
        if name in found
    }


def draw_each(
    curves: Curves, scale: TimeScale, ruled: Sequence[Otherwise], line: Callable[[int], str]
) -> Any:
    """Return a small axis for each structure.

    Parameters
    ----------
    curves : mapping
        Of each structure and image.
    scale : TimeScale
    ruled : sequence of Otherwise
        Shaded.
    line : callable
        Line style of an image.
    """
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    figure = Figure((11.0, 1.65 * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axis in axes.flat[len(curves) :]:
        axis.set_visible(False)
    for axis, (name, images) in zip(axes.flat, curves.items(), strict=False):
        shade(axis, ruled, scale)
        colour = _UNSEEN_ON_WHITE.get(name, f"#{BY_NAME[name].color}")
        for image, (times, values) in images.items():
            at, sizes = parted(times, values)
            axis.plot(at / scale.seconds, sizes, line(image), color=colour, linewidth=1.6,
                      marker="." if len(times) < 60 else "", markersize=3.5)  # fmt: skip
        axis.set_title(title(name), fontsize=9)
        from_zero(axis)
        _plain(axis)
    figure.supxlabel(f"session time, {scale.unit}", fontsize=9)
    return figure


def draw_light(told: Told, scale: TimeScale, ruled: Sequence[Otherwise], budget_s: float) -> Any:
    """Return light so far, brightness, and delay of masks, each against time.

    Parameters
    ----------
    told : Told
    scale : TimeScale
    ruled : sequence of Otherwise
    budget_s : float
        Exposure that a position may get, s; not a number where there is no budget.
    """
    from matplotlib.figure import Figure

    figure = Figure((11.0, 2.6), layout="constrained")
    dose, bright, delay = figure.subplots(1, 3)
    positions = sorted({stack.position for stack in told.stacks})
    for k, position in enumerate(positions):
        own = [stack for stack in told.stacks if stack.position == position]
        at = np.array([stack.time_s for stack in own]) / scale.seconds
        style = {"color": LINES[k % len(LINES)], "linewidth": 1.6}
        label = told.position_name(position)
        spent = np.cumsum([stack.light_ms for stack in own]) / 1000
        dose.step(at, spent, where="post", label=label, **style)
        bright.plot(at, _brightness([stack.entry for stack in own]), **style)
    budget = budget_s < 4 * _spent(told)  # of a much larger one the curve would be flat
    if budget:
        dose.axhline(budget_s, color="#c53030", linewidth=1, linestyle="--", label="budget")
    times, delays = _delays(told)
    delay.plot(np.divide(times, scale.seconds), delays, ".", color=LINES[0], markersize=4)
    if len(positions) > 1 or budget:
        dose.legend(frameon=False, fontsize=8)
    for axis, words in (
        (dose, "exposure so far, s"),
        (bright, "brightness of the cells, of the first"),
        (delay, "last plane to masks on disk, s"),
    ):
        shade(axis, ruled, scale)
        axis.set_title(words, fontsize=9.5)
        from_zero(axis)
        _plain(axis)
    figure.supxlabel(f"session time, {scale.unit}", fontsize=9)
    return figure


def drifts_of(told: Told) -> dict[str, Curve]:
    """Return what was followed: channels' offset (nm) beyond the calibration, focus drift (µm)."""
    found: dict[str, list[tuple[float, float]]] = {}
    for stack in told.stacks:
        for channel, offset in (stack.entry.get("channel_offset_nm") or {}).items():
            for axis, value in offset.items():
                found.setdefault(f"{channel}, {axis} (nm)", []).append((stack.time_s, value))
        drift = (stack.entry.get("focus") or {}).get("drift_um")
        if drift is not None:
            found.setdefault("focus (µm)", []).append((stack.time_s, float(drift)))
    return {name: _sorted(points) for name, points in found.items()}


def draw_drifts(drifts: Mapping[str, Curve], scale: TimeScale) -> Any:
    """Return the offset of channels, and beside it the focus where it was followed."""
    from matplotlib.figure import Figure

    kinds = {
        "offset of channels beyond the calibration, nm": [n for n in drifts if n.endswith("(nm)")],
        "drift of the focus, µm": [n for n in drifts if n.endswith("(µm)")],
    }
    shown = {words: names for words, names in kinds.items() if names}
    figure = Figure((5.6 * len(shown), 2.5), layout="constrained")
    for axis, (words, names) in zip(
        figure.subplots(1, len(shown), squeeze=False).flat, shown.items(), strict=True
    ):
        for k, name in enumerate(names):
            times, values = drifts[name]
            axis.plot(np.divide(times, scale.seconds), values, color=LINES[k % len(LINES)],
                      linewidth=1.5, label=name.rpartition(" (")[0])  # fmt: skip
        axis.legend(frameon=False, fontsize=8)
        axis.set_title(words, fontsize=9.5)
        _plain(axis)
    figure.supxlabel(f"session time, {scale.unit}", fontsize=9)
    return figure


def _brightness(entries: Sequence[Mapping[str, Any]]) -> Float64:
    """Return the intensity of membranes, as a share of the first that is known."""
    values = np.array([(e.get("normalisation") or {}).get("intensity", np.nan) for e in entries])
    values = values.astype(float)
    known = values[np.isfinite(values) & (values > 0)]
    return values / known[0] if known.size else values


def _spent(told: Told) -> float:
    light: dict[int, float] = {}
    for stack in told.stacks:
        light[stack.position] = light.get(stack.position, 0.0) + stack.light_ms / 1000
    return max(light.values(), default=0.0)


def _delays(told: Told) -> Curve:
    times = {stack.index: stack.time_s for stack in told.stacks}
    found = [
        (times[stack_of(entry)], float(entry["latency_s"]))
        for entry in told.of(Event.STACK_SEGMENTED)
        if entry.get("live") and entry.get("latency_s") is not None and stack_of(entry) in times
    ]
    return _sorted(found)


def _sorted(points: Sequence[tuple[float, float]]) -> Curve:
    ordered = sorted(points)
    return [time_s for time_s, _ in ordered], [value for _, value in ordered]


def parted(times: ArrayLike, values: ArrayLike) -> tuple[Float64, Float64]:
    """Return a curve that is broken where stacks are missing: no line is drawn over a gap."""
    at, what = np.asarray(times, float), np.asarray(values, float)
    steps = np.diff(at)
    if not steps.size:
        return at, what
    gaps = np.flatnonzero(steps > _GAP * np.median(steps)) + 1
    return np.insert(at, gaps, at[gaps - 1]), np.insert(what, gaps, np.nan)


def shade(axis: Any, ruled: Sequence[Otherwise], scale: TimeScale) -> None:
    """Shade when rules recorded otherwise."""
    for one in ruled:
        axis.axvspan(
            one.begin_s / scale.seconds, one.end_s / scale.seconds, color=RULED, alpha=0.5, lw=0
        )


def from_zero(axis: Any) -> None:
    """Let an axis begin at zero, with room above the highest curve."""
    top = max(
        (float(np.nanmax(line.get_ydata())) for line in axis.lines if _known(line)), default=1
    )
    axis.set_ylim(0, 1.08 * top if top > 0 else 1)


def _known(line: Any) -> bool:
    return bool(np.isfinite(np.asarray(line.get_ydata(), float)).any())


def _plain(axis: Any) -> None:
    axis.grid(color="0.92")
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
