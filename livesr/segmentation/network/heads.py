"""Heads on packed logits: which channels are whose, and the probabilities that they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import softmax

from livesr.segmentation.network.unet import STRIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.catalog import Activation


class Head(Protocol):
    """One of the paper's networks within another: its outputs and how they compete."""

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the outputs."""
        ...

    @property
    def activation(self) -> Activation:
        """Softmax outputs exclude each other."""
        ...

    @property
    def background(self) -> bool:
        """Whether softmax outputs compete with a class "none of these", whose logit is 0."""
        ...


AnyHead = TypeVar("AnyHead", bound=Head)
PACKED = STRIDE**2
"""Channels of one structure: a coarse voxel holds so many fine ones."""


def spans(heads: Sequence[AnyHead]) -> Iterator[tuple[AnyHead, slice]]:
    """Yield each head with its packed channels."""
    start = 0
    for head in heads:
        stop = start + PACKED * len(head.structures)
        yield head, slice(start, stop)
        start = stop


def probabilities(logits: Tensor, heads: Sequence[Head]) -> Tensor:
    """Return packed probabilities (n, 4·outputs, z, y, x) of packed logits."""
    if all(head.activation == "sigmoid" for head in heads):
        return torch.sigmoid(logits)
    parts = [
        torch.sigmoid(logits[:, at])
        if head.activation == "sigmoid"
        else softmax(competing(logits[:, at], head), 1)[:, : len(head.structures)].flatten(1, 2)
        for head, at in spans(heads)
    ]
    return torch.cat(parts, 1)


def competing(logits: Tensor, head: Head) -> Tensor:
    """Return logits as (n, classes, 4, z, y, x), the background's last if the head has one."""
    n, _, *rest = logits.shape
    classes = logits.reshape(n, len(head.structures), PACKED, *rest)
    if head.background:
        classes = torch.cat([classes, torch.zeros_like(classes[:, :1])], 1)
    return classes
