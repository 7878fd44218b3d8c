"""Dark and evenly lit frames from files, as a camera calibration takes them: a frame at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.acquisition.recorded_stacks import (
    called,
    image_in,
    names_of,
    notes_in,
    with_simulated,
)
from livesr.calibration.camera.found import Region
from livesr.config.layouts import SplitterLayout, check_layout
from livesr.errors import ConfigError
from livesr.plain import there
from livesr.storage.recording import Recording, frame_axes, open_recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from livesr.acquisition.recorded_stacks import LightPath
    from livesr.types import UInt16


@dataclass(frozen=True, slots=True)
class RecordedFrames:
    """The frames of a recording: its time points, and the planes of each.

    Attributes
    ----------
    source : str
        Its file, for people.
    shape : tuple of int
        (i, y, x) of each frame: i images.
    recording : Recording
    images : tuple of int
        Which channel of the file each image is; one camera that takes channels one after the
        other has one set of dark frames for all.
    """

    source: str
    shape: tuple[int, int, int]
    recording: Recording
    images: tuple[int, ...]

    def __iter__(self) -> Iterator[UInt16]:
        """Yield frames, (i, y, x), uint16."""
        times, _, planes, _, _ = self.recording.shape
        for t in range(times):
            for z in range(planes):
                yield np.stack([self.recording.plane(t, c, z) for c in self.images])


@dataclass(frozen=True, slots=True)
class CameraFrames:
    """All that a camera calibration reads, opened.

    Attributes
    ----------
    darks, flats : tuple of RecordedFrames
    regions : tuple of Region
        The channels.
    path : LightPath
        What is known of the microscope.
    exposure_ms : float or None
        If the simulator wrote the frames, it said so.
    """

    darks: tuple[RecordedFrames, ...]
    flats: tuple[RecordedFrames, ...]
    regions: tuple[Region, ...]
    path: LightPath
    exposure_ms: float | None

    def close(self) -> None:
        """Close the files."""
        for frames in (*self.darks, *self.flats):
            frames.recording.close()


def open_camera_frames(
    darks: Sequence[Path], flats: Sequence[Path], path: LightPath
) -> CameraFrames:
    """Open dark and evenly lit frames.

    Parameters
    ----------
    darks, flats : sequence of Path
        Images, or folders that ``livesr simulate`` wrote. All axes but y, x and the channel's are
        frames; a TIFF that names no axes is a series of frames.
    path : LightPath
        Its layout says what a splitter's sensor image shows.

    Raises
    ------
    ConfigError, HardwareError
        Files that are missing or damaged, or whose channels are not known.
    """
    known = [with_simulated(one, path) for one in (*darks, *flats)]
    opened: list[Recording] = []
    try:
        for one in (*darks, *flats):
            opened.append(_opened(one))  # noqa: PERF401, those already open are closed on error
        channels = max(recording.shape[1] for recording in opened)
        frames = tuple(
            _frames(one, recording, channels)
            for one, recording in zip((*darks, *flats), opened, strict=True)
        )
        first = known[0]
        regions = _regions(opened[-1], first, channels, frames[-1])
    except BaseException:
        for recording in opened:
            recording.close()
        raise
    return CameraFrames(
        frames[: len(darks)], frames[len(darks) :], regions, first, _exposure_ms(darks[0])
    )


def _opened(path: Path) -> Recording:
    if not there(path):
        raise ConfigError(
            f"there is no {path}",
            where="--dark, --flat",
            fix="name images of the camera, or make some: livesr simulate dark; livesr simulate"
            " flat",
        )
    image = image_in(path)
    return open_recording(image, axes=frame_axes(image), pixel_um=1.0, z_step_um=1.0)


def _frames(path: Path, recording: Recording, channels: int) -> RecordedFrames:
    _, own, _, height, width = recording.shape
    if own not in (1, channels):
        raise ConfigError(
            f"{path} has {own} channels, other files have {channels}",
            where=str(path),
            fix="one file for all channels, or with one image a frame",
        )
    images = tuple(range(own)) if own == channels else (0,) * channels
    source = called(image_in(path))
    return RecordedFrames(source, (channels, height, width), recording, images)


def _regions(
    recording: Recording, path: LightPath, channels: int, frames: RecordedFrames
) -> tuple[Region, ...]:
    layout = path.layout
    if isinstance(layout, SplitterLayout) and channels == 1:
        check_layout(layout, frames.shape[1:], where=frames.source)
        return tuple(Region(part.name, 0, part) for part in layout.channels)
    names = names_of(recording, path, channels, frames.source)
    return tuple(Region(name, image) for image, name in enumerate(names))


def _exposure_ms(path: Path) -> float | None:
    """Return what the simulator says of its frames' exposure."""
    camera = notes_in(path / "parameters.yaml").get("camera")
    seconds = camera.get("exposure_s") if isinstance(camera, dict) else None
    return 1000 * seconds if isinstance(seconds, float) else None
