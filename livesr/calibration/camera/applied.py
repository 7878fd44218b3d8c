"""A stored camera correction laid on a session: does it fit, and what is done to each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.camera.correction import Correction
from livesr.calibration.profile import unlike
from livesr.config.layouts import Rectangle, SplitterLayout
from livesr.errors import CalibrationError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from livesr.calibration.camera.found import CameraMaps, Region, T
    from livesr.calibration.camera.record import CameraChannel, CameraProfile
    from livesr.config.layouts import Layout
    from livesr.types import RecordingInfo

MOVED = 8
"""Pixels by which a splitter's rectangle may have moved since: light is smooth, and the sensor's
own pixels are found where they are."""


def check_camera(
    profile: CameraProfile, info: RecordingInfo, layout: Layout, exposures_ms: Sequence[float] = ()
) -> None:
    """Refuse a session that a camera correction was not made for.

    Parameters
    ----------
    profile : CameraProfile
    info : RecordingInfo
        What the source says of itself.
    layout : Layout
        The session's.
    exposures_ms : sequence of float
        The session's, as far as they are known.

    Raises
    ------
    CalibrationError
        With every misfit.
    """
    made_for = profile.made_for
    misfits = [
        *unlike(made_for, info, layout.kind, simulated=profile.simulated),
        *_settings(profile, info, exposures_ms),
        *_channels(profile, info, layout),
    ]
    if misfits:
        raise CalibrationError(
            f"camera correction {profile.name} does not fit this session: " + "; ".join(misfits),
            where="camera_correction",
            fix="measure this camera with these settings (livesr calibrate --dark … --flat …"
            " --session THIS_SESSION: docs/camera.md), or write 'camera_correction: none'",
        )


def _settings(
    profile: CameraProfile, info: RecordingInfo, exposures_ms: Sequence[float]
) -> Iterator[str]:
    made_for = profile.made_for
    if made_for.exposure_ms is not None:
        least, most = made_for.exposure_ms
        for exposure in exposures_ms:
            if not least <= exposure <= most:
                yield (
                    f"it is for exposures from {least:g} to {most:g} ms, the session's is"
                    f" {exposure:g} ms"
                )
    properties = info.extra.get("camera_properties", {})
    binning = str(properties.get("Binning", "")) if isinstance(properties, dict) else ""
    if made_for.binning and binning and not _same_binning(made_for.binning, binning):
        yield f"it is for binning {made_for.binning}, the session's is {binning}"
    roi = info.extra.get("roi")
    if made_for.roi is not None and roi is not None and tuple(roi) != made_for.roi:
        yield (
            f"it is for the region of interest {_words(made_for.roi)} (x, y, width, height), the"
            f" session's is {_words(roi)}"
        )


def _same_binning(one: str, other: str) -> bool:
    """Return whether ``2`` and ``2x2`` are the same."""
    return one.lower().split("x")[0].strip() == other.lower().split("x")[0].strip()


def _words(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _channels(profile: CameraProfile, info: RecordingInfo, layout: Layout) -> Iterator[str]:
    known = {channel.name: channel for channel in profile.channels}
    for name in info.channels:
        channel = known.get(name)
        if channel is None:
            yield f"it has no channel {name!r} ({nearest(name, known)})"
            continue
        field = profile.field_of(channel)
        if field != info.shape[2:]:
            yield (
                f"its field of {name} is {field[0]}×{field[1]} pixels (y, x), the session's"
                f" {info.shape[2]}×{info.shape[3]}"
            )
        else:
            yield from _moved(profile, channel, layout)


def _moved(profile: CameraProfile, channel: CameraChannel, layout: Layout) -> Iterator[str]:
    mine, theirs = channel.rectangle, _rectangle(layout, channel.name)
    if mine is None or theirs is None:
        if mine != theirs and theirs is not None:
            yield f"{channel.name} was measured on a whole image, the session cuts it from one"
        return
    _, height, width = profile.made_for.sensor
    if (mine.flip, mine.quarter_turns) != (theirs.flip, theirs.quarter_turns):
        yield f"{channel.name} is flipped or turned otherwise"
    elif max(abs(mine.x - theirs.x), abs(mine.y - theirs.y)) > MOVED:
        yield (
            f"{channel.name} lay at x {mine.x}, y {mine.y} of the sensor, the session has it at x"
            f" {theirs.x}, y {theirs.y}: more than {MOVED} pixels away"
        )
    elif theirs.y + theirs.height > height or theirs.x + theirs.width > width:
        yield f"{channel.name} does not lie on the sensor of {height}×{width} pixels (y, x)"


def _rectangle(layout: Layout, name: str) -> Rectangle | None:
    if not isinstance(layout, SplitterLayout):
        return None
    return next(channel for channel in layout.channels if channel.name == name)


def correction_of(
    profile: CameraProfile, maps: CameraMaps, channels: Sequence[str], layout: Layout
) -> Correction:
    """Return what is done to each channel, by name, of a session that `check_camera` lets pass."""
    names = [channel.name for channel in profile.channels]
    places = [names.index(name) for name in channels]
    regions = [_region(profile.channels[k], layout) for k in places]

    def cut(of: npt.NDArray[T]) -> npt.NDArray[T]:
        return np.stack([region.stored(region.cut(of)) for region in regions])

    flat = maps.flat[places]
    return Correction.of(cut(maps.offset), cut(maps.response), cut(maps.hot), flat)


def _region(channel: CameraChannel, layout: Layout) -> Region:
    """Return where the session has a channel: the sensor's own pixels are taken from there."""
    theirs = _rectangle(layout, channel.name)
    if theirs is None:
        return channel.region()
    return channel.model_copy(update={"rectangle": theirs}).region()
