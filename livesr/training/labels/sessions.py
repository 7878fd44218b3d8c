"""Stacks of a finished session with their masks, by channel and structure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.profile import load_profile
from livesr.calibration.warp import ChromaticModel
from livesr.channels import SEEN
from livesr.errors import ConfigError, nearest
from livesr.segmentation.segment import mask_on
from livesr.storage.reader import open_session
from livesr.training.labels.images import check_light
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from livesr.storage.image_reader import ImageReader
    from livesr.types import Bool, Grid, UInt8, UInt16

MOST_STACKS = 20
"""Longer sessions are looked at in so many stacks, evenly chosen over positions and time."""
YELLOW = SEEN[0]
_HALF = 128


@dataclass(frozen=True, slots=True)
class SessionStack:
    """One stack of a session.

    Attributes
    ----------
    index : StackIndex
    grid : Grid
        The camera's.
    offset : float
        Camera counts without light.
    channels : mapping of str to ndarray, (z, y, x), uint16
    masks : mapping of str to ndarray, (z, y, x), bool
        On ``grid``.
    """

    index: StackIndex
    grid: Grid
    offset: float
    channels: dict[str, UInt16]
    masks: dict[str, Bool]


class SessionStacks:
    """A session whose stacks are read again.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    channels : tuple of str
    structures : tuple of str
        That have masks.
    calibration : str
        As the session named it; ``none``.
    models : mapping of str to ChromaticModel
        Of the channels that the calibration knows.
    notes : mapping
        What the masks' writer noted: package, checksums.

    Raises
    ------
    ConfigError
        If it has no masks, or no channel called yellow.
    StorageError, CalibrationError
        If it is no session, or a file of it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader = open_session(folder)
        self._images = [image for image in self._reader.images if image.segmented()]
        if not self._images:
            raise ConfigError(
                "the session has no masks",
                where=str(folder),
                fix="record it with segmentation, or let it be caught up: "
                "livesr run FOLDER/session.yaml --resume --out FOLDER",
            )
        first = self._images[0]
        self.channels = first.channels
        self.structures = first.structures
        self.notes: dict[str, Any] = first.mask_notes(self.structures[0])
        if YELLOW not in self.channels:
            raise ConfigError(
                f"none of the channels is called yellow: {', '.join(self.channels)}",
                where=str(folder),
                fix="name the channels in the session's layout: yellow, red, green",
            )
        self.calibration = str(self._reader.settings.get("calibration", "none"))
        known = {} if self.calibration == "none" else load_profile(self.calibration).models()
        self.models = {name: known[name] for name in self.channels if name in known}

    @property
    def started(self) -> dict[str, Any]:
        """What the session's journal says of it at its beginning."""
        entries = self._reader.journal()
        return next((e for e in entries if e.get("event") == "session_started"), {})

    @property
    def source(self) -> dict[str, Any]:
        """The session file's microscope or recording."""
        settings = self._reader.settings
        found = settings.get("recording") or settings.get("microscope") or {}
        return dict(found)

    @property
    def voxel_um(self) -> tuple[float, float, float]:
        """Of the camera's grid."""
        return self._images[0].voxel_um

    def on_camera_grid(self, number: int) -> bool:
        """Return whether an image's masks of lipid droplets lie on the camera's grid."""
        image = next(one for one in self._images if one.number == number)
        if "lipid_droplet" not in image.structures:
            return False
        return image.mask_grid("lipid_droplet").shape == image.grid.shape

    def model(self, channel: str) -> ChromaticModel:
        """Return where a channel lies against yellow; the identity where nobody knows."""
        return self.models.get(channel, ChromaticModel.identity())

    def require(self, channel: str) -> None:
        """Refuse a channel that the session has not, or that is one of the networks' own.

        Raises
        ------
        ConfigError
        """
        others = [name for name in self.channels if name not in SEEN]
        if channel in others:
            return
        hint = nearest(channel, others) if others else "a layout with a third channel"
        raise ConfigError(
            f"the session has no channel {channel!r} beside yellow and red"
            if channel not in self.channels
            else f"{channel} is what the networks see: no probe can be told from it",
            where=str(self.folder),
            fix=f"{hint}; record one more channel: docs/validate.md says how",
        )

    def indices(self, most: int = MOST_STACKS) -> list[StackIndex]:
        """Return the stacks that have masks, of many ``most``, evenly chosen."""
        found = [
            StackIndex(image.number, t) for image in self._images for t in sorted(image.segmented())
        ]
        return found[:: ceil(len(found) / most) or 1]

    def stacks(
        self, channels: Sequence[str], structures: Sequence[str], most: int = MOST_STACKS
    ) -> Iterator[SessionStack]:
        """Yield stacks with some of their channels and masks.

        Raises
        ------
        ConfigError
            If a channel shows nothing, or is saturated.
        StorageError
            If a file is damaged.
        """
        images = {image.number: image for image in self._images}
        for index in self.indices(most):
            image = images[index.image]
            data = {name: image.raw(index.t, self.channels.index(name)) for name in channels}
            for name, one in data.items():
                check_light(one, name, f"{self.folder}, {index}")
            masks = {name: _on_camera(image, name, index.t) for name in structures}
            yield SessionStack(index, image.grid, self.offset, data, masks)

    @property
    def offset(self) -> float:
        """Camera counts without light."""
        return float(self.source.get("camera_offset", 0.0))


def _on_camera(image: ImageReader, name: str, t: int) -> Bool:
    """Return a mask on the camera's grid; one on the networks' grid is resized linearly."""
    mask: UInt8 = image.mask(name, t)
    own: Grid = image.mask_grid(name)
    if own.shape == image.grid.shape:
        return mask.astype(bool)
    return mask_on(image.grid, mask * np.uint8(255), own, _HALF).astype(bool)
