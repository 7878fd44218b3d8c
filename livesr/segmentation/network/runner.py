"""The network in the precision of a device, from features to bytes in a given buffer."""

# mypy: disallow-subclassing-any=False
# (PyTorch is optional, so mypy takes its classes as Any)

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import conv3d

from livesr.segmentation.network.heads import PACKED, probabilities
from livesr.segmentation.network.loading import folded_network_of
from livesr.segmentation.network.unet import depth_to_space
from livesr.segmentation.package import positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.segmentation.network.unet import AttentionUNet
    from livesr.segmentation.package import Package


class Runner(nn.Module):
    """A package's network without its last layer, and the rows of that layer that are asked for.

    Parameters
    ----------
    package : Package
    structures : sequence of str
        Outputs, in the order that they are given. Those that compete (softmax) are computed with
        all that they compete with.
    dtype : torch.dtype
    device : str
    planes : int, optional
        Planes whose probabilities are computed at once, to save memory; all if not given.
    """

    def __init__(
        self,
        package: Package,
        structures: Sequence[str],
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        planes: int | None = None,
    ) -> None:
        super().__init__()
        self.heads = package.about.heads
        self.planes = planes
        network = folded_network_of(package)
        kernel, bias = network.final.weight.detach(), network.final.bias.detach()
        network.final = nn.Identity()
        if dtype == torch.bfloat16:
            _see_parts(network)
        keep = positions(package, structures).values()
        rows: Tensor | None = torch.cat([torch.arange(PACKED * k, PACKED * (k + 1)) for k in keep])
        if all(head.activation == "sigmoid" for head in self.heads):
            kernel, bias, rows = kernel[rows], bias[rows], None
        self.network = network
        self.register_buffer("kernel", kernel)
        self.register_buffer("bias", bias)
        self.to(device, dtype, memory_format=torch.channels_last_3d)
        self.register_buffer("rows", None if rows is None else rows.to(device))
        self.dtype = dtype
        self.eval()

    def forward(self, features: Tensor, out: Tensor) -> Tensor:
        """Write probabilities, times 255, into ``out``; return whether all logits are numbers.

        Parameters
        ----------
        features : Tensor, (n, C, z, y, x), float32
        out : Tensor, (n, K, z, y, x), uint8

        Returns
        -------
        Tensor, (), bool
            False if half precision was not enough.
        """
        hidden = self.network(self._seen(features))
        depth = hidden.shape[2]
        step = self.planes or depth
        finite = torch.ones((), dtype=torch.bool, device=hidden.device)
        for z in range(0, depth, step):
            logits = conv3d(hidden[:, :, z : z + step], self.kernel, self.bias).float()
            finite &= torch.isfinite(logits).all()
            p = probabilities(logits, self.heads)
            if self.rows is not None:
                p = p[:, self.rows]
            out[:, :, z : z + step] = depth_to_space(p.mul_(255).round_().to(torch.uint8))
        return finite

    def _seen(self, features: Tensor) -> Tensor:
        """Return the features in the network's precision; of bf16 also what rounding leaves over.

        `livesr.segmentation.engines.split_features` says why.
        """
        first = features.to(self.dtype)
        if self.dtype != torch.bfloat16:
            return first
        return torch.cat([first, (features - first).to(self.dtype)], 1)


def _see_parts(network: AttentionUNet) -> None:
    """Give the kernels that look at the features their channels a second time."""
    packed = network.arch.inputs * PACKED
    for layer in (network.down[0][0], network.head[0]):
        kernel = layer.weight.detach()
        layer.weight = nn.Parameter(torch.cat([kernel, kernel[:, -packed:]], 1))
