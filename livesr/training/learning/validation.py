"""What a network in training is worth: its average, its norm statistics, its validation scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from livesr.analysis.scores import Thresholds
from livesr.segmentation.network.heads import PACKED, probabilities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from livesr.segmentation.network.unet import AttentionUNet
    from livesr.training.learning.batches import Batch
    from livesr.training.plan import Recipe

NORM_BATCHES = 40
"""Batches from which batch normalisation's statistics are estimated anew."""
HALF = 128
"""Coverage, of 255, from which a voxel counts as inside."""


def autocast(device: str, *, on: bool) -> torch.autocast:
    """Return a context that computes in bfloat16 if it is on."""
    return torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=on)


def follow(average: AttentionUNet, network: AttentionUNet, decay: float) -> None:
    """Move ``average``'s weights towards the network's; take its buffers as they are."""
    with torch.no_grad():
        ours, theirs = list(average.parameters()), list(network.parameters())
        torch._foreach_lerp_(ours, theirs, 1.0 - decay)
        for mine, other in zip(average.buffers(), network.buffers(), strict=True):
            mine.copy_(other)


def estimate_norm(network: AttentionUNet, source: Iterable[Batch], recipe: Recipe) -> None:
    """Estimate batch normalisation's statistics anew, as plain means over batches.

    Running statistics lag behind the weights, by enough to ruin a network that trains well.
    """
    layers = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    usual = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    batches_left = iter(source)
    with torch.no_grad():
        for _ in range(NORM_BATCHES):
            _logits(network, next(batches_left).features, recipe)
    for layer, momentum in zip(layers, usual, strict=True):
        layer.momentum = momentum


def validate(network: AttentionUNet, data: list[Batch], recipe: Recipe) -> dict[str, float]:
    """Return F1 of each structure at its best threshold, pooled, on the networks' grid.

    At the best, because thresholds are chosen after training and rare structures stay far below
    one half for long. Structures that no validation patch has labels for are left out.
    """
    names = recipe.network.structures
    pooled = {name: Thresholds([name], 0.0, 1.0, bins=100) for name in names}
    labelled = torch.stack([batch.known.any(0) for batch in data]).any(0).tolist()
    for batch in data:
        p = predict(network, batch.features, recipe)
        for k, name in enumerate(names):
            if batch.known[:, k].all():
                own = slice(k * PACKED, (k + 1) * PACKED)
                truth = (batch.target[:, own] >= HALF).numpy()
                pooled[name].update(p[:, own].numpy(), {name: truth})
    return {
        name: pooled[name].best(name)[0] for name, seen in zip(names, labelled, strict=True) if seen
    }


def predict(network: AttentionUNet, features: Tensor, recipe: Recipe) -> Tensor:
    """Return packed probabilities, float32, on the CPU."""
    with torch.no_grad():
        logits = _logits(network, features, recipe)
        return probabilities(logits.float(), recipe.network.heads).cpu()


def _logits(network: AttentionUNet, features: Tensor, recipe: Recipe) -> Tensor:
    device = next(network.parameters()).device
    with autocast(device.type, on=recipe.schedule.bf16):
        logits: Tensor = network(features.to(device, memory_format=torch.channels_last_3d))
        return logits
