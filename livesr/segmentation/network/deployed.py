"""The network as engines run it: batch normalisation folded, kernels rounded to half precision."""

# mypy: disallow-subclassing-any=False
# (PyTorch is optional, so mypy takes its classes as Any)

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from livesr.errors import ModelError
from livesr.segmentation.network.heads import probabilities
from livesr.segmentation.network.unet import depth_to_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.segmentation.network.heads import Head
    from livesr.segmentation.network.unet import AttentionUNet


class Deployed(nn.Module):
    """Network, activation and rounding; unpacks only after probabilities are bytes."""

    def __init__(self, network: AttentionUNet, heads: Sequence[Head]) -> None:
        super().__init__()
        self.network = network
        self.heads = heads

    def forward(self, features: Tensor) -> Tensor:
        """Return probabilities as uint8, one output a structure."""
        p = probabilities(self.network(features), self.heads)
        return depth_to_space(torch.round(p * 255.0).to(torch.uint8))


def deploy(network: AttentionUNet, heads: Sequence[Head]) -> Deployed:
    """Return a copy as it is exported: folded, its kernels rounded to half precision.

    Raises
    ------
    ModelError
        If a weight is no number, or too large for half precision.
    """
    folded = fold_norm(copy.deepcopy(network).float().cpu().eval())
    for name, values in folded.state_dict().items():
        if values.is_floating_point():
            values.copy_(rounded(name, values))
    deployed = Deployed(folded, heads)
    deployed.eval()
    return deployed


def rounded(name: str, values: Tensor) -> Tensor:
    """Return kernels rounded to half precision, vectors (biases, statistics) as they are.

    Raises
    ------
    ModelError
        If a weight is no number, or too large for half precision.
    """
    stored = values.half().to(values.dtype) if values.dim() > 1 else values
    if not torch.isfinite(stored).all():
        broken = int((~torch.isfinite(stored)).sum())
        raise ModelError(
            f"{broken} of {stored.numel():,} weights of {name} are not finite in half precision",
            where="training",
            fix="train again from an earlier checkpoint, with a lower learning rate",
        )
    return stored


def fold_norm(network: AttentionUNet) -> AttentionUNet:
    """Fold every batch normalisation into the convolution before it, in place."""
    for block in network.modules():
        if not isinstance(block, nn.Sequential):
            continue
        for i, layer in enumerate(list(block)[:-1]):
            if isinstance(layer, nn.Conv3d) and isinstance(block[i + 1], nn.BatchNorm3d):
                block[i] = fuse_conv_bn_eval(layer, block[i + 1])
                block[i + 1] = nn.Identity()
    return network
