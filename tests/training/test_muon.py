from __future__ import annotations

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'livesr[train]'")

from livesr.segmentation.network.unet import Architecture, AttentionUNet  # noqa: E402
from livesr.training.learning.muon import muon, orthogonal  # noqa: E402 (after the skip)


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_steps_are_nearly_orthonormal(shape: tuple[int, int]) -> None:
    torch.manual_seed(60_000)
    found = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    # the quintic is tuned for speed: it stops within a third of 1, by design
    assert float(found.min()) > 0.6
    assert float(found.max()) < 1.25


def test_the_last_layer_and_what_is_no_matrix_go_by_adam() -> None:
    network = AttentionUNet(Architecture("3d", (4, 6), 2, 8))
    optimizer = muon(network, 0.02)
    matrices, others = (group["params"] for group in optimizer.param_groups)
    assert len(matrices) + len(others) == len(list(network.parameters()))
    assert all(p.ndim == 5 for p in matrices)
    last = {id(p) for p in network.final.parameters()}
    assert last <= {id(p) for p in others}


def test_it_learns_and_its_state_survives_saving() -> None:
    torch.manual_seed(60_000)
    network = AttentionUNet(Architecture("3d", (4, 6), 1, 8))
    x = torch.rand(1, 2, 4, 16, 16)
    wanted = torch.rand(1, 4, 4, 8, 8)

    def step(optimizer: torch.optim.Optimizer) -> float:
        value = (network(x).sigmoid() - wanted).square().mean()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return float(value.detach())

    first = muon(network, 0.02)
    losses = [step(first) for _ in range(20)]
    assert losses[-1] < 0.8 * losses[0]
    kept = [p.detach().clone() for p in network.parameters()]
    second = muon(network, 0.02)
    second.load_state_dict(deepcopy(first.state_dict()))
    step(first)
    wanted_after = [p.detach().clone() for p in network.parameters()]
    with torch.no_grad():
        for p, old in zip(network.parameters(), kept, strict=True):
            p.copy_(old)
    step(second)
    for p, expected in zip(network.parameters(), wanted_after, strict=True):
        assert torch.allclose(p, expected, atol=1e-6)
