"""pymmcore-plus' core for devices written in Python, with five things mended.

A Python camera may have several channels, as Micro-Manager's Multi Camera has. A snap that brings
no image leaves none behind, where the base class would hand out the one before. And a camera that
fails within a sequence leaves its reason, where the base class lets a thread die with it. And
AutoShutter works with a Python camera as with any other: the base class forgets it there. And an
exposure that outlasts the stop of its sequence, on a busy machine, reaches no later sequence, where
the base class lets it write into that one's images.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from pymmcore_plus.experimental.unicore import UniMMCore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import DTypeLike
    from pymmcore_plus.experimental.unicore import CameraDevice

_CHANNEL_TAG = "CameraChannelIndex"
STOP_PATIENCE_S = 2.0
"""How long a stop waits for the exposure that is under way."""


class PythonCore(UniMMCore):
    """A core for Python devices.

    A camera with several channels has a method ``channel_names()``; its ``start_sequence(n, …)``
    gives ``n`` images in all and tags each with its channel.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._snapped: dict[int, np.ndarray[Any, Any]] = {}
        self.sequence_error = ""
        self._sequence: _Watched | None = None
        self._outlasted = False
        super().__init__(*args, **kwargs)

    def getNumberOfCameraChannels(self) -> int:  # noqa: N802 - Micro-Manager's name
        """Return how many images each exposure gives."""
        names = self._channel_names()
        return len(names) if names else super().getNumberOfCameraChannels()

    def getCameraChannelName(self, channelNr: int) -> str:  # noqa: N802, N803 - as above
        """Return the label of the camera behind a channel."""
        names = self._channel_names()
        return names[channelNr] if names else super().getCameraChannelName(channelNr)

    def startSequenceAcquisition(self, *args: Any) -> None:  # noqa: N802 - as above
        """Start a sequence: of ``(…, numImages, intervalMs, stopOnOverflow)`` exposures."""
        *camera, exposures, interval_ms, stop_on_overflow = args
        images = exposures * max(1, len(self._channel_names()))
        given: list[Any] = [*camera, images, interval_ms, stop_on_overflow]
        super().startSequenceAcquisition(*given)

    def getImage(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 - as above
        """Return the image that the last snap brought, of a channel."""
        if self._py_camera() is None:
            return super().getImage(*args, **kwargs)
        channel = (args[0] if args else kwargs.get("numChannel")) or 0
        if channel not in self._snapped:
            raise RuntimeError("the camera delivered no image")
        return self._snapped[channel]

    def _do_snap_image(self) -> None:
        camera = self._py_camera()
        if camera is None:
            super()._do_snap_image()
            return
        self._snapped = {}
        taken: list[np.ndarray[Any, Any]] = []

        def get_buffer(shape: Sequence[int], dtype: DTypeLike) -> np.ndarray[Any, Any]:
            taken.append(np.empty(shape, dtype))
            return taken[-1]

        with camera, self.auto_shutter():
            for tags in camera.start_sequence(max(1, len(self._channel_names())), get_buffer):
                self._snapped[int(tags.get(_CHANNEL_TAG, 0))] = taken[-1]

    def _start_sequence(
        self, cam: CameraDevice, n_images: int | None, stop_on_overflow: bool
    ) -> None:
        self.sequence_error = ""
        if self._outlasted:  # the old sequence still holds a place in the buffer, and the old word
            self.setCircularBufferMemoryFootprint(self.getCircularBufferMemoryFootprint())
            self._stop_event = threading.Event()
            self._outlasted = False
        self._sequence = watched = _Watched(cam, self)
        super()._start_sequence(watched, n_images, stop_on_overflow)  # type: ignore[arg-type]  # it passes everything on

    def _stop_acquisition_thread(self, timeout: float | None = STOP_PATIENCE_S) -> None:
        thread = self._acquisition_thread
        super()._stop_acquisition_thread(timeout)
        if thread is not None and thread.is_alive():
            self._sequence, self._outlasted = None, True

    def goes_on(self, sequence: _Watched) -> bool:
        """Return whether the images of a sequence are still wanted."""
        return self._sequence is sequence

    @contextmanager
    def auto_shutter(self) -> Iterator[None]:
        """Open the shutter while the block runs, if Micro-Manager is to do so by itself."""
        shutter = self.getShutterDevice()
        if not (shutter and self.getAutoShutter()):
            yield
            return
        self.setShutterOpen(shutter, True)
        self.waitForDevice(shutter)
        try:
            yield
        finally:
            self.setShutterOpen(shutter, False)

    def _channel_names(self) -> tuple[str, ...]:
        """Return the channels of a Python camera with several; nothing for any other camera."""
        names = getattr(self._py_camera(), "channel_names", None)
        return tuple(names()) if names is not None else ()


class _Watched:
    """A camera whose sequence ends where it fails, and tells the core why."""

    def __init__(self, camera: CameraDevice, core: PythonCore) -> None:
        self._camera = camera
        self._core = core

    def __getattr__(self, name: str) -> Any:
        return getattr(self._camera, name)

    def start_sequence(
        self, n: int | None, get_buffer: Callable[..., np.ndarray[Any, Any]]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the tags of each image until the camera is done, fails, or is wanted no more."""

        def buffer(shape: Sequence[int], dtype: DTypeLike) -> np.ndarray[Any, Any]:
            return get_buffer(shape, dtype) if self._core.goes_on(self) else np.empty(shape, dtype)

        try:
            with self._core.auto_shutter():
                for tags in self._camera.start_sequence(n, buffer):
                    if not self._core.goes_on(self):
                        return
                    yield tags
        except (RuntimeError, OSError, ValueError) as error:
            if self._core.goes_on(self):
                self._core.sequence_error = str(error)
