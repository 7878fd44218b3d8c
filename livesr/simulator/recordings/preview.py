"""Pictures of simulated recordings: what a folder holds, at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.warp import Warp
from livesr.catalog import STRUCTURES, structure
from livesr.simulator.coloc import unmixed
from livesr.simulator.recordings import picture as draw
from livesr.simulator.recordings.closeup import WIDTH_UM, above, beside
from livesr.simulator.sample import exclusive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Bool, Float32, Float64, Grid, UInt8, UInt16

PANEL, MEDIUM, SMALL, STRIP = 460, 370, 300, 240
"""Widths of panels, pixels."""
YELLOW, RED, GREEN, MAGENTA = (255, 221, 64), (255, 92, 74), (98, 224, 120), (235, 80, 235)
OFFSET_ZOOM = 10
"""How much longer than they are offsets between channels are drawn."""
SECTION_UM = 1.5
"""Height of the plane that is shown: through nucleus and cytoplasm of a spread cell."""
_LIGHT = (5.0, 99.7)
_RATIO = (0.02, 0.97)
"""Shares of the light below the two ends of the ratio's scale."""
_SMOOTHING = 0.9
_SHELLS = ("plasma_membrane", "nuclear_membrane", "nucleus", "cytosol", "extracellular")
"""Shown as sections: from above they hide what they enclose."""
_COVERING = ("plasma_membrane", "er", "nuclear_membrane")


