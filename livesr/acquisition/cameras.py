"""Which channel each camera of a microscope shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.config.layouts import CamerasLayout
from livesr.errors import ConfigError, nearest

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

    from livesr.config.session import Session


def camera_channels(core: CMMCorePlus, session: Session) -> tuple[int, ...]:
    """Return which channel each physical camera shows."""
    found = core.getNumberOfCameraChannels()
    names = [core.getCameraChannelName(i) for i in range(found)] if found > 1 else []
    if not isinstance(session.layout, CamerasLayout):
        if found > 1:
            raise ConfigError(
                f"the camera is a Multi Camera of {', '.join(names)}, "
                f"the layout is {session.layout.kind!r}",
                where="layout",
                fix="use layout kind: cameras with one channel a camera",
            )
        return (0,)
    wanted = [channel.camera for channel in session.layout.channels]
    for label in wanted:
        if names and label not in names:
            raise ConfigError(
                f"no such camera: {label!r}", where="layout.channels", fix=nearest(label, names)
            )
    if len(names) != len(wanted):
        raise ConfigError(
            f"the layout asks for {len(wanted)} cameras ({', '.join(wanted)}), "
            f"{core.getCameraDevice()} has {found} ({', '.join(names) or 'itself'})",
            where="layout.channels",
            fix="combine them with Multi Camera of Micro-Manager's Utilities: see "
            "examples/demo-two-cameras.cfg",
        )
    _check_alike(core, wanted)
    return tuple(wanted.index(name) for name in names)


def _check_alike(core: CMMCorePlus, cameras: list[str]) -> None:
    """Refuse cameras of unlike images, which Multi Camera answers with a bare SystemError."""
    multi = core.getCameraDevice()
    images = {}
    for label in cameras:
        core.setCameraDevice(label)
        images[label] = (core.getImageHeight(), core.getImageWidth(), core.getBytesPerPixel())
    core.setCameraDevice(multi)
    if len(set(images.values())) > 1:
        found = "; ".join(f"{k}: {h}×{w}, {b} bytes" for k, (h, w, b) in images.items())
        raise ConfigError(
            f"the cameras' images differ: {found}",
            where="layout.channels",
            fix="set the same binning, region of interest and pixel type on every camera",
        )
