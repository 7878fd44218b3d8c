"""The loss of all-sigmoid networks in two passes over memory instead of thirty.

On a CPU the plain form (`livesr.training.learning.loss`) costs more than the network itself: sixty
packed channels a voxel. The first pass turns logits into probabilities and gathers every sum, the
second turns probabilities into the gradient, both in place. A test holds it to the plain form.
"""

# mypy: disallow-subclassing-any=False
# (PyTorch is optional, so mypy takes its classes as Any)

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
import torch
from torch import Tensor

from livesr.segmentation.network.unet import STRIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.autograd.function import FunctionCtx

    from livesr.types import Float32, Float64, UInt8

Weights = tuple["Sequence[float]", "Sequence[float]"]
PACKED = STRIDE**2
CHUNKS = 256
"""Pieces that sums are gathered in: enough for any number of threads, and one order of adding."""
# Threads of a pool other than PyTorch's OpenMP would fight with it for the same cores.
numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]


@numba.njit(parallel=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def _gather(x: Float32, target: UInt8, positive: Float32, sums: Float64) -> None:
    """Turn logits (voxels, channels) into probabilities; sums (chunks, 4, channels)."""
    chunks, channels = sums.shape[0], x.shape[1]
    size = (x.shape[0] + chunks - 1) // chunks
    for chunk in numba.prange(chunks):
        own = np.zeros((4, channels), np.float32)
        for v in range(chunk * size, min((chunk + 1) * size, x.shape[0])):
            for c in range(channels):
                logit, t = x[v, c], np.float32(target[v, c]) * np.float32(1 / 255)
                e = np.exp(-abs(logit))
                small = e / (np.float32(1) + e)
                p = np.float32(1) - small if logit > 0 else small
                x[v, c] = p
                # -log(p) = log(1 + e) + max(-logit, 0), and -log(1 - p) is that plus the logit
                present = np.log(np.float32(1) + e) + max(-logit, np.float32(0))
                absent = present + logit
                own[0, c] += positive[c] * t * present + (np.float32(1) - t) * absent
                own[1, c] += p * t
                own[2, c] += p * p
                own[3, c] += t * t
        sums[chunk] = own


@numba.njit(parallel=True, fastmath=True, cache=True)  # type: ignore[untyped-decorator]
def _differentiate(
    p: Float32,
    target: UInt8,
    positive: Float32,
    entropy: Float32,
    overlap: Float32,
    square: Float32,
) -> None:
    """Turn probabilities into the gradient, by the channels' four coefficients."""
    for v in numba.prange(p.shape[0]):
        for c in range(p.shape[1]):
            q, t = p[v, c], np.float32(target[v, c]) * np.float32(1 / 255)
            slope = (overlap[c] * t + square[c] * q) * (q * (np.float32(1) - q))
            crossed = (np.float32(1) - t) * q - positive[c] * t * (np.float32(1) - q)
            p[v, c] = entropy[c] * crossed + slope


class _FusedLoss(torch.autograd.Function):
    """Computes value and gradient together; backward only hands the gradient on."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        logits: Tensor,
        target: Tensor,
        weights: Weights,
        dice: float,
        least: float,
    ) -> Tensor:
        rows = logits.detach().float().permute(0, 2, 3, 4, 1).contiguous()
        wanted = target.permute(0, 2, 3, 4, 1).contiguous()
        channels = rows.shape[-1]
        x, t = rows.reshape(-1, channels).numpy(), wanted.reshape(-1, channels).numpy()
        value = _in_place(x, t, weights, dice, least)
        ctx.gradient = rows.permute(0, 4, 1, 2, 3).to(logits.dtype)
        return logits.new_tensor(value, dtype=torch.float32)

    @staticmethod
    def backward(ctx: FunctionCtx, upstream: Tensor) -> tuple[Tensor, None, None, None, None]:
        return ctx.gradient * upstream.to(ctx.gradient.dtype), None, None, None, None


def _in_place(x: Float32, target: UInt8, weights: Weights, dice: float, least: float) -> float:
    """Turn logits (voxels, channels) into the loss's gradient and return the loss."""
    voxels, channels = x.shape
    outputs = channels // PACKED
    sums = np.zeros((CHUNKS, 4, channels))
    factor, positive = weights
    own = np.repeat(np.asarray(positive, np.float32), PACKED)
    _gather(x, target, own, sums)
    entropy, overlap, square, truth = sums.sum(0).reshape(4, outputs, PACKED).sum(-1)
    above, below = 2 * overlap + least, square + truth + least
    each = np.asarray(factor) / (voxels * PACKED * outputs)
    coefficients = (each, -2 * dice / outputs / below, 2 * dice / outputs * above / below**2)
    _differentiate(x, target, own, *(np.repeat(c, PACKED).astype(np.float32) for c in coefficients))
    return float(entropy @ each + dice * (1 - above / below).mean())


def fused_loss(
    logits: Tensor, target: Tensor, weights: Weights, dice: float, least: float
) -> Tensor:
    """Return weighted cross entropy plus ``dice`` times the Dice loss.

    Parameters
    ----------
    logits : Tensor, (n, 4·outputs, z, y, x), float32 or bfloat16, on the CPU
    target : Tensor, the same shape, uint8
        Coverage, 0 to 255.
    weights : tuple of two sequences of float
        Of each output's cross entropy, and of its own voxels in it.
    dice : float
    least : float
        Voxels added to both sides of the Dice quotient.
    """
    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
    loss: Tensor = _FusedLoss.apply(logits, target, weights, dice, least)
    return loss
