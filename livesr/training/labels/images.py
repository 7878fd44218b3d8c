"""The files that data sets are made from and hold: camera counts, and masks from any program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.acquisition.layout import channel_names, split
from livesr.config.layouts import SplitterLayout, check_layout
from livesr.errors import ConfigError
from livesr.plain import there
from livesr.storage.recorded_file import any_dtype, by_axis
from livesr.storage.recorded_tiff import TiffRecording
from livesr.storage.recorded_zarr import ZarrRecording
from livesr.storage.recording import open_recording
from livesr.types import Frame, StackIndex

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from livesr.config.layouts import Layout
    from livesr.storage.recorded_file import RecordedFile
    from livesr.types import Bool, UInt16

Voxel = tuple[float, float, float]
SINGLE_PLANE_UM = 1.0
"""Height that a single plane is given."""
SATURATED = 0.01
"""Share of pixels at a channel's highest value from which on it is saturated."""
_TOLD = 6


@dataclass(frozen=True, slots=True)
class Counts:
    """Camera counts of one stack.

    Attributes
    ----------
    data : ndarray, (c, z, y, x), uint16
    voxel_um : tuple of float
    channels : tuple of str
        Names from the file; empty if it has none.
    """

    data: UInt16
    voxel_um: Voxel
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelImage:
    """Numbers of a stack's voxels, as some program saved them.

    Attributes
    ----------
    data : ndarray, (z, y, x)
    voxel_um : tuple of float, optional
        None where the file does not say.
    """

    data: npt.NDArray[Any]
    voxel_um: Voxel | None


def read_counts(
    paths: Path | Sequence[Path],
    voxel_um: Voxel | None = None,
    *,
    axes: str | None = None,
    t: int = 0,
) -> Counts:
    """Read one stack of a recording.

    Parameters
    ----------
    paths : Path or sequence of Path
        As for `livesr.storage.recording.open_recording`.
    voxel_um : tuple of float, optional
        (z, y, x), where the file says it wrongly or not at all.
    axes : str, optional
        Of files that do not say.
    t : int
        Which stack.

    Raises
    ------
    ConfigError
        If a file, its axes, its scale or the stack is missing.
    HardwareError
        If a file is damaged or holds no camera counts.
    """
    z_um, pixel_um = (voxel_um[0], voxel_um[2]) if voxel_um else (None, None)
    with open_recording(
        list(paths) if not hasattr(paths, "suffix") else paths,
        axes=axes,
        pixel_um=pixel_um,
        z_step_um=z_um,
    ) as recording:
        stacks, channels, planes, *yx = recording.shape
        if not 0 <= t < stacks:
            raise ConfigError(
                f"there is no stack {t}: the recording has {stacks}",
                where=str(paths),
                fix="set `t`; stacks count from 0",
            )
        data = np.empty((channels, planes, *yx), np.uint16)
        for c in range(channels):
            for z in range(planes):
                data[c, z] = recording.plane(t, c, z)
        pixel = recording.pixel_um
        step = recording.z_step_um or z_um or SINGLE_PLANE_UM
        return Counts(data, (step, pixel, pixel), recording.channels)


def cut(counts: Counts, layout: Layout, where: str) -> Counts:
    """Return the channels that an image splitter shows on one sensor.

    Raises
    ------
    ConfigError
        If the layout's rectangles lie beyond the sensor.
    """
    if not isinstance(layout, SplitterLayout):
        return Counts(counts.data, counts.voxel_um, channel_names(layout))
    check_layout(layout, counts.data.shape[2:], where)
    stack = np.stack([np.stack([v for _, v in _split(p, layout)]) for p in counts.data[0]], axis=1)
    return Counts(stack, counts.voxel_um, channel_names(layout))


def _split(plane: UInt16, layout: Layout) -> tuple[tuple[int, UInt16], ...]:
    return split(Frame(plane, StackIndex(0, 0), 0, 0, 0.0, (0.0, 0.0, 0.0), 0.0), layout)


