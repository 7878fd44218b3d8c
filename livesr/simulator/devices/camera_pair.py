"""The simulated cameras of a configuration as one, after Micro-Manager's Multi Camera."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from pymmcore_plus.experimental.unicore import CameraDevice

from livesr.simulator.microscope.bench import OnBench
from livesr.simulator.microscope.settings import PROPERTY_OF

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import DTypeLike

    from livesr.simulator.devices.camera import GetBuffer, SimulatedCamera

CHANNEL_TAG = "CameraChannelIndex"
"""Tag with the number of the camera that took an image."""
PHYSICAL_PROPERTY = "Physical Camera {}"


class SimulatedMultiCamera(OnBench, CameraDevice):
    """Cameras that expose together; each image is tagged with its camera.

    It combines all simulated cameras that stand before it in the configuration. The properties
    that choose what there is to see are theirs in common: set here, they are set on each.
    Micro-Manager's own Multi Camera cannot combine cameras written in Python.
    """

    role = "multi"

    def __init__(self) -> None:
        super().__init__()
        self._cameras: tuple[SimulatedCamera, ...] = tuple(self._bench.cameras)
        if not self._cameras:
            self.shutdown()
            raise RuntimeError("the configuration must name the cameras before their Multi Camera")
        for number, camera in enumerate(self._cameras, start=1):
            self.register_property(
                PHYSICAL_PROPERTY.format(number),
                property_type=str,
                is_read_only=True,
                getter=lambda _, camera=camera: camera.get_label(),  # type: ignore[misc]  # mypy knows no defaults of lambdas
            )
        for name in PROPERTY_OF.values():
            self._share(name)

    def channel_names(self) -> tuple[str, ...]:
        """Return the labels of the cameras, in the order of their tags."""
        return tuple(camera.get_label() for camera in self._cameras)

    def get_camera_name(self) -> str:
        """Return the camera's name."""
        return "livesr simulated cameras"

    def get_exposure(self) -> float:
        """Return the exposure time, ms."""
        return self._cameras[0].get_exposure()

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure time of all cameras, ms."""
        for camera in self._cameras:
            camera.set_exposure(exposure)

    def shape(self) -> tuple[int, int]:
        """Return the shape (y, x) of each camera's image."""
        return self._cameras[0].shape()

    def get_roi(self) -> tuple[int, int, int, int]:
        """Return (x, y, width, height) of the region that is read out."""
        return self._cameras[0].get_roi()

    def set_roi(self, x: int, y: int, width: int, height: int) -> None:
        """Read out a region of every camera."""
        for camera in self._cameras:
            camera.set_roi(x, y, width, height)

    def clear_roi(self) -> None:
        """Read out the whole sensors."""
        for camera in self._cameras:
            camera.clear_roi()

    def dtype(self) -> DTypeLike:
        """Return the type of a pixel."""
        return self._cameras[0].dtype()

    def start_sequence(self, n: int | None, get_buffer: GetBuffer) -> Iterator[Mapping[str, str]]:
        """Expose all cameras together until ``n`` images are taken in all, or until stopped."""
        first = self._cameras[0]
        turn = first.begin_sequence()
        exposures = None if n is None else n // len(self._cameras)
        for place in count() if exposures is None else range(exposures):
            last = place + 1 == exposures
            faults = [camera.next_faults(last=last) for camera in self._cameras]
            if first.superseded(turn):
                return
            exposure = self._bench.expose(place)
            images = [camera.take(exposure) for camera in self._cameras]
            first.finish(exposure)
            for number, camera in enumerate(self._cameras):
                for shot in camera.hand_over(images[number], exposure, faults[number]):
                    get_buffer(shot.image.shape, np.uint16)[:] = shot.image
                    yield {**shot.tags, CHANNEL_TAG: str(number)}

    def _share(self, name: str) -> None:
        first = self._cameras[0]
        info = first.get_property_info(name)

        def set_all(_: CameraDevice, value: object) -> None:
            for camera in self._cameras:
                camera.set_property_value(name, value)

        self.register_property(
            name,
            property_type=info.type,
            limits=info.limits,
            allowed_values=info.allowed_values,
            is_read_only=bool(info.is_read_only),
            getter=lambda _: first.get_property_value(name),
            setter=None if info.is_read_only else set_all,
        )
