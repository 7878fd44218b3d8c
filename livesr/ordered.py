"""What the acquisition follows from stack to stack: one journalled value a stack.

Normalisation and the channels' offset depend on the stacks before. They are worked out once, in
the order in which stacks are stored, and handed to the pure part: so masks are the same live,
later and offline.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.camera.correction import PEDESTAL
from livesr.calibration.following.follower import OffsetFollower
from livesr.calibration.following.offset import Residual, estimate_offset
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


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one stack alone says of the values: pure, so that any process may work it out.

    Attributes
    ----------
    normalisation : Normalisation
    offset : mapping of int to Residual
        Of each channel that shows one.
    """

    normalisation: Normalisation
    offset: Mapping[int, Residual] = field(default_factory=dict)

    def journalled(self) -> dict[str, object]:
        """Return it as a journal keeps it: read back, it is the same to the last bit."""
        shown = {str(c): asdict(residual) for c, residual in self.offset.items()}
        return {"normalisation": asdict(self.normalisation), "offset": shown}

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Estimate:
        """Return what a line of a journal has; JSON has no infinity, so null stands for it."""
        offset = {
            int(c): Residual(
                _triple(r["shift_um"]), _triple(r["sigma_um"]), _triple(r["scatter_um"]), r["tiles"]
            )
            for c, r in said["offset"].items()
        }
        return cls(Normalisation(**said["normalisation"]), offset)


def _triple(values: Sequence[float | None]) -> tuple[float, float, float]:
    z, y, x = (inf if value is None else float(value) for value in values)
    return (z, y, x)


def offset_by_name(offset: ChannelOffset, channels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return an offset as journals and results keep it: nm along z, y and x by channel."""
    return {channels[c]: {"z": z, "y": y, "x": x} for c, (z, y, x) in offset.items()}


class Estimator:
    """Tells from a stack alone what the followers take; the same for the same stack, anywhere.

    Parameters
    ----------
    info : RecordingInfo
    models : mapping of int to ChromaticModel
        Stored models of the channels whose offset is followed.
    correction : Correction, optional
        Of the camera: values are told from corrected counts, as features are.
    """

    def __init__(
        self,
        info: RecordingInfo,
        models: Mapping[int, ChromaticModel],
        correction: Correction | None = None,
    ) -> None:
        self._info, self._models, self._correction = info, models, correction
        self._corrected: UInt16 | None = None

    def __call__(self, data: UInt16) -> Estimate:
        """Return what a stack (c, z, y, x) of camera counts says."""
        dark = self._info.camera_offset
        grid = replace(self._info.grid, shape=data.shape[1:])  # a rule's stacks are taller
        data = data[: self._info.seen]
        if self._correction is not None:
            data, dark = self._correct(data, self._correction), PEDESTAL
        return Estimate(
            estimate_normalisation(data, grid, dark),
            estimate_offset(data, grid, dark, self._models),
        )

    def _correct(self, data: UInt16, correction: Correction) -> UInt16:
        """Return the channels that are looked at, corrected; they hold until the next call."""
        seen = data[:SEEN]
        if self._corrected is None or self._corrected.shape != seen.shape:
            self._corrected = np.empty(seen.shape, np.uint16)
        return correction.stack(seen, self._corrected)


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
        self._images = images
        self._estimator = Estimator(info, models, correction)
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
        return self.follow(index, self._estimator(data))

    def follow(self, index: StackIndex, estimate: Estimate) -> Followed:
        """Return the values for the next stack in order, of which this is the estimate."""
        position = self._images.position(index.image)
        normalisation = self._normalisations[position].update(estimate.normalisation)
        return Followed(normalisation, self.offset.update(estimate.offset))
