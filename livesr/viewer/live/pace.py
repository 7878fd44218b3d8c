"""``python -m livesr.viewer.live.pace FIELD SECONDS``: how many pictures a preview composes.

The camera's frames are there before they are asked for, so that composing alone is measured; the
window only draws what it finds. Prints, for each view, pictures a second and the processor time
of one.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from livesr.acquisition.shots import Shot
from livesr.latest import Latest
from livesr.viewer.live.composer import MODES, Composer, Look, Mode

if TYPE_CHECKING:
    from livesr.types import UInt16

_PIXEL_UM = 0.0668
_OFFER_S = 0.002


def pace(sensor: UInt16, mode: Mode, seconds: float) -> dict[str, float]:
    """Return pictures a second and milliseconds of processor time a picture.

    Parameters
    ----------
    sensor : ndarray, (y, 2·x), uint16
        Behind a splitter: yellow left, red in the mirror right.
    mode : str
    seconds : float
    """
    slot: Latest[Shot] = Latest()
    half = sensor.shape[1] // 2

    def channels(shot: Shot) -> dict[str, UInt16]:
        image = shot.images[0]
        mirrored = np.ascontiguousarray(image[:, : half - 1 : -1])
        return {"yellow": np.ascontiguousarray(image[:, :half]), "red": mirrored}

    with Composer(slot.take, channels, Look(mode=mode, pixel_um=_PIXEL_UM)) as composer:
        drawn = before = offered = 0
        began, cpu = time.monotonic(), time.process_time()
        until: float | None = None
        while until is None or time.monotonic() < until:
            offered += 1
            slot.put(Shot((sensor,), offered, time.monotonic(), 50.0, (0.0, 0.0, 0.0), 0.0))
            time.sleep(_OFFER_S)
            picture = composer.pictures.take()
            drawn = picture.drawn if picture is not None else drawn
            if until is None and drawn:  # the first picture compiles
                before, began, cpu = drawn, time.monotonic(), time.process_time()
                until = began + seconds
        count = max(drawn - before, 1)
        took, spent = time.monotonic() - began, time.process_time() - cpu
    return {"fps": round(count / took, 2), "compose_ms": round(1000 * spent / count, 2)}


def main(arguments: list[str]) -> None:
    """Measure every view and print them."""
    field, seconds = int(arguments[0]), float(arguments[1])
    rng = np.random.default_rng(0)
    blobs = np.kron(rng.gamma(0.5, 80.0, (field // 8 + 1,) * 2), np.ones((8, 8)))[:field, :field]
    halves = [(100 + rng.poisson(scale * blobs)).astype(np.uint16) for scale in (1.0, 0.5)]
    sensor = np.concatenate([halves[0], halves[1][:, ::-1]], axis=1)
    print(json.dumps({mode: pace(sensor, mode, seconds) for mode in MODES}))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(sys.argv[1:])
