"""The thread that makes pictures of a preview's shots, so that the window only draws; no Qt."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import cv2
import numpy as np

from livesr.latest import Latest
from livesr.viewer import compose
from livesr.viewer.live.colour import ratio_colours
from livesr.viewer.live.figures import Figures, figures, focus_score
from livesr.viewer.loader import Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livesr.acquisition.shots import Shot
    from livesr.types import UInt8, UInt16

Mode = Literal["channels", "overlay", "ratio", "sensor"]
MODES: tuple[Mode, ...] = get_args(Mode)
FIGURES_S = 0.25
"""Time between two sets of figures: people cannot read faster."""
_WAIT_S = 0.004
GAP = 8
"""Pixels between channels that are shown side by side."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked for.

    Attributes
    ----------
    mode : str
    pixel_um : float
        1 where it is not known.
    offset : float
        Camera counts without light.
    full : int
        Counts of a full pixel.
    """

    mode: Mode = "channels"
    pixel_um: float = 1.0
    offset: float = 100.0
    full: int = 65535


@dataclass(frozen=True, slots=True)
class LivePicture:
    """A shot, drawn.

    Attributes
    ----------
    picture : Picture
    shot : Shot
    figures : mapping of str to Figures
        By channel.
    focus : float
    compose_s : float
        Seconds that drawing it took.
    drawn : int
        Pictures drawn so far.
    """

    picture: Picture
    shot: Shot
    figures: Mapping[str, Figures] = field(default_factory=dict)
    focus: float = 0.0
    compose_s: float = 0.0
    drawn: int = 0


class Painter:
    """Draws shots; keeps levels until it is told to find new ones. Not shared between threads."""

    def __init__(self) -> None:
        self._levels: dict[str, compose.Levels] = {}

    def relevel(self) -> None:
        """Find new levels with the next picture."""
        self._levels.clear()

    def draw(self, channels: Mapping[str, UInt16], sensor: UInt16, look: Look) -> Picture:
        """Return the picture of a shot.

        Parameters
        ----------
        channels : mapping of str to ndarray, (y, x), uint16
            By name; empty where the layout does not fit the sensor.
        sensor : ndarray, (y, x), uint16
        look : Look
        """
        two = len(channels) > 1
        if look.mode == "sensor" or not channels:
            return self._picture("sensor", self._grey("sensor", sensor), sensor, look)
        if look.mode == "channels" or not two:
            return self._side_by_side(channels, look)
        (_, yellow), (_, red) = list(channels.items())[:2]
        if look.mode == "overlay":
            base = self._overlay(channels)
            return self._picture("overlay", base, compose.mean_of(yellow, red), look)
        return self._ratio(yellow, red, look)

    def _side_by_side(self, channels: Mapping[str, UInt16], look: Look) -> Picture:
        greys = [self._grey(name, image) for name, image in channels.items()]
        base = np.concatenate(_spaced(greys), axis=1)
        values = np.concatenate(_spaced(list(channels.values())), axis=1)
        return self._picture(" | ".join(channels), base, values, look)

    def _overlay(self, channels: Mapping[str, UInt16]) -> UInt8:
        """Return yellow in green and red in magenta, which most eyes can tell apart."""
        one, two = (self._grey(name, image) for name, image in list(channels.items())[:2])
        overlay: UInt8 = cv2.merge((two, one, two))
        return overlay

    def _ratio(self, yellow: UInt16, red: UInt16, look: Look) -> Picture:
        y, r = (cv2.GaussianBlur(image, (5, 5), compose.SMOOTHING) for image in (yellow, red))
        limits, bright = self._ratio_levels(y, r, look.offset)
        base, ratio = ratio_colours(y, r, look.offset, limits, bright)
        pixel = (look.pixel_um, look.pixel_um)
        return Picture(0, 0, 0, "ratio", base, pixel, None, (1.0, 1.0), ratio, limits)

    def _picture(self, name: str, base: UInt8, values: UInt16, look: Look) -> Picture:
        levels = self._levels.get(name, compose.Levels(0.0, 1.0))
        pixel = (look.pixel_um, look.pixel_um)
        return Picture(0, 0, 0, name, base, pixel, None, (1.0, 1.0), values, levels)

    def _grey(self, name: str, image: UInt16) -> UInt8:
        if name not in self._levels:
            self._levels[name] = compose.levels_of(image[::4, ::4])
        levels = self._levels[name]
        span = 255.0 / (levels.high - levels.low)
        return _bytes(image, span, -levels.low * span)

    def _ratio_levels(self, y: UInt16, r: UInt16, offset: float) -> tuple[compose.Levels, float]:
        """Return the limits of the hue, and the mean counts that are fully bright."""
        if "ratio" not in self._levels:
            few = [np.maximum(c[::4, ::4].astype(np.float32) - offset, 0) for c in (y, r)]
            mean = (few[0] + few[1]) / 2
            ratio = few[1] / np.maximum(few[0], 1)
            self._levels["ratio"] = compose.ratio_levels(ratio, mean.astype(np.uint16))
            top = float(np.percentile(mean, compose.BRIGHT_PERCENTILES[1]))
            self._levels["bright"] = compose.Levels(0.0, max(top, 1.0))
        return self._levels["ratio"], self._levels["bright"].high


def _spaced(images: list[np.ndarray]) -> list[np.ndarray]:
    """Return images with a black gap between two."""
    out: list[np.ndarray] = []
    for image in images:
        if out:
            out.append(np.zeros((image.shape[0], GAP), image.dtype))
        out.append(image)
    return out


def _bytes(image: np.ndarray, scale: float, shift: float) -> UInt8:
    """Return image · scale + shift, 0 to 255."""
    scaled = cv2.addWeighted(image, scale, image, 0.0, shift, dtype=cv2.CV_8U)
    out: UInt8 = scaled
    return out


class Composer:
    """Pulls shots and leaves pictures of them; close it, or use it as a context.

    Parameters
    ----------
    take : callable
        Gives the newest shot, or None.
    channels : callable
        Cuts a shot's channels out.
    look : Look
        To begin with.
    """

    def __init__(
        self,
        take: Callable[[], Shot | None],
        channels: Callable[[Shot], Mapping[str, UInt16]],
        look: Look,
    ) -> None:
        self.pictures: Latest[LivePicture] = Latest()
        self.look = look
        self.shot: Shot | None = None
        self._take, self._channels = take, channels
        self._painter = Painter()
        self._figures: Mapping[str, Figures] = {}
        self._focus = 0.0
        self._told = float("-inf")
        self._drawn = 0
        self._relevel = self._again = self._closing = False
        self._thread = threading.Thread(target=self._run, name="viewer-composer")
        self._thread.start()

    def __enter__(self) -> Composer:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def show(self, look: Look) -> None:
        """Draw so from now on, the present shot too."""
        self.look, self._again = look, True

    def relevel(self) -> None:
        """Find new levels, in the present shot too."""
        self._relevel = self._again = True

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            new = self._take()
            self.shot = shot = new or self.shot
            if shot is None or (new is None and not self._again):
                time.sleep(_WAIT_S)
                continue
            self._again = False
            self.pictures.put(self._composed(shot))

    def _composed(self, shot: Shot) -> LivePicture:
        began = time.monotonic()
        if self._relevel:
            self._relevel = False
            self._painter.relevel()
        look, channels = self.look, self._channels(shot)
        picture = self._painter.draw(channels, shot.images[0], look)
        if began - self._told > FIGURES_S:
            self._told = began
            shown = channels or {"sensor": shot.images[0]}
            self._figures = {
                name: figures(image, offset=look.offset, full=look.full)
                for name, image in shown.items()
            }
            self._focus = focus_score(next(iter(shown.values())), look.offset)
        self._drawn += 1
        took = time.monotonic() - began
        return LivePicture(picture, shot, self._figures, self._focus, took, self._drawn)
