"""The preview's light: on only while the camera runs, and told to whoever watches over it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from livesr.acquisition.recovery import close_shutters
from livesr.acquisition.troubles import DEVICE_ERRORS

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

log = logging.getLogger(__name__)


class Watch(Protocol):
    """Watches over the light from outside of this process: a supervisor is attached here.

    Each call returns at once.
    """

    def lit(self) -> None:
        """Hear that the light is about to go on."""

    def alive(self) -> None:
        """Hear that a frame came while it is on."""

    def dark(self) -> None:
        """Hear that it is off."""


class Unwatched:
    """Nobody watches: the light goes off as long as this process lives to do it."""

    def lit(self) -> None:
        """Do nothing."""

    def alive(self) -> None:
        """Do nothing."""

    def dark(self) -> None:
        """Do nothing."""


class Light:
    """The shutters of a microscope.

    Parameters
    ----------
    core : CMMCorePlus
    watch : Watch, optional
    """

    def __init__(self, core: CMMCorePlus, watch: Watch | None = None) -> None:
        self._core = core
        self.watch: Watch = watch or Unwatched()

    def on(self) -> None:
        """Open the shutter for a running camera."""
        self.watch.lit()
        if self._core.getShutterDevice() and not self._core.getAutoShutter():
            self._core.setShutterOpen(True)

    def off(self) -> None:
        """Close every shutter; one that fails is logged, and the others are closed all the same."""
        close_shutters(self._core)
        try:
            if self._core.getShutterDevice() and self._core.getShutterOpen():
                log.error("the shutter %s stays open", self._core.getShutterDevice())
        except DEVICE_ERRORS as error:
            log.error("the shutter does not answer: %s", error)  # noqa: TRY400 - its text is the message
        self.watch.dark()
