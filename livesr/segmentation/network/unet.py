"""The network: an attention U-Net that halves y and x inside itself, with any number of outputs.

After the paper's architecture (attention U-Net, additive grid gates after Oktay et al. 2018,
arXiv:1804.03999): the gating signal is the decoder's coarser feature, and the top skip is not
gated. Ours are: four levels, the widths, batch normalisation (it folds into the convolutions),
upsampling by interpolation, and space to depth in y and x at the input (0.1 µm voxels become
four channels at 0.2 µm) undone by depth to space at the output, which costs a quarter of the
arithmetic and keeps sub-voxel borders because every fine voxel has an output of its own.
"""

# mypy: disallow-subclassing-any=False
# (PyTorch is optional, so mypy takes its classes as Any)

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

Dims = Literal["2d", "3d"]
STRIDE = 2
"""How far space to depth shrinks y and x."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a network looks like.

    Attributes
    ----------
    dims : {"3d", "2d"}
        "2d" sees each plane alone, through the same (n, inputs, z, y, x) interface.
    widths : tuple of int
        Channels of each level, finest first.
    outputs : int
        Number of structures.
    head : int
        Channels of the layer before the outputs.
    inputs : int
        Number of images: intensity and ratio, or one colocalisation channel.
    """

    dims: Dims
    widths: tuple[int, ...]
    outputs: int
    head: int = 64
    inputs: int = 2

    @property
    def pool(self) -> tuple[int, int, int]:
        """Shrinkage along (z, y, x) from one level to the next."""
        return (2, 2, 2) if self.dims == "3d" else (1, 2, 2)

    @property
    def multiple(self) -> tuple[int, int, int]:
        """What z, y and x of an input must be multiples of."""
        depth = len(self.widths) - 1
        return (
            self.pool[0] ** depth,
            STRIDE * self.pool[1] ** depth,
            STRIDE * self.pool[2] ** depth,
        )


def space_to_depth(x: Tensor) -> Tensor:
    """Return (n, 4c, z, y/2, x/2): channel c·4 + 2i + j holds pixel (i, j) of each 2x2 square."""
    quarters = [x[..., i::STRIDE, j::STRIDE] for i in range(STRIDE) for j in range(STRIDE)]
    return torch.stack(quarters, 2).flatten(1, 2)


def depth_to_space(x: Tensor) -> Tensor:
    """Return (n, c/4, z, 2y, 2x): `space_to_depth` undone."""
    n, c, z, h, w = x.shape
    k = c // STRIDE**2
    x = x.reshape(n, k, STRIDE, STRIDE, z, h, w).permute(0, 1, 4, 5, 2, 6, 3)
    return x.reshape(n, k, z, h * STRIDE, w * STRIDE)


def _kernel(dims: Dims) -> tuple[int, int, int]:
    return (3, 3, 3) if dims == "3d" else (1, 3, 3)


class ConvBlock(nn.Sequential):
    """Twice: convolution of 3, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, dims: Dims, momentum: float = 0.03) -> None:
        kernel = _kernel(dims)
        padding = tuple(k // 2 for k in kernel)
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [
                nn.Conv3d(channels, outputs, kernel, padding=padding, bias=False),
                nn.BatchNorm3d(outputs, momentum=momentum),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class GridGate(nn.Module):
    """Additive attention: what of a skip to let through, told by the coarser decoder feature."""

    def __init__(self, skip: int, gating: int, pool: tuple[int, int, int]) -> None:
        super().__init__()
        self.pool = pool
        self.theta = nn.Conv3d(skip, skip, pool, stride=pool, bias=False)
        self.phi = nn.Conv3d(gating, skip, 1)
        self.psi = nn.Conv3d(skip, 1, 1)
        self.out = nn.Sequential(
            nn.Conv3d(skip, skip, 1, bias=False), nn.BatchNorm3d(skip, momentum=0.03)
        )

    def forward(self, skip: Tensor, gating: Tensor) -> Tensor:
        """Return the skip, weighted; ``gating`` lies on the next coarser grid."""
        coefficient = torch.sigmoid(self.psi(torch.relu(self.theta(skip) + self.phi(gating))))
        scale = tuple(float(p) for p in self.pool)
        return self.out(skip * interpolate(coefficient, scale_factor=scale, mode="trilinear"))


class UpBlock(nn.Module):
    """One step up: reduce channels, interpolate, join the skip, convolve."""

    def __init__(self, coarse: int, fine: int, arch: Architecture, *, gated: bool) -> None:
        super().__init__()
        self.scale = tuple(float(p) for p in arch.pool)
        self.gate = GridGate(fine, coarse, arch.pool) if gated else None
        self.reduce = nn.Conv3d(coarse, fine, 1)
        self.conv = ConvBlock(2 * fine, fine, arch.dims)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return the feature on the skip's grid."""
        if self.gate is not None:
            skip = self.gate(skip, x)
        up = interpolate(self.reduce(x), scale_factor=self.scale, mode="nearest")
        return self.conv(torch.cat([skip, up], 1))


class AttentionUNet(nn.Module):
    """Features (n, inputs, z, y, x) to packed logits (n, 4·outputs, z, y/2, x/2).

    Logits stay packed (see `depth_to_space`), so that activation and rounding run on contiguous
    channels before they are unpacked.
    """

    def __init__(self, arch: Architecture, *, final_bias: float = -1.5) -> None:
        super().__init__()
        self.arch = arch
        packed = STRIDE**2
        widths = arch.widths
        self.down = nn.ModuleList(
            ConvBlock(before, after, arch.dims)
            for before, after in zip((arch.inputs * packed, *widths[:-1]), widths, strict=True)
        )
        self.pool = nn.MaxPool3d(arch.pool)
        self.up = nn.ModuleList(
            UpBlock(coarse, fine, arch, gated=level > 0)
            for level, (fine, coarse) in enumerate(pairwise(widths))
        )
        # Four outputs a structure do not fit through the finest level's few channels: the head
        # sees the four fine voxels and the finest skip as well.
        seen = 2 * widths[0] + arch.inputs * packed
        self.head = nn.Sequential(nn.Conv3d(seen, arch.head, 1), nn.ReLU(inplace=True))
        self.final = nn.Conv3d(arch.head, packed * arch.outputs, 1)
        # A negative bias starts rare structures as absent and keeps them from collapsing.
        nn.init.constant_(self.final.bias, final_bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return packed logits."""
        fine = x = space_to_depth(features)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(self.pool(x) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](x, skips[level])
        return self.final(self.head(torch.cat([x, skips[0], fine], 1)))


def parameters(network: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(p.numel() for p in network.parameters())
