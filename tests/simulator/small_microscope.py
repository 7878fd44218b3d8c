"""Sessions on the simulated microscope that are small enough for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livesr.acquisition.layout import split
from livesr.acquisition.sources import open_source
from livesr.config import Session, session_from
from livesr.config.layouts import side_by_side
from livesr.flow import StopToken
from livesr.simulator.view import View

if TYPE_CHECKING:
    from livesr.types import Frame, RecordingInfo, UInt16

SEED, SIZE, PIXEL = 60_007, 64, 0.1
VIEW = View((0.0, 0.0), PIXEL, (SIZE, SIZE))
HEIGHTS = (1.2, 1.8, 2.4)
EVEN = '{"camera.offset_sigma": 0, "camera.gain_sigma": 0, "camera.hot_share": 0}'
"""A sensor without pattern, but for the read noise's."""


def camera_properties(**more: object) -> dict[str, Any]:
    size = {"FieldHeight": SIZE, "FieldWidth": SIZE, "PixelSizeUm": PIXEL}
    return {"Seed": SEED, "OpticsSeed": SEED, "Motion": 0, **size, **more}


def session(
    splitter: bool = True,
    loops: int = 2,
    interval: float = 60.0,
    devices: dict[str, dict[str, Any]] | None = None,
    **camera: object,
) -> Session:
    layout = {"Layout": "side-by-side" if splitter else "single"}
    properties = camera_properties(**{**layout, **camera})
    return session_from(
        {
            "calibration": "none",
            "microscope": {
                "config": "simulated",
                "properties": {"Camera": properties, "Clock": {"Speedup": 1e6}, **(devices or {})},
            },
            "layout": side_by_side(SIZE, SIZE).model_dump() if splitter else "prime95b-sequential",
            "sequence": {
                "axis_order": "tpcz",
                "time_plan": {"interval": interval, "loops": loops},
                "z_plan": {"bottom": HEIGHTS[0], "top": HEIGHTS[-1], "step": 0.6},
            },
        }
    )


def take(session: Session) -> tuple[list[Frame], dict[tuple[int, int, int], UInt16], RecordingInfo]:
    """Return the frames, {(t, c, z): image} and the source's info."""
    source = open_source(session)
    frames: list[Frame] = []
    try:
        source.run(frames.append, StopToken())
    finally:
        source.close()
    images = {
        (f.stack.t, channel, f.z): view
        for f in frames
        for channel, view in split(f, session.layout)
    }
    return frames, images, source.info
