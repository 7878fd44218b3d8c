"""Beads in two channels, one over the other, before and after the warp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.report.axes import blank, scale_bar
from livesr.calibration.warp import Warp

if TYPE_CHECKING:
    from livesr.calibration.fitting.ladder import Fit
    from livesr.calibration.fitting.points import Pairs
    from livesr.calibration.found import BeadStack
    from livesr.types import Float32, UInt16

SIDE_UM = 5.0
"""Side of a crop."""
PLACES = 3
"""Crops: one near the centre, others near the edge, where the shape of the field tells."""


def draw_overlay(stack: BeadStack, channels: tuple[str, str], fit: Fit, pairs: Pairs) -> Any:
    """Return crops of the highest counts along z, reference green, other channel magenta.

    Parameters
    ----------
    stack : BeadStack
    channels : tuple of str
        Reference and other.
    fit : Fit
    pairs : Pairs
        Of this recording.
    """
    images = np.stack([stack.data[stack.channels.index(name)] for name in channels])
    before, after = _projected(images, stack, None), _projected(images, stack, fit)
    pixel = stack.grid.voxel_um[1]
    places = _places(pairs, stack.field_um)
    figure = blank(2.9 * len(places), 6.3)
    axes = figure.subplots(2, len(places), squeeze=False)
    for line, planes, title in zip(axes, (before, after), ("before", "after"), strict=True):
        for axis, place in zip(line, places, strict=True):
            _show(axis, planes, place, pixel)
        line[0].set_ylabel(title, fontsize=12)
    for axis, (y, x) in zip(axes[0], places, strict=True):
        axis.set_title(f"around y {y:+.0f}, x {x:+.0f} µm", fontsize=10)
    figure.suptitle(
        f"green: {channels[0]}   magenta: {channels[1]}   white: both", fontsize=10, color="0.25"
    )
    return figure


def _projected(images: UInt16, stack: BeadStack, fit: Fit | None) -> Float32:
    """Return the highest counts along z of both channels, (2, y, x)."""
    models = {} if fit is None else {1: fit.model}
    warp = Warp(stack.grid, stack.grid.voxel_um, models)
    out: Float32 = warp.apply(images, stack.offset).max(axis=1)
    return out


def _places(pairs: Pairs, field_um: tuple[float, float]) -> list[tuple[float, float]]:
    """Return beads around which crops are shown: by radius, least, middle and largest."""
    y, x = pairs.reference[:, 1], pairs.reference[:, 2]
    half = np.asarray(field_um) / 2 - SIDE_UM / 2
    whole = np.flatnonzero((np.abs(y) < half[0]) & (np.abs(x) < half[1]))
    whole = whole if len(whole) else np.arange(len(pairs))
    order = whole[np.argsort(np.hypot(y[whole], x[whole]))]
    chosen = order[np.linspace(0, len(order) - 1, min(PLACES, len(order))).astype(int)]
    return [(float(y[n]), float(x[n])) for n in chosen]


def _show(axis: Any, planes: Float32, place: tuple[float, float], pixel_um: float) -> None:
    side = max(round(SIDE_UM / pixel_um), 8)
    rows, columns = (
        slice(start, start + side)
        for start in (
            min(max(round(at / pixel_um + (n - 1) / 2 - side / 2), 0), max(n - side, 0))
            for at, n in zip(place, planes.shape[1:], strict=True)
        )
    )
    first, second = (_stretched(plane, plane[rows, columns]) for plane in planes)
    axis.imshow(np.stack([second, first, second], axis=-1), interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    height, width = first.shape
    scale_bar(axis, width * pixel_um, height * pixel_um, pixel_um)


def _stretched(plane: Float32, crop: Float32) -> Float32:
    """Return a crop from dark, the field's median, to its brightest bead, gently brightened."""
    low = float(np.median(plane))
    high = max(float(np.percentile(crop, 99.95)), low + 1.0)
    out: Float32 = np.clip((crop - low) / (high - low), 0.0, 1.0) ** np.float32(0.7)
    return out
