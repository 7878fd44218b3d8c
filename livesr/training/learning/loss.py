"""Class-weighted cross entropy and soft Dice on packed logits.

Weights multiply a structure's whole cross entropy, so that probabilities stay what they say and a
voxel half covered gets 0.5; only where certainty is rare its own voxels weigh more, as the paper's
do. What rare structures lack in voxels the Dice term gives back, in the form
2·Σpt / (Σp² + Σt²) whose best is at p = t for targets between 0 and 1 too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

from livesr.segmentation.network.heads import PACKED, competing, probabilities, spans
from livesr.training.learning.fused import fused_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.training.plan import Head, LossPlan

ABSENT = -30.0
"""A logit that says: surely not."""
LEAST_VOXELS = 4.0
"""Smooths the Dice of a structure that a patch hardly shows."""


def loss(
    logits: Tensor,
    target: Tensor,
    heads: Sequence[Head],
    plan: LossPlan,
    known: Tensor | None = None,
) -> Tensor:
    """Return the mean loss of all structures.

    Parameters
    ----------
    logits : Tensor, (n, 4·outputs, z, y, x)
    target : Tensor, the same shape, uint8
        Coverage, 0 to 255.
    heads : sequence of Head
    plan : LossPlan
    known : Tensor, (n, outputs), bool, optional
        Which structures a patch has labels for; the others neither count nor teach. A head of
        competing outputs counts only where all of them are known.
    """
    if known is not None and not bool(known.all()):
        logits, target = _only_known(logits, target, _whole_heads(known, heads))
    if target.dtype != torch.uint8:
        raise TypeError(f"the target is coverage from 0 to 255, uint8, not {target.dtype}")
    if logits.device.type == "cpu" and all(head.activation == "sigmoid" for head in heads):
        names = [name for head in heads for name in head.structures]
        weights = [plan.factor(name) for name in names], [plan.own(name) for name in names]
        return fused_loss(logits, target, weights, plan.dice, LEAST_VOXELS)
    return plain_loss(logits, target, heads, plan)


def _whole_heads(known: Tensor, heads: Sequence[Head]) -> Tensor:
    """Return ``known``, where outputs that compete are known together or not at all."""
    known = known.clone()
    start = 0
    for head in heads:
        stop = start + len(head.structures)
        if head.activation == "softmax":
            known[:, start:stop] = known[:, start:stop].all(1, keepdim=True)
        start = stop
    return known


def _only_known(logits: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits and target where what is unknown agrees: no loss, and no gradient."""
    packed = known.repeat_interleave(PACKED, 1)[:, :, None, None, None].to(logits.device)
    return logits.masked_fill(~packed, ABSENT), target.masked_fill(~packed, 0)


def plain_loss(logits: Tensor, target: Tensor, heads: Sequence[Head], plan: LossPlan) -> Tensor:
    """Return what `loss` does, written down as it is meant, for any heads and device."""
    logits, wanted = logits.float(), target.float() / 255.0
    entropy = [_entropy(logits[:, at], wanted[:, at], head, plan) for head, at in spans(heads)]
    outputs = logits.shape[1] // PACKED
    dice = _dice_loss(probabilities(logits, heads), wanted)
    return torch.stack(entropy).sum() / outputs + plan.dice * dice


def _entropy(logits: Tensor, target: Tensor, head: Head, plan: LossPlan) -> Tensor:
    """Return the sum over a head's structures of their mean cross entropy, weighted."""
    weights = logits.new_tensor([plan.factor(name) for name in head.structures])
    if head.activation == "sigmoid":
        own = logits.new_tensor([plan.own(name) for name in head.structures])
        per_output = binary_cross_entropy_with_logits(
            logits,
            target,
            pos_weight=own.repeat_interleave(PACKED)[:, None, None, None],
            reduction="none",
        )
        return (per_output.mean((0, 2, 3, 4)).reshape(-1, PACKED).mean(1) * weights).sum()
    n, _, *rest = target.shape
    wanted = target.reshape(n, len(head.structures), PACKED, *rest)
    # Structures may overlap in the truth; competing outputs share what they cover together.
    wanted = wanted / wanted.sum(1, keepdim=True).clamp(min=1.0)
    if head.background:
        wanted = torch.cat([wanted, 1.0 - wanted.sum(1, keepdim=True)], 1)
        weights = torch.cat([weights, weights.new_ones(1)])
    logarithms = log_softmax(competing(logits, head), 1)
    return -((wanted * logarithms).mean((0, 2, 3, 4, 5)) * weights).sum()


def _dice_loss(p: Tensor, target: Tensor) -> Tensor:
    def total(product: Tensor) -> Tensor:
        return product.sum((0, 2, 3, 4)).reshape(-1, PACKED).sum(1)

    overlap = 2 * total(p * target) + LEAST_VOXELS
    return (1.0 - overlap / (total(p * p) + total(target * target) + LEAST_VOXELS)).mean()
