"""`livesr.calibration.warp.Warp` on a device: y and x of each plane as it comes, z at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from livesr.calibration.warp import shift_voxels

if TYPE_CHECKING:
    from torch import Tensor

    from livesr.calibration.camera.correction import Correction
    from livesr.calibration.warp import ChannelMap, Warp
    from livesr.types import ChannelOffset, Grid


class _DeviceMap:
    """The map of one channel: the four pixels around each target pixel, and their weights."""

    def __init__(self, m: ChannelMap, source: Grid, device: torch.device) -> None:
        self._source = source
        self._y, self._x = (torch.from_numpy(at).to(device) for at in (m.y, m.x))
        self._dz = None if m.dz_planes is None else torch.from_numpy(m.dz_planes).to(device)
        self.z = [float(np.float32(z)) for z in m.z_planes]
        self.shift((0, 0, 0))

    def shift(self, nm: tuple[int, int, int]) -> None:
        """Move the channel by (dz, dy, dx), with the numbers that `ChannelMap.shifted` has."""
        dz, dy, dx = shift_voxels(nm, self._source)
        y, x = self._y + dy, self._x + dx
        rows, columns = (
            [(at.floor() + i).clamp_(0, n - 1).to(torch.int32) for i in (0, 1)]
            for at, n in zip((y, x), self._source.shape[1:], strict=True)
        )
        width = self._source.shape[2]
        self.corners = torch.stack(
            [row * width + column for row in rows for column in columns]
        ).view(-1)
        self.fy, self.fx = y - y.floor(), x - x.floor()
        self.dz = self._dz
        if dz:
            self.dz = torch.full_like(y, dz) if self._dz is None else self._dz + dz


class _DeviceCorrection:
    """`Correction.plane` of one channel: the same numbers in the same order."""

    def __init__(self, correction: Correction, c: int, device: torch.device) -> None:
        hot = correction.hot[c]
        self._factor, self._term, self._at, self._around = (
            torch.from_numpy(part).to(device)
            for part in (
                correction.factor[c].ravel(), correction.term[c].ravel(), hot.at, hot.around.ravel()
            )
        )  # fmt: skip

    def apply(self, flat: Tensor) -> Tensor:
        """Correct a plane's counts, (y·x,) float32, in place."""
        flat.mul_(self._factor).add_(self._term).clamp_(0, 65535).add_(0.5).floor_()
        if len(self._at):
            around = flat.index_select(0, self._around).view(len(self._at), -1)
            # whole numbers, exact in single precision
            flat[self._at.long()] = around.sum(1).add_(2).mul_(0.25).floor_()
        return flat


class DeviceWarp:
    """Registers and resamples planes that lie on a device.

    Parameters
    ----------
    warp : Warp
        Whose maps are used.
    channels : int
        Channels of a stack.
    offset : float
        Camera counts without light.
    device : torch.device
    """

    def __init__(self, warp: Warp, channels: int, offset: float, device: torch.device) -> None:
        self._maps = [_DeviceMap(warp.channel(c), warp.source, device) for c in range(channels)]
        correction = warp.correction
        self._corrections = (
            []
            if correction is None
            else [_DeviceCorrection(correction, c, device) for c in range(channels)]
        )
        self._offset = float(np.float32(offset))
        self._target = warp.target.shape

    def shift(self, offset: ChannelOffset) -> None:
        """Move the channels by an offset from their calibrated places."""
        for c, m in enumerate(self._maps):
            m.shift(offset.get(c, (0, 0, 0)))

    def move(self, c: int, plane: Tensor, out: Tensor) -> None:
        """Correct one plane and resample it along y and x.

        Parameters
        ----------
        c : int
            Channel.
        plane : Tensor, (y, x), uint16
        out : Tensor, (y', x'), float32
            Whole counts, as the processor's way rounds them.
        """
        m = self._maps[c]
        flat = plane.to(torch.float32).view(-1)
        if self._corrections:
            flat = self._corrections[c].apply(flat)
        left_right = flat.index_select(0, m.corners).view(2, 2, *out.shape)
        left, right = left_right[:, 0], left_right[:, 1]
        upper, lower = torch.addcmul(left, right - left, m.fx)
        torch.round(torch.addcmul(upper, lower - upper, m.fy), out=out)

    def registered(self, moved: Tensor) -> Tensor:
        """Return counts above offset on the networks' grid, (c, z', y', x'), float32.

        Parameters
        ----------
        moved : Tensor, (c, z, y', x'), float32
            All planes, as `move` gives them; left as it is.
        """
        out = moved.new_empty((len(moved), *self._target))
        for planes, m, target in zip(moved, self._maps, out, strict=True):
            if m.dz is None:
                torch.sub(planes, self._offset, out=target)
            else:
                self._interpolate(planes, m.z, m.dz, target)
        return out

    def _interpolate(self, planes: Tensor, z: list[float], dz: Tensor, out: Tensor) -> None:
        """Sample ``planes`` (z, y, x) linearly at plane ``z[k] + dz[y, x]`` into ``out``."""
        last = len(planes) - 1
        for start, target in zip(z, out, strict=True):
            at = (dz + start).clamp_(0, last)
            below = at.to(torch.int64).clamp_(max=last - 1)
            low, high = (planes.gather(0, k[None])[0] for k in (below, below + 1))
            weight = at - below
            torch.sub(low + weight * (high - low), self._offset, out=target)
