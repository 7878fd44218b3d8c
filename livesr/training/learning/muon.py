"""Muon: momentum whose matrix is made orthogonal before each step, for the convolutions.

After Keller Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon): every direction that
a layer can move in is given the same length, which in few steps teaches rare structures that
Adam's per-weight scale leaves behind. PyTorch's own takes matrices only; kernels are seen here as
(outputs, inputs times taps). What is no matrix, and the last layer, goes by Adam.
"""

# mypy: disallow-subclassing-any=False
# (PyTorch is optional, so mypy takes its classes as Any)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration, after Jordan."""
ITERATIONS = 5
MOMENTUM = 0.95
ADAM_SHARE = 0.1
"""Learning rate of the parameters that go by Adam, as a share of Muon's."""


class Muon(torch.optim.Optimizer):
    """Muon for matrices of convolutions, Adam for everything else.

    Parameters
    ----------
    matrices, others : iterable of Parameter
    lr : float
        Of the matrices; 0.02 is usual.
    """

    def __init__(self, matrices: Iterable[Tensor], others: Iterable[Tensor], lr: float) -> None:
        groups = [
            {"params": list(matrices), "orthogonal": True},
            {"params": list(others), "orthogonal": False},
        ]
        super().__init__(groups, {"lr": lr, "betas": (0.9, 0.999), "eps": 1e-8})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: None = None) -> None:  # noqa: ARG002 (PyTorch's signature)
        """Take a step along the gradients."""
        for group in self.param_groups:
            move = self._orthogonal if group["orthogonal"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    move(parameter, group)

    def _orthogonal(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 1 - MOMENTUM)
        ahead = parameter.grad.lerp(state["momentum"], MOMENTUM)
        step = orthogonal(ahead.flatten(1))
        scale = max(1.0, step.shape[0] / step.shape[1]) ** 0.5
        parameter.add_(step.view_as(parameter), alpha=-group["lr"] * scale)

    def _adam(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        state["step"] += 1
        first, second = group["betas"]
        state["mean"].lerp_(parameter.grad, 1 - first)
        state["square"].lerp_(parameter.grad.square(), 1 - second)
        mean = state["mean"] / (1 - first ** state["step"])
        deviation = (state["square"] / (1 - second ** state["step"])).sqrt_().add_(group["eps"])
        parameter.addcdiv_(mean, deviation, value=-group["lr"] * ADAM_SHARE)


def orthogonal(matrix: Tensor) -> Tensor:
    """Return the nearest matrix of orthonormal rows or columns, nearly: by Newton and Schulz."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


def muon(network: nn.Module, lr: float) -> Muon:
    """Return Muon for a network's convolutions but the last, and Adam for the rest."""
    last = {id(p) for p in network.final.parameters()}
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for parameter in network.parameters():
        whole = parameter.ndim > 1 and min(parameter.shape[:2]) > 1 and id(parameter) not in last
        (matrices if whole else others).append(parameter)
    return Muon(matrices, others, lr)
