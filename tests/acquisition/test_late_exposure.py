"""An exposure that outlasts the stop of its sequence reaches no later one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pymmcore_plus.experimental.unicore import CameraDevice

from livesr.acquisition.unicore import PythonCore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Slow(CameraDevice):
    """Its first exposure lasts until it is let go; each sequence has a value of its own."""

    def __init__(self, *, buffer_first: bool) -> None:
        super().__init__()
        self.began, self.let_go = threading.Event(), threading.Event()
        self.buffer_first = buffer_first
        self.sequences = 0

    def get_exposure(self) -> float:
        return 1.0

    def set_exposure(self, exposure: float) -> None:
        pass

    def shape(self) -> tuple[int, int]:
        return (4, 4)

    def dtype(self) -> Any:
        return np.uint16

    def start_sequence(
        self, n: int | None, get_buffer: Callable[..., np.ndarray[Any, Any]]
    ) -> Iterator[Mapping[str, Any]]:
        self.sequences += 1
        value = self.sequences
        for _ in range(n or 1_000_000):
            image = get_buffer(self.shape(), np.uint16) if self.buffer_first else None
            self.began.set()
            if value == 1:
                assert self.let_go.wait(60)
            if image is None:
                image = get_buffer(self.shape(), np.uint16)
            image[:] = value
            yield {}


@pytest.mark.parametrize("buffer_first", [True, False])
def test_a_late_image_is_in_no_later_sequence(
    buffer_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = PythonCore()
    camera = Slow(buffer_first=buffer_first)
    core.loadPyDevice("Camera", camera)
    core.initializeDevice("Camera")
    core.setCameraDevice("Camera")
    core.startContinuousSequenceAcquisition(0)
    assert camera.began.wait(60)
    late = core._acquisition_thread
    assert late is not None
    stop = core._stop_acquisition_thread
    monkeypatch.setattr(core, "_stop_acquisition_thread", lambda: stop(0.01))
    core.stopSequenceAcquisition()
    core.startSequenceAcquisition(2, 0, False)
    camera.let_go.set()
    late.join(60)
    assert not late.is_alive()
    deadline = time.monotonic() + 60
    while core.getRemainingImageCount() < 2 and time.monotonic() < deadline:
        time.sleep(0.002)
    images = [core.popNextImage() for _ in range(core.getRemainingImageCount())]
    assert [np.unique(image).tolist() for image in images] == [[2], [2]]
    core.unloadAllDevices()
