"""A simulated camera that notes when it exposed, on the clock of the lamp's log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from livesr.simulator.devices import SimulatedCamera

if TYPE_CHECKING:
    from livesr.simulator.microscope.bench import Exposure
    from livesr.types import UInt16


class WatchedCamera(SimulatedCamera):
    """Appends a line a frame to the file ``Log``: when it began to be taken, and when it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.register_property("Log", default_value="")
        self._began = 0.0

    def finish(self, exposure: Exposure) -> None:
        """Let the exposure's time pass, and note it."""
        super().finish(exposure)
        with Path(str(self.get_property_value("Log"))).open("a", encoding="utf-8") as log:
            log.write(f"{self._began:.6f} {time.monotonic():.6f}\n")

    def _expose(self, exposure: Exposure, counts: UInt16) -> None:
        self._began = time.monotonic()
        super()._expose(exposure, counts)
