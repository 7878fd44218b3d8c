"""A stack's whole way on a graphics card: counts go up once, packed masks come down.

    camera's counts      processor → pinned memory → card, plane by plane as frames arrive
    warp                 card: y and x of each plane as it arrives, z once the last is there
    features             card: as `livesr.features` makes them
    network              card: what the engine's `run_on_device` gives, windows by
                         `livesr.segmentation.windows`
    masks                card: probabilities resized, thresholded, eight voxels packed into a byte
    trust, masked images processor: from raw counts, and from the few rows of features that
                         `livesr.segmentation.quantities` looks at, which come down too

Three streams (up, compute, down) and two slots let one stack go up while another is computed and
a third is stored. Written in PyTorch alone, so that the same code runs on the processor, where the
tests compare it with the way of `livesr.pipeline`.

How equal: registered counts differ from OpenCV's by at most one, in fewer than a thousandth of
voxels (OpenCV 5 fuses a multiplication with an addition before it rounds to whole counts; OpenCV 4
interpolates to 1/32 of a pixel, and differs more). Given the same counts features agree to 1e-6,
and given the same probabilities masks are the same bit for bit.
"""

from __future__ import annotations

from livesr.resident.flight import Flight
from livesr.resident.resident import SLOTS, Found, Pending, Resident

__all__ = ["SLOTS", "Flight", "Found", "Pending", "Resident"]
