"""One sample of a plan, read and checked: its channels by colour, its masks on its voxels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.profile import PIXEL_TOLERANCE, load_profile
from livesr.calibration.warp import ChromaticModel
from livesr.errors import ConfigError
from livesr.training.labelled import LabelledStack
from livesr.training.labels.images import binary, check_light, cut, read_counts, read_mask
from livesr.training.labels.plan import REGISTERED
from livesr.training.labels.records import CELL_CHANNELS
from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.training.labels.images import Counts
    from livesr.training.labels.plan import ProbePlan, SamplePlan
    from livesr.types import Bool, UInt16

VOXEL_TOLERANCE = 0.01
"""Voxels of a mask and of its image may differ by this share."""


@dataclass(frozen=True, slots=True)
class SampleStack:
    """A sample's image, by colour.

    Attributes
    ----------
    seen : LabelledStack
        Yellow and red, with the masks that there are.
    channels : mapping of str to ndarray, (z, y, x), uint16
        Yellow, and red and green where the file has them.
    models : mapping of str to ChromaticModel
        Of red and green against yellow.
    """

    seen: LabelledStack
    channels: dict[str, UInt16]
    models: dict[str, ChromaticModel]


def read_sample(sample: SamplePlan) -> SampleStack:
    """Read a sample's image and masks.

    Raises
    ------
    ConfigError
        If a file, a channel or a scale is missing, a channel shows nothing or is saturated, or a
        mask does not fit the image or is ambiguous.
    HardwareError
        If a file is damaged.
    """
    where = ", ".join(map(str, sample.image))
    counts = read_counts(sample.image, sample.voxel_um, axes=sample.axes, t=sample.t)
    if sample.layout is not None:
        counts = cut(counts, sample.layout, where)
    channels = {name: counts.data[k] for name, k in _places(sample, counts, where).items()}
    for name, data in channels.items():
        check_light(data, name, where)
    grid = Grid(counts.data.shape[1:], counts.voxel_um)
    models = _models(sample, grid)
    truth = {
        name: fitting_mask(mask.file, grid, mask.label, sample.t)
        for name, mask in sample.masks.items()
    }
    data = np.stack([channels[name] for name in CELL_CHANNELS if name in channels])
    seen = LabelledStack(data, grid, sample.offset, models["red"], truth, sample.name)
    return SampleStack(seen, channels, models)


def fitting_mask(file: Path, grid: Grid, label: int | str | None = None, t: int = 0) -> Bool:
    """Read a mask that must lie on an image's voxels.

    Raises
    ------
    ConfigError
        If it lies on others (with the numbers of both), or is ambiguous.
    HardwareError
        If the file is damaged.
    """
    image = read_mask(file, t, grid.shape)
    said = image.voxel_um or grid.voxel_um
    # the height of a single plane stands in few files, and means nothing
    axes = (1, 2) if grid.shape[0] == 1 else (0, 1, 2)
    off = any(abs(said[k] / grid.voxel_um[k] - 1) > VOXEL_TOLERANCE for k in axes)
    if image.data.shape != grid.shape or off:
        raise ConfigError(
            f"the mask does not fit its image: {_size(image.data.shape, said)}; the image has "
            f"{_size(grid.shape, grid.voxel_um)}",
            where=str(file),
            fix="draw or save the mask on the image's own voxels (z, y, x); if a file states its "
            "voxels wrongly, correct it there",
        )
    return binary(image, label, str(file))


def green_channel(sample: SamplePlan, probe: ProbePlan, stack: SampleStack) -> UInt16:
    """Return the channel of a probe, (z, y, x).

    Raises
    ------
    ConfigError
        If there is none, or it does not fit the sample.
    HardwareError
        If its file is damaged.
    """
    if isinstance(probe.channel, Path):
        return _green_file(sample, probe.channel, stack.seen.grid)
    if probe.channel is None:
        if "green" not in stack.channels:
            raise ConfigError(
                "the image has no green channel that the plan names",
                where=", ".join(map(str, sample.image)),
                fix="set `channels: {green: 2}`, or `channel` of the colocalisation to a number "
                "or a file",
            )
        return stack.channels["green"]
    where = ", ".join(map(str, sample.image))
    counts = read_counts(sample.image, sample.voxel_um, axes=sample.axes, t=sample.t)
    if sample.layout is not None:
        counts = cut(counts, sample.layout, where)
    _require(probe.channel, "green", counts, where)
    green: UInt16 = counts.data[probe.channel]
    return green


def _green_file(sample: SamplePlan, file: Path, grid: Grid) -> UInt16:
    counts = read_counts(file, sample.voxel_um or grid.voxel_um, axes=sample.axes, t=sample.t)
    if counts.data.shape != (1, *grid.shape):
        raise ConfigError(
            f"the green channel has the shape {counts.data.shape}, its image {(1, *grid.shape)}",
            where=str(file),
            fix="give a file of one channel on the same voxels, or the channel's number",
        )
    green: UInt16 = counts.data[0]
    check_light(green, "green", str(file))
    return green


def _places(sample: SamplePlan, counts: Counts, where: str) -> dict[str, int]:
    """Return the number of each colour's channel: as planned, by the file's names, or in order."""
    named = {name.casefold(): k for k, name in enumerate(counts.channels)}
    in_order = {} if "yellow" in named else {"yellow": 0, "red": 1}
    planned = sample.channels.model_dump(exclude_none=True)
    places: dict[str, int] = {}
    for color in ("yellow", "red", "green"):
        place = planned.get(color, named.get(color, in_order.get(color)))
        if place is None or (color not in planned and place >= len(counts.data)):
            continue
        _require(place, color, counts, where)
        places[color] = place
    if "yellow" not in places:
        raise ConfigError(
            f"the image has channels {', '.join(counts.channels)}; none is called yellow",
            where=where,
            fix="set `channels: {yellow: 0, red: 1}`",
        )
    return places


def _require(place: int, color: str, counts: Counts, where: str) -> None:
    if place >= len(counts.data):
        raise ConfigError(
            f"there is no channel {place} for {color}: the image has {len(counts.data)}",
            where=where,
            fix="correct `channels`; they count from 0",
        )


def _models(sample: SamplePlan, grid: Grid) -> dict[str, ChromaticModel]:
    """Return red's and green's place against yellow."""
    models = {name: ChromaticModel.identity() for name in ("red", "green")}
    if sample.calibration == REGISTERED:
        return models
    profile = load_profile(sample.calibration)
    pixel, made_for = grid.voxel_um[2], profile.valid_for.pixel_um
    if profile.reference != "yellow" or abs(pixel / made_for - 1) > PIXEL_TOLERANCE:
        raise ConfigError(
            f"the calibration is for pixels of {made_for:g} µm against {profile.reference}, the "
            f"image has {pixel:g} µm and is registered to yellow",
            where=sample.calibration,
            fix="name the calibration of this recording, or write 'calibration: registered'",
        )
    return models | {k: m for k, m in profile.models().items() if k in models}


def _size(shape: tuple[int, ...], voxel_um: tuple[float, float, float]) -> str:
    voxels = " × ".join(str(n) for n in shape)
    return f"{voxels} voxels of {' × '.join(f'{v:g}' for v in voxel_um)} µm"
