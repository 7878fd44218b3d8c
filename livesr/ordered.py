"""What the acquisition follows from stack to stack: one journalled value a stack.

Normalisation and the channels' offset depend on the stacks before. They are worked out once, in
the order in which stacks are stored, and handed to the pure part: so masks are the same live,
later and offline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.camera.correction import PEDESTAL
from livesr.calibration.following.follower import OffsetFollower
from livesr.calibration.following.offset import estimate_offset
from livesr.features import SEEN, NormalisationFollower, estimate_normalisation
from livesr.types import Normalisation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.acquisition.images import Images
    from livesr.calibration.camera.correction import Correction
    from livesr.calibration.warp import ChromaticModel
    from livesr.types import ChannelOffset, RecordingInfo, StackIndex, UInt16


@dataclass(frozen=True, slots=True)
class Followed:
    """The values of one stack.

    Attributes
    ----------
    normalisation : Normalisation
    channel_offset : mapping of int to tuple of int
        Translation of the channels beyond the stored calibration; empty if it is not followed.
    """

    normalisation: Normalisation
    channel_offset: ChannelOffset = field(default_factory=dict)

    def journalled(self, channels: Sequence[str]) -> dict[str, object]:
        """Return what the journal keeps, with the channels' names."""
        said: dict[str, object] = {
            "normalisation": {
                "intensity": self.normalisation.intensity,
                "ratio": self.normalisation.ratio,
            }
        }
        if self.channel_offset:
            said["channel_offset_nm"] = offset_by_name(self.channel_offset, channels)
        return said

    @classmethod
    def read(cls, entry: Mapping[str, Any], channels: Sequence[str]) -> Followed:
        """Return the values that a line of the journal has."""
        shifts = entry.get("channel_offset_nm", {})
        offset = {channels.index(c): (s["z"], s["y"], s["x"]) for c, s in shifts.items()}
        return cls(Normalisation(**entry["normalisation"]), offset)


def offset_by_name(offset: ChannelOffset, channels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return an offset as journals and results keep it: nm along z, y and x by channel."""
    return {channels[c]: {"z": z, "y": y, "x": x} for c, (z, y, x) in offset.items()}


class Followers:
    """Follows what changes over a session. Each position has its normalisation, all one offset.

    Parameters
    ----------
    info : RecordingInfo
    images : Images
        Say which position an image shows, and how tall its stacks are.
    models : mapping of int to ChromaticModel
        Stored models of the channels whose offset is followed.
    start : mapping of int to Followed, optional
        Last values of each position, where a session goes on.
    correction : Correction, optional
        Of the camera: what is followed is told from corrected counts, as features are.
    """

    def __init__(
        self,
        info: RecordingInfo,
        images: Images,
        models: Mapping[int, ChromaticModel],
        start: Mapping[int, Followed] | None = None,
        correction: Correction | None = None,
    ) -> None:
        self._info = info
        self._correction = correction
        self._corrected: UInt16 | None = None
        self._images = images
        self._models = models
        start = start or {}
        self._normalisations = [
            NormalisationFollower(start[number].normalisation if number in start else None)
            for number in range(info.positions)
        ]
        names = {c: info.channels[c] for c in models}
        offsets = [one.channel_offset for one in start.values() if one.channel_offset]
        last = {c: shift for c, shift in offsets[-1].items() if c in names} if offsets else None
        self.offset = OffsetFollower(info.grid.voxel_um, names, last)

    def update(self, index: StackIndex, data: UInt16) -> Followed:
        """Return the values for a stack (c, z, y, x) of camera counts, the next one in order."""
        grid, dark = self._images.info(index.image).grid, self._info.camera_offset
        data = data[: self._info.seen]
        if self._correction is not None:
            data, dark = self._correct(data, self._correction), PEDESTAL
        normalisation = self._normalisations[self._images.position(index.image)].update(
            estimate_normalisation(data, grid, dark)
        )
        offset = self.offset.update(estimate_offset(data, grid, dark, self._models))
        return Followed(normalisation, offset)

    def _correct(self, data: UInt16, correction: Correction) -> UInt16:
        """Return the channels that are looked at, corrected; they hold until the next call."""
        seen = data[:SEEN]
        if self._corrected is None or self._corrected.shape != seen.shape:
            self._corrected = np.empty(seen.shape, np.uint16)
        return correction.stack(seen, self._corrected)
