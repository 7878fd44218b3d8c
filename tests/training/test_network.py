from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'livesr[train]'")

from livesr.segmentation.network.deployed import fold_norm  # noqa: E402 (after the skip)
from livesr.segmentation.network.heads import probabilities  # noqa: E402
from livesr.segmentation.network.unet import (  # noqa: E402
    Architecture,
    AttentionUNet,
    depth_to_space,
    space_to_depth,
)
from livesr.training.learning.fused import fused_loss  # noqa: E402
from livesr.training.learning.loss import LEAST_VOXELS, loss, plain_loss  # noqa: E402
from livesr.training.packaging.graph import receptive_halo  # noqa: E402
from livesr.training.plan import Head, LossPlan, NetworkPlan  # noqa: E402

SMALL = Architecture("3d", (4, 6, 8), 3)
SIGMOID = (Head("LD", ("lipid_droplet",)), Head("PM", ("plasma_membrane", "filopodia")))


def small(arch: Architecture = SMALL) -> AttentionUNet:
    torch.manual_seed(60_000)
    return AttentionUNet(arch)


def test_depth_to_space_undoes_space_to_depth() -> None:
    x = torch.arange(2 * 3 * 2 * 4 * 6).reshape(2, 3, 2, 4, 6)
    packed = space_to_depth(x)
    assert packed.shape == (2, 12, 2, 2, 3)
    assert torch.equal(depth_to_space(packed), x)
    assert torch.equal(packed[:, 4], x[:, 1, :, ::2, ::2])


@pytest.mark.parametrize("dims", ["2d", "3d"])
def test_output_lies_on_the_input(dims: str) -> None:
    arch = Architecture(dims, (4, 6, 8), 3)  # type: ignore[arg-type]  # parametrised
    z, y, x = arch.multiple
    assert (z, y, x) == ((1, 8, 8) if dims == "2d" else (4, 8, 8))
    logits = small(arch)(torch.zeros(1, 2, 2 * z, 2 * y, 3 * x))
    assert depth_to_space(logits).shape == (1, 3, 2 * z, 2 * y, 3 * x)


def test_planes_of_the_2d_network_do_not_see_each_other() -> None:
    network = small(Architecture("2d", (4, 6, 8), 3)).eval()
    x = torch.rand(1, 2, 3, 16, 16)
    other = x.clone()
    other[:, :, 1] = 0
    with torch.no_grad():
        a, b = network(x), network(other)
    assert torch.equal(a[:, :, 0], b[:, :, 0])
    assert not torch.equal(a[:, :, 1], b[:, :, 1])


def test_the_top_skip_is_not_gated_and_the_others_are() -> None:
    gates = [block.gate is not None for block in small(Architecture("3d", (4, 6, 8, 8), 1)).up]
    assert gates == [False, True, True]


def test_rare_structures_start_as_absent() -> None:
    p = probabilities(small()(torch.rand(1, 2, 4, 16, 16)), SIGMOID)
    assert float(p.detach().mean()) < 0.4


def test_nothing_beyond_the_halo_matters() -> None:
    network = small(Architecture("2d", (4, 6), 3)).eval()
    _, halo, _ = receptive_halo(network)
    x = torch.rand(1, 2, 1, 8, 4 * halo)
    other = x.clone()
    other[..., :halo] += 1
    with torch.no_grad():
        a, b = (depth_to_space(network(i)) for i in (x, other))
    assert torch.allclose(a[..., 2 * halo :], b[..., 2 * halo :], atol=1e-6)
    assert not torch.allclose(a[..., halo : halo + 2], b[..., halo : halo + 2], atol=1e-6)


def test_folding_changes_nothing() -> None:
    network = small()
    network.train()
    for _ in range(3):
        network(torch.rand(1, 2, 4, 16, 16))
    network.eval()
    x = torch.rand(1, 2, 4, 16, 16)
    with torch.no_grad():
        before = network(x)
        after = fold_norm(network)(x)
    assert torch.allclose(before, after, atol=1e-5)
    assert not any(isinstance(m, torch.nn.BatchNorm3d) for m in network.modules())


def test_fused_loss_is_the_plain_loss_with_its_gradient() -> None:
    torch.manual_seed(60_001)
    logits = (3 * torch.randn(2, 12, 2, 5, 7)).requires_grad_()
    target = torch.randint(0, 256, logits.shape, dtype=torch.uint8)
    plan = LossPlan(dice=0.7)
    names = ("lipid_droplet", "plasma_membrane", "filopodia")
    weights = [plan.factor(n) for n in names], [plan.own(n) for n in names]
    plain = plain_loss(logits, target, SIGMOID, plan)
    fused = fused_loss(logits, target, weights, 0.7, LEAST_VOXELS)
    assert float(fused.detach()) == pytest.approx(float(plain.detach()), rel=1e-5)
    (a,) = torch.autograd.grad(plain, logits)
    (b,) = torch.autograd.grad(2 * fused, logits)
    assert torch.allclose(2 * a, b, atol=1e-3 * float(a.abs().max()))


def test_softmax_outputs_exclude_each_other_and_the_background() -> None:
    heads = (
        Head("ER", ("er", "nuclear_membrane"), "softmax"),
        Head("LD", ("lipid_droplet",)),
        Head("VOLUME", ("nucleus", "cytosol"), "softmax", background=False),
    )
    logits = torch.randn(1, 20, 1, 2, 2)
    p = depth_to_space(probabilities(logits, heads))
    assert p.shape == (1, 5, 1, 4, 4)
    assert float(p[:, :2].sum(1).max()) < 1.0
    assert torch.allclose(p[:, 3:].sum(1), torch.ones(1, 1, 4, 4))
    assert torch.allclose(p[:, 2], torch.sigmoid(depth_to_space(logits)[:, 2]))


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_what_is_not_known_teaches_nothing(activation: str) -> None:
    heads = (
        Head("LD", ("lipid_droplet",)),
        Head("ER", ("er", "nuclear_membrane"), activation),  # type: ignore[arg-type]
    )
    torch.manual_seed(60_001)
    logits = torch.randn(2, 12, 1, 4, 4, requires_grad=True)
    target = torch.randint(0, 256, logits.shape, dtype=torch.uint8)
    known = torch.tensor([[True, False, True], [True, True, True]])
    (slope,) = torch.autograd.grad(loss(logits, target, heads, LossPlan(), known), logits)
    assert not slope[0, 4:8].any()
    # outputs that compete are known together or not at all
    assert slope[0, 8:].any() == (activation == "sigmoid")
    assert slope[0, :4].any()
    assert all(slope[1, k : k + 4].any() for k in (0, 4, 8))


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_loss_falls_towards_the_truth(activation: str) -> None:
    heads = (Head("ER", ("er", "nuclear_membrane"), activation),)  # type: ignore[arg-type]
    target = torch.zeros(1, 8, 1, 4, 4, dtype=torch.uint8)
    target[:, :4, :, :2] = 255
    right = torch.where(target > 0, 4.0, -4.0)
    good, none, bad = (
        float(loss(logits, target, heads, LossPlan()))
        for logits in (right, torch.zeros_like(right), -right)
    )
    assert good < none < bad


def test_default_network_has_all_structures_in_the_catalogs_order() -> None:
    from livesr.catalog import NAMES

    assert NetworkPlan().structures == NAMES
