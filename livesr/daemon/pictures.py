"""Overlays as PNG: drawn once each, by one thread of low priority, however many watch."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from livesr.daemon.errors import CrowdedError, UnknownError
from livesr.viewer import state
from livesr.viewer.loader import flattened

if TYPE_CHECKING:
    from livesr.daemon.watched import Watched
    from livesr.types import UInt8
    from livesr.viewer.state import View

_CACHE_BYTES = 64 * 2**20
_MOST_WAITING = 64
_NICE = 15
_COMPRESSION = 1
"""Of the PNG: zlib's fastest; the fifth step takes four times as long for a tenth less."""

Key: TypeAlias = tuple[str, "View", bool, int]


@dataclass(frozen=True, slots=True)
class Png:
    """A picture, ready to be sent.

    Attributes
    ----------
    content : bytes
    t, z, channel
        What it shows, with nothing left open.
    masks : bool
        Whether the stack has masks yet.
    um_per_pixel : float
        Of the picture as it is, µm.
    tag : str
        Differs between pictures that differ.
    """

    content: bytes
    t: int
    z: int | str
    channel: str
    masks: bool
    um_per_pixel: float
    tag: str


class Pictures:
    """Draws overlays in a thread of its own and keeps the last ones.

    Attributes
    ----------
    drawn, kept : int
        Pictures that were drawn, and requests that were answered from those kept.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "overlays", initializer=_step_back)
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Png] = OrderedDict()
        self._bytes = 0
        self._pending: dict[Key, Future[Png]] = {}
        self.drawn = self.kept = 0

    def ask(self, session: Watched, view: View, size: int) -> Future[Png]:
        """Return the picture of a view, at most ``size`` pixels a side, once it is drawn.

        Raises
        ------
        UnknownError
            If there is nothing of it yet.
        ConfigError
            If the session has no such plane, channel or stack.
        CrowdedError
            If too many different pictures are waited for.
        """
        key = self._key(session, view, size)
        with self._lock:
            if key in self._kept:
                self.kept += 1
                self._kept.move_to_end(key)
                done: Future[Png] = Future()
                done.set_result(self._kept[key])
                return done
            if key in self._pending:
                self.kept += 1
                return self._pending[key]
            if len(self._pending) >= _MOST_WAITING:
                raise CrowdedError("too many pictures are being drawn", fix="ask again in a second")
            future = self._pool.submit(self._draw, session, key)
            self._pending[key] = future
        return future

    def close(self) -> None:
        """Let the thread end after what it draws."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _key(self, session: Watched, view: View, size: int) -> Key:
        """Return what tells pictures apart: the view with nothing left open."""
        scene = session.scene(view.image)
        state.check(view, scene)
        t = state.time_of(view, scene)
        if t is None:
            raise UnknownError("no stack is stored yet", where=session.folder.name)
        whole = replace(
            view,
            t=t,
            z=state.plane_of(view, scene),
            channel=state.channel_of(view, scene),
            structures=frozenset(view.structures & set(scene.structures)),
        )
        return session.folder.name, whole, t in scene.segmented, size

    def _draw(self, session: Watched, key: Key) -> Png:
        try:
            png = _drawn(session, key)
        except BaseException:
            with self._lock:
                self._pending.pop(key, None)
            raise
        with self._lock:
            self.drawn += 1
            self._pending.pop(key, None)
            self._kept[key] = png
            self._bytes += len(png.content)
            while self._bytes > _CACHE_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1].content)
        return png


def _drawn(session: Watched, key: Key) -> Png:
    name, view, masks, size = key
    picture = session.loader.load(view)
    if picture is None:
        raise UnknownError("no stack is stored yet", where=name)
    pixels = flattened(picture, view.opacity)
    small = _fitted(pixels, size)
    good, content = cv2.imencode(
        ".png", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION]
    )
    if not good:
        raise UnknownError("the picture cannot be written as PNG", where=name)
    return Png(
        content.tobytes(),
        picture.t,
        picture.z,
        picture.channel,
        masks,
        picture.pixel_um[1] * pixels.shape[1] / small.shape[1],
        f'"{abs(hash(key)):x}"',
    )


def _fitted(pixels: UInt8, size: int) -> UInt8:
    """Return a picture whose longer side has ``size`` pixels at most."""
    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        return pixels
    shape = max(round(width * scale), 1), max(round(height * scale), 1)
    return np.asarray(cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA), np.uint8)


def _step_back() -> None:
    """Lower this thread's priority, where threads have one of their own (Linux)."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
