"""Light along lines through the beads, each against its own centre: finer than the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.beads.widths import FWHM

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.calibration.beads.find import Beads
    from livesr.calibration.psf.measure import ChannelPsf, Psf
    from livesr.types import Float64, Grid, UInt16

BRIGHTEST = 80
"""Beads shown."""
REACH = 1.6
"""How far profiles reach to either side, in widths."""

Profile = tuple["Float64", "Float64", float]


def profiles(psf: Psf, channel: ChannelPsf) -> dict[str, Profile]:
    """Return, for x, y and z, way (nm), light over the fitted peak, and the width (nm).

    Widths are the median as recorded: with the beads' size and, laterally, the camera's pixel.
    """
    order = np.argsort(channel.beads.peak)[::-1][:BRIGHTEST]
    widths = _along_axes(channel.beads)
    out: dict[str, Profile] = {}
    for name, axis in (("x", 2), ("y", 1), ("z", 0)):
        lines = [_line(psf, channel, int(bead), axis, widths) for bead in order]
        way, light = (np.concatenate(values) for values in zip(*lines, strict=True))
        out[name] = 1e3 * way, light, 1e3 * float(widths[axis])
    return out


def _along_axes(beads: Beads) -> Float64:
    """Return the median width along z, y and x, µm, from wider and narrower width and angle."""
    axial, wide, narrow = beads.fwhm_um.T
    turn = np.deg2rad(beads.angle)
    c, s = np.cos(turn) ** 2, np.sin(turn) ** 2
    # of the section through the centre, as the line runs: precisions add, not variances
    y = 1.0 / np.sqrt(s / wide**2 + c / narrow**2)
    x = 1.0 / np.sqrt(c / wide**2 + s / narrow**2)
    out: Float64 = np.median(np.stack([axial, y, x]), axis=1)
    return out


def _line(
    psf: Psf, channel: ChannelPsf, bead: int, axis: int, widths: Float64
) -> tuple[Float64, Float64]:
    """Return way (µm) and light of the voxels in one line through the voxel nearest a bead."""
    stack = psf.stacks[int(channel.recording[bead])]
    planes = stack.data[stack.channels.index(channel.name)]
    beads, voxel = channel.beads, np.asarray(stack.grid.voxel_um)
    exact = _voxels(beads.place_um[bead], stack.grid)
    nearest = np.clip(np.rint(exact), 0, np.array(planes.shape) - 1).astype(np.int64)
    light = _voxel_line(planes, nearest, axis) - stack.offset - beads.background[bead]
    # the line misses the centre by less than a voxel: brought back to it
    missed = (nearest - exact) * voxel * FWHM / widths
    missed[axis] = 0.0
    light = light / beads.peak[bead] * np.exp(0.5 * float((missed**2).sum()))
    way: Float64 = (np.arange(planes.shape[axis]) - exact[axis]) * voxel[axis]
    near = np.abs(way) < REACH * widths[axis]
    return way[near], light[near]


def _voxels(place_um: Float64, grid: Grid) -> Float64:
    """Return a place in voxels of the image."""
    middle = np.array([0.0, (grid.shape[1] - 1) / 2, (grid.shape[2] - 1) / 2])
    out: Float64 = place_um / np.asarray(grid.voxel_um) + middle
    return out


def _voxel_line(planes: UInt16, at: npt.NDArray[np.int64], axis: int) -> Float64:
    where: list[slice | int] = [int(value) for value in at]
    where[axis] = slice(None)
    return planes[tuple(where)].astype(np.float64)
