"""`livesr.segmentation.windows.predict` on a device."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from torch.nn.functional import pad

from livesr.segmentation.windows import MAX_VOXELS, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def predict(
    network: Callable[[Tensor], Tensor],
    features: Tensor,
    *,
    multiple: tuple[int, int, int],
    halo: tuple[int, int, int],
    max_voxels: int = MAX_VOXELS,
) -> Tensor:
    """Return what the network gives for the whole field.

    Parameters
    ----------
    network : callable
        Takes (1, c, z, y, x) float32 and returns (1, outputs, z, y, x) uint8.
    features : Tensor, (c, z, y, x), float32
    multiple, halo, max_voxels
        As in `livesr.segmentation.windows.predict`.

    Returns
    -------
    Tensor, (outputs, z, y, x), uint8
        Of one window it belongs to the network and holds until its next call.
    """
    shape = features.shape[1:]
    z, y, x = plan((shape[0], shape[1], shape[2]), multiple, halo, max_voxels)
    whole = _padded(features[None], (z.padded, y.padded, x.padded))
    if z.count == y.count == x.count == 1:
        return network(whole)[0, :, : shape[0], : shape[1], : shape[2]]
    out = None
    for iz, iy, ix in product(z.spans(), y.spans(), x.spans()):
        result = network(whole[:, :, iz.seen, iy.seen, ix.seen].contiguous())[0]
        if out is None:
            out = result.new_empty((len(result), *shape))
        out[:, iz.kept, iy.kept, ix.kept] = result[:, iz.inner, iy.inner, ix.inner]
    assert out is not None  # noqa: S101 - there is a window at least
    return out


def _padded(features: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Return ``features`` with its outermost voxels repeated at the ends of z, y and x."""
    room = [n - m for n, m in zip(shape, features.shape[2:], strict=True)]
    if not any(room):
        return features
    return pad(features, (0, room[2], 0, room[1], 0, room[0]), mode="replicate")