@dataclass(frozen=True, slots=True)
class Shown:
    """A stack made ready to be shown.

    Attributes
    ----------
    channels : ndarray, (c, z, y, x), float32
        Registered counts above the empty field's.
    voxel_um : tuple of float
        (z, y, x).
    """

    channels: Float32
    voxel_um: tuple[float, float, float]

    @classmethod
    def of(
        cls, counts: UInt16, grid: Grid, offset: float, models: Mapping[int, ChromaticModel]
    ) -> Shown:
        """Return a stack (c, z, y, x) of counts registered, without offset and empty field."""
        registered = Warp(grid, grid.voxel_um, models).apply(counts, offset)
        floor = np.percentile(registered[:, :, ::4, ::4], 1.0, axis=(1, 2, 3), keepdims=True)
        return cls(np.maximum(registered - floor.astype(np.float32), 0), grid.voxel_um)

    @property
    def section(self) -> int:
        """The plane to show: the one at `SECTION_UM`, or the middle of a thin stack."""
        return min(int(self.channels.shape[1]) // 2, round(SECTION_UM / self.voxel_um[0]))

    def height_of(self, plane: int) -> str:
        """Return a plane's height as text."""
        return f"z = {plane * self.voxel_um[0]:.1f} µm"

    def bar(self, picture: UInt8, length_um: float = 10.0) -> UInt8:
        """Return a picture of the whole field with a scale bar."""
        width_um = self.channels.shape[3] * self.voxel_um[2]
        return draw.with_scale_bar(picture, width_um / picture.shape[1], length_um)


def cell_card(shown: Shown, masks: Mapping[str, Bool], title: str, note: str) -> UInt8:
    """Return both channels, their ratio and the truth: projected, and in one plane.

    Parameters
    ----------
    shown : Shown
        Yellow and red.
    masks : mapping of str to ndarray, (z, y, x), bool
    title, note : str

    Returns
    -------
    ndarray, (y, x, 3), uint8
    """
    plane = shown.section
    yellow, red = shown.channels[:2]
    limits = _ratio_limits(yellow.max(axis=0), red.max(axis=0))
    panels = []
    for name, part, truth in (
        ("maximum projection", slice(None), _from_above(masks)),
        (shown.height_of(plane), slice(plane, plane + 1), _section(masks, plane)),
    ):
        y, r = yellow[part].max(axis=0), red[part].max(axis=0)
        drawn = {
            "yellow": draw.tinted(_light(y), YELLOW),
            "red": draw.tinted(_light(r), RED),
            "red / yellow": _hued(y, r, limits),
            "truth": draw.painted(truth),
        }
        panels += [draw.captioned(draw.fitted(p, PANEL), t, name) for t, p in drawn.items()]
    panels[4] = shown.bar(panels[4])
    panels[6] = draw.with_hue_bar(panels[6], limits)
    return _framed(draw.grid(panels, 4), title, note, legend=True)


def masks_card(shown: Shown, masks: Mapping[str, Bool], title: str, note: str) -> UInt8:
    """Return all masks, each in its colour over the cell; see `cell_card`."""
    plane = shown.section
    whole, here = (
        0.22 * _light(image) for image in (shown.channels[0].max(axis=0), shown.channels[0][plane])
    )
    panels = []
    for kind in STRUCTURES:
        if kind.name not in masks:
            continue
        cut = kind.name in _SHELLS
        mask = masks[kind.name]
        seen = 0.8 * mask[plane].astype(np.float32) if cut else draw.thickness(mask)
        color = draw.color_of(kind.name)
        picture = draw.merged(draw.tinted(here if cut else whole), draw.tinted(seen, color))
        where = shown.height_of(plane) if cut else "from above"
        panels.append(draw.captioned(draw.fitted(picture, SMALL), kind.title, where))
    panels[-1] = shown.bar(panels[-1])
    return _framed(draw.grid(panels, min(5, len(panels))), title, note)


class MitosisStrip:
    """Time points of a division, one column each: from above, truth at half height, from the side.

    Parameters
    ----------
    columns : int
        In a row.
    """

    def __init__(self, columns: int = 5) -> None:
        self._columns = columns
        self._panels: list[UInt8] = []
        self._limits: tuple[float, float] | None = None

    def add(
        self, shown: Shown, masks: Mapping[str, Bool], height_um: float, stage: str, when: str
    ) -> None:
        """Add a time point of a cell so high; the first gives the ratio's scale."""
        yellow, red = shown.channels[:2]
        y, r = yellow.max(axis=0), red.max(axis=0)
        if self._limits is None:
            self._limits = _ratio_limits(y, r)
        z, _, x = shown.voxel_um
        side = _side(yellow, red, self._limits, z / x)
        top = draw.captioned(draw.fitted(_hued(y, r, self._limits), STRIP), stage, when)
        if not self._panels:
            top = shown.bar(top)
        plane = min(round(0.5 * height_um / z), shown.channels.shape[1] - 1)
        cut = draw.fitted(draw.painted(_section(masks, plane)), STRIP)
        parts = [top, _noted(cut, shown.height_of(plane)), draw.fitted(side, STRIP)]
        self._panels.append(draw.grid(parts, 1))

    def picture(self, title: str, note: str) -> UInt8:
        """Return all time points."""
        body = draw.grid(self._panels, min(self._columns, len(self._panels)))
        return _framed(body, title, note, legend=True)


def beads_card(
    counts: UInt16, places: Sequence[Float64], bead: int, grid: Grid, title: str, note: str
) -> UInt8:
    """Return the field with the channels' offsets as lines, and one bead close by.

    Parameters
    ----------
    counts : ndarray, (c, z, y, x), uint16
        As recorded: the channels are not registered.
    places : sequence of ndarray, (n, 3)
        Where each channel shows the beads: z µm from the first plane, y and x pixels.
    bead : int
        The one to show.
    grid : Grid
    title, note : str
    """
    channels = counts.astype(np.float32)
    lit = [_peaks(channel.max(axis=0)) for channel in channels]
    colors = (GREEN, MAGENTA, YELLOW)
    drawn = draw.merged(*(draw.tinted(*pair) for pair in zip(lit, colors, strict=False)))
    field = draw.fitted(drawn, PANEL)
    zoom = PANEL / grid.shape[2]
    for at, other in zip(places[0][:, 1:], places[1][:, 1:], strict=True):
        draw.line(field, at * zoom, (at + OFFSET_ZOOM * (other - at)) * zoom)
    field = draw.captioned(
        field, "field", f"yellow green, red magenta; lines: red's offset, {OFFSET_ZOOM} times"
    )
    field = draw.with_scale_bar(field, grid.voxel_um[2] / zoom, 10.0)
    size = (PANEL - draw.GAP) // 2
    center = places[0][bead]
    views = [
        draw.captioned(of(channel, own[bead], center, grid.voxel_um, size), name, axes)
        for axes, of in (("x, y", above), ("x, z", beside))
        for name, channel, own in zip(("yellow", "red", "green"), channels, places, strict=False)
    ]
    views[-1] = draw.with_scale_bar(views[-1], WIDTH_UM / size, 0.5)
    return _framed(draw.grid([field, draw.grid(views, len(channels))], 2), title, note)


def coloc_card(shown: Shown, masks: Mapping[str, Bool], probe: str, title: str, note: str) -> UInt8:
    """Return yellow, red, green, green without Nile Red, and the labels, projected.

    Parameters
    ----------
    shown : Shown
        Yellow, red and green.
    masks : mapping of str to ndarray, (z, y, x), bool
        The probe's structure and the lipid droplets.
    probe : str
        The structure.
    title, note : str
    """
    yellow, red, green = (channel.max(axis=0) for channel in shown.channels)
    rest = unmixed(green, yellow)
    labels = [draw.tinted(draw.thickness(m), draw.color_of(n)) for n, m in masks.items()]
    drawn = {
        ("yellow", "Nile Red"): draw.tinted(_light(yellow), YELLOW),
        ("red", "Nile Red"): draw.tinted(_light(red), RED),
        ("green", "probe and lipid droplets"): draw.tinted(_light(green), GREEN),
        ("green − 0.2 × yellow", "Nile Red subtracted"): draw.tinted(_light(rest), GREEN),
        ("truth", f"{structure(probe).title}, lipid droplets"): draw.merged(*labels),
    }
    panels = [draw.captioned(draw.fitted(p, MEDIUM), *text) for text, p in drawn.items()]
    panels[0] = shown.bar(panels[0])
    return _framed(draw.grid(panels, len(panels)), title, note)


def frames_card(
    frames: UInt16, channels: Sequence[str], title: str, note: str, *, crop: int | None = None
) -> UInt8:
    """Return a frame, the mean and the standard deviation over frames, a row a channel.

    Parameters
    ----------
    frames : ndarray, (c, n, y, x), uint16
    channels : sequence of str
    title, note : str
    crop : int, optional
        Show so many pixels along each side of the middle only.
    """
    if crop is not None:
        y, x = (max(0, (n - crop) // 2) for n in frames.shape[2:])
        frames = frames[:, :, y : y + crop, x : x + crop]
    panels = []
    for name, series in zip(channels, frames.astype(np.float32), strict=True):
        for what, image in (
            ("one frame", series[0]),
            ("mean", series.mean(axis=0)),
            ("standard deviation", series.std(axis=0)),
        ):
            limits = draw.levels(image, 0.5, 99.5)
            panel = draw.fitted(draw.tinted(draw.grey(image, limits, 1.0)), MEDIUM)
            text = f"{what}, {limits[0]:.4g} to {limits[1]:.4g} counts"
            panels.append(draw.captioned(panel, name, text))
    return _framed(draw.grid(panels, 3), title, note)


def _side(yellow: Float32, red: Float32, limits: tuple[float, float], stretch: float) -> UInt8:
    """Return the ratio seen from the side, z upwards, with square pixels."""
    y, r = (np.ascontiguousarray(channel.max(axis=1)[::-1]) for channel in (yellow, red))
    seen = _hued(y, r, limits)
    size = (seen.shape[1], max(1, round(seen.shape[0] * stretch)))
    square: UInt8 = cv2.resize(seen, size, interpolation=cv2.INTER_LINEAR)
    return square


def _noted(picture: UInt8, note: str) -> UInt8:
    """Return the picture with a small note in its lower left corner."""
    out = picture.copy()
    draw.write(out, note, (10, out.shape[0] - 10), 0.42, draw.DIM)
    return out


def _framed(body: UInt8, title: str, note: str, *, legend: bool = False) -> UInt8:
    """Return a picture under its heading."""
    width = body.shape[1]
    parts = [draw.heading(title, note, width), body]
    return draw.grid([*parts, draw.legend(width)] if legend else parts, 1)


def _from_above(masks: Mapping[str, Bool]) -> UInt8:
    """Return one label image of what lies in the cell, without what covers it."""
    seen = {
        name: np.asarray(mask.any(axis=0))[None]
        for name, mask in masks.items()
        if name not in _COVERING
    }
    return np.asarray(exclusive(seen)[0])


def _section(masks: Mapping[str, Bool], plane: int) -> UInt8:
    cut = exclusive({name: mask[plane : plane + 1] for name, mask in masks.items()})
    return np.asarray(cut[0])


def _light(image: Float32) -> Float32:
    return draw.grey(image, draw.levels(image, *_LIGHT))


def _peaks(image: Float32) -> Float32:
    return draw.grey(image, draw.levels(image, 50.0, 99.95), 0.8)


def _smooth(image: Float32) -> Float32:
    blurred: Float32 = cv2.GaussianBlur(image, (0, 0), _SMOOTHING)
    return blurred


def _ratio(yellow: Float32, red: Float32) -> Float32:
    ratio = _smooth(red) / np.maximum(_smooth(yellow), np.float32(1))
    return ratio.astype(np.float32, copy=False)


def _ratio_limits(yellow: Float32, red: Float32) -> tuple[float, float]:
    """Return the ends of the ratio's scale, by the light at each ratio."""
    ratio, light = _ratio(yellow, red).ravel(), (yellow + red).ravel().astype(np.float64)
    order = np.argsort(ratio)
    below = np.cumsum(light[order])
    low, high = (float(ratio[order][np.searchsorted(below, s * below[-1])]) for s in _RATIO)
    return low, max(high, low + 0.01)


def _hued(yellow: Float32, red: Float32, limits: tuple[float, float]) -> UInt8:
    mean: Float32 = (yellow + red) * np.float32(0.5)
    return draw.hue(_ratio(yellow, red), _light(mean), limits)
