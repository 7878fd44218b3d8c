"""Frames of two triggered cameras that come in bursts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import useq

from livesr.acquisition.engine import StackEngine
from livesr.flow import StopToken

if TYPE_CHECKING:
    from collections.abc import Iterator


class Burst(StackEngine):
    """The second camera is two frames ahead of the first."""

    def __init__(self, stop: StopToken) -> None:
        self._stop, self._cameras, self.handed = stop, (0, 1), 0
        self._clock = SimpleNamespace(now=lambda: 0.0)  # type: ignore[assignment] # a clock that stands
        self._mmcore = SimpleNamespace(startSequenceAcquisition=lambda *_: None)
        self._light = SimpleNamespace(lost=False)  # type: ignore[assignment] # nobody watches

    @property
    def mmcore(self) -> Any:
        return self._mmcore

    def _pop_frames(self, *_: object) -> Iterator[tuple[Any, dict[str, str]]]:
        for camera in (1, 1, 0):
            yield np.zeros((1, 1), np.uint16), {"Multi-CameraChannelIndex": str(camera)}

    def _end_sequence(self, *, whole: bool) -> None:
        pass

    def _hand_on(self, *_: object) -> Any:
        self.handed += 1
        if self.handed == 2:
            self._stop.stop_now()
        return None


@pytest.mark.parametrize(("stops", "handed"), [(True, 2), (False, 3)])
def test_frames_that_wait_for_the_other_camera_end_with_the_session(
    stops: bool, handed: int
) -> None:
    stop = StopToken()
    engine = Burst(stop)
    if not stops:
        stop.stop_now = lambda _reason="": None  # type: ignore[method-assign] # nobody stops it
    event = SimpleNamespace(events=[useq.MDAEvent(), useq.MDAEvent()])
    list(engine.exec_sequenced_event(event))  # type: ignore[arg-type] # only its events are asked
    assert engine.handed == handed
