from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the engine needs PyTorch")

from livesr.errors import ModelError  # noqa: E402
from livesr.segmentation.engines import choose_engine, entry_of  # noqa: E402
from livesr.segmentation.network.loading import folded_network_of  # noqa: E402
from livesr.segmentation.network.runner import Runner  # noqa: E402
from livesr.segmentation.package import load_package  # noqa: E402

SHAPE = (1, 2, 8, 16, 32)


def features(scale: float = 1.0) -> np.ndarray:
    gamma = np.random.default_rng(60_160).gamma(2, 0.5, SHAPE)
    return (scale * gamma).astype(np.float32)


@pytest.mark.parametrize("planes", [None, 1, 3])
def test_slabs_of_planes_give_what_the_whole_gives(planes: int | None) -> None:
    package = load_package("ALL")
    out = torch.empty((1, 15, *SHAPE[2:]), dtype=torch.uint8)
    with torch.inference_mode():
        assert Runner(package, package.structures, planes=planes)(torch.from_numpy(features()), out)
    expected = choose_engine("torch", package, threads=1, precision="f32").run(features())
    np.testing.assert_array_equal(out.numpy(), expected)


def test_structures_that_compete_are_computed_together() -> None:
    package = load_package("PM")
    both, one = (
        choose_engine("torch", package, threads=1, precision="f32", structures=names)
        for names in (None, ["filopodia"])
    )
    np.testing.assert_array_equal(one.run(features()), both.run(features())[:, [1]])


def test_logits_that_are_no_numbers_are_an_error() -> None:
    package = load_package("ALL")
    engine = choose_engine("torch", package, threads=1, precision="f32")
    with pytest.raises(ModelError, match="no numbers in f32"):
        engine.run(features(3e37))
    assert engine.run(features()).any()


def test_a_cpu_without_bf16_computes_f32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    package = load_package("FG")
    assert choose_engine("torch", package).precision == "f32"
    assert "f32" in entry_of("torch").describe()
    with pytest.raises(ModelError, match="does not compute bf16"):
        choose_engine("torch", package, precision="bf16")


def test_the_graphs_numbers_are_those_of_the_folded_network() -> None:
    network = folded_network_of(load_package("FG"))
    assert not [name for name in network.state_dict() if "running" in name]
