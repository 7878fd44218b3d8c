"""pymmcore-plus' core for devices written in Python, with four things mended.

A Python camera may have several channels, as Micro-Manager's Multi Camera has. A snap that brings
no image leaves none behind, where the base class would hand out the one before. And a camera that
fails within a sequence leaves its reason, where the base class lets a thread die with it. And
AutoShutter works with a Python camera as with any other: the base class forgets it there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from pymmcore_plus.experimental.unicore import UniMMCore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import DTypeLike
    from pymmcore_plus.experimental.unicore import CameraDevice

_CHANNEL_TAG = "CameraChannelIndex"


class PythonCore(UniMMCore):
    """A core for Python devices.

    A camera with several channels has a method ``channel_names()``; its ``start_sequence(n, …)``
    gives ``n`` images in all and tags each with its channel.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._snapped: dict[int, np.ndarray[Any, Any]] = {}
        self.sequence_error = ""
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
        super()._start_sequence(_Watched(cam, self), n_images, stop_on_overflow)  # type: ignore[arg-type]  # it passes everything on

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

    def start_sequence(self, *args: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the tags of each image until the camera is done, or fails."""
        try:
            with self._core.auto_shutter():
                yield from self._camera.start_sequence(*args)
        except (RuntimeError, OSError, ValueError) as error:
            self._core.sequence_error = str(error)