def binary(image: LabelImage, label: int | str | None, where: str) -> Bool:
    """Return what a label image marks.

    Parameters
    ----------
    image : LabelImage
    label : int or str, optional
        The number that is meant, or ``any``; not needed where there is one alone.
    where : str
        For messages.

    Raises
    ------
    ConfigError
        If there are several numbers and none is chosen, the chosen one is not there, or NaN.
    """
    data = image.data
    if data.dtype.kind == "f" and (missing := int(np.isnan(data).sum())):
        raise ConfigError(
            f"{missing} of the mask's {data.size} voxels are NaN",
            where=where,
            fix="set them to 0 where the structure is not, and save the mask again as 8-bit",
        )
    numbers = [number for number in np.unique(data).tolist() if number]
    if label is None and len(numbers) > 1:
        some = ", ".join(f"{number:g}" for number in numbers[:_TOLD])
        more = ", …" if len(numbers) > _TOLD else ""
        raise ConfigError(
            f"the mask holds {len(numbers)} labels: {some}{more}",
            where=where,
            fix="write {file: …, label: N} for the one that is meant, or label: any for all",
        )
    if isinstance(label, int) and numbers and label not in numbers:
        some = ", ".join(f"{number:g}" for number in numbers[:_TOLD])
        raise ConfigError(
            f"the mask has no label {label}; it has {some}", where=where, fix="correct `label`"
        )
    chosen: Bool = data == label if isinstance(label, int) else data != 0
    return chosen


def check_light(channel: UInt16, name: str, where: str) -> None:
    """Refuse a channel that shows nothing, or is saturated.

    Raises
    ------
    ConfigError
        With the counts.
    """
    low, high = int(channel.min()), int(channel.max())
    if low == high:
        raise ConfigError(
            f"every pixel of the {name} channel is {low}",
            where=where,
            fix="correct `channels`, or take the file that the camera wrote",
        )
    share = float(np.mean(channel == high))
    if share > SATURATED:
        raise ConfigError(
            f"{100 * share:.1f} % of the {name} channel have its highest value, {high}: it is "
            f"saturated, or its contrast was stretched",
            where=where,
            fix="take the camera's own counts, recorded with less light or a shorter exposure",
        )


def read_mask(path: Path, t: int = 0, shape: tuple[int, int, int] | None = None) -> LabelImage:
    """Read a label image: TIFF of any kind, or OME-Zarr (also one below ``labels`` of an image).

    Parameters
    ----------
    path : Path
    t : int
        Which stack, of files that hold several.
    shape : tuple of int, optional
        (z, y, x) of the image. A file of just this shape is taken so whatever it calls its axes:
        programs that save labels under a name in ``.ome.tif`` call the planes channels.

    Raises
    ------
    ConfigError
        If there is no such file, or it has channels or colours.
    HardwareError
        If it is damaged.
    """
    if not there(path):
        raise ConfigError("there is no such mask", where=str(path), fix="correct the file's name")
    file: RecordedFile = (ZarrRecording if path.is_dir() else TiffRecording)(path, any_dtype)
    try:
        return _one_stack(file, t, shape)
    finally:
        file.close()


def _one_stack(file: RecordedFile, t: int, shape: tuple[int, int, int] | None) -> LabelImage:
    said = file.description
    axes = said.axes or "ZYX"[-len(said.shape) :]
    if tuple(said.shape) == shape:
        axes = "ZYX"
    odd = set(axes) - set("TCZYX") or len(axes) != len(said.shape) or not axes.endswith("YX")
    size = {} if odd else by_axis(axes, said.shape)
    if odd or size["C"] > 1 or not (t < size["T"] or size["T"] == 1):
        raise ConfigError(
            f"the mask has the shape {said.shape} along {axes.lower()}, expected one number a "
            f"voxel, (z, y, x)",
            where=str(file.path),
            fix="save each structure's mask as a grey image of its own",
        )
    data = np.empty((size["Z"], size["Y"], size["X"]), file.dtype)
    at = {"T": min(t, size["T"] - 1), "C": 0}
    for z in range(size["Z"]):
        data[z] = file.read(tuple({**at, "Z": z}[axis] for axis in axes[:-2]))
    scale = None
    if said.pixel_um and (said.z_step_um or size["Z"] == 1):
        scale = (said.z_step_um or SINGLE_PLANE_UM, *said.pixel_um)
    return LabelImage(data, scale)
