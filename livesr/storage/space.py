"""How much room a session needs, and whether the disk has it."""

from __future__ import annotations

from math import log10, prod
from typing import TYPE_CHECKING

from livesr.errors import StorageError
from livesr.storage.disk import free_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.types import Grid, RecordingInfo

# A mask of zeros and ones packed to bits takes an eighth of its voxels; the codec's bit shuffle
# makes that its worst case (measured on smooth masks: a fortieth).
_MASK_SHARE = 1 / 8
# Measured on simulated cells: a tenth of the voxels' bytes.
_PROBABILITY_SHARE = 1 / 4
# Compartments exclude each other and the other structures lie in one: a voxel is in so many masks.
_MASKED_LAYERS = 3
# Journal, log, and the rows of planes (some 270 bytes each as JSON) and of measurements.
_ROWS_PER_PLANE = 1024


def space_needed(
    info: RecordingInfo, structures: int, *, grid: Grid | None = None, slots: int = 0
) -> int:
    """Return the bytes that a session takes at most.

    Raw is counted uncompressed: noise decides how far it compresses (by 1.7 to 2 on simulated
    recordings), and a night must not end on a full disk.

    Parameters
    ----------
    info : RecordingInfo
        Shape, time points and positions.
    structures : int
        Masks a stack.
    grid : Grid, optional
        Grid of the masks, by default the camera's.
    slots : int
        Slots of the spool.
    """
    c, z, y, x = info.shape
    raw = c * z * y * x * 2
    mz, my, mx = (grid or info.grid).shape
    masks = structures * mz * my * mx * _MASK_SHARE
    return int(info.stacks * (raw + masks + c * z * _ROWS_PER_PLANE)) + slots * raw


def space_beside(
    info: RecordingInfo, structures: int, *, probability: Grid | None, masked: Grid | None
) -> int:
    """Return the bytes that probabilities and masked images take at most.

    Parameters
    ----------
    info : RecordingInfo
        Time points and positions.
    structures : int
        Channels of each.
    probability, masked : Grid or None
        Their grids; None where they are not stored.
    """
    bytes_a_stack = 0.0
    if probability is not None:
        bytes_a_stack += structures * prod(probability.shape) * _PROBABILITY_SHARE
    if masked is not None:
        bytes_a_stack += 2 * min(structures, _MASKED_LAYERS) * prod(masked.shape)
    return int(info.stacks * bytes_a_stack)


def in_words(size: float) -> str:
    """Return a number of bytes as people read it."""
    units = ("bytes", "kB", "MB", "GB")
    power = min(int(log10(abs(size))) // 3, len(units) - 1) if abs(size) >= 1 else 0
    return f"{size / 1000**power:.{0 if power < 2 else 1}f} {units[power]}"


def check_space(folder: Path, needed: int) -> None:
    """Refuse a session that the disk cannot hold, before the first exposure.

    Raises
    ------
    StorageError
        If fewer than ``needed`` bytes are free; it names both.
    """
    free = free_bytes(folder)
    if free < needed:
        raise StorageError(
            f"the session needs up to {needed / 1e9:.1f} GB, the disk has {free / 1e9:.1f} GB",
            where=str(folder),
            fix="choose another disk with --out, free space, or plan fewer stacks",
        )
