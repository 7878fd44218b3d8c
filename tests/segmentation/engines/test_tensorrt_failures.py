"""The engines ``tensorrt`` and ``tensorrt-rtx`` over the stand-in: what fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tensorrt_helpers import BOTH, features, given_back
from tiny_network import describe, write_network, write_rdf

from livesr.errors import ModelError
from livesr.segmentation.engines import ENGINES, choose_engine
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from pathlib import Path

    from fake_tensorrt import World


def test_overflow_is_an_error_and_no_masks(folder: Path, world: World) -> None:
    engine = choose_engine("tensorrt", load_package(folder))
    engine.run(features())
    world.overflow = True
    with pytest.raises(ModelError, match="no longer finite") as caught:
        engine.run(features())
    assert "precision: f32" in caught.value.fix
    world.overflow = False
    engine.run(features())


def test_weights_beyond_half_precision_are_refused(
    folder: Path, world: World, kernel: np.ndarray
) -> None:
    write_network(folder / "model.onnx", (kernel * 1e6).astype(np.float32))
    write_rdf(folder, describe(folder))
    with pytest.raises(ModelError, match="half precision ends at 65504"):
        choose_engine("tensorrt", load_package(folder)).run(features())


def test_a_card_that_is_lost_is_an_error_and_closing_is_not(folder: Path, world: World) -> None:
    engine = choose_engine("tensorrt", load_package(folder))
    engine.run(features())
    world.cuda.lost = True
    with pytest.raises(ModelError, match="cudaErrorLaunchFailure") as caught:
        engine.run(features())
    assert "nvidia-smi" in caught.value.fix
    engine.close()
    assert not world.cuda.held


def test_a_run_that_the_library_refuses_is_an_error(folder: Path, world: World) -> None:
    engine = choose_engine("tensorrt-rtx", load_package(folder))
    engine.run(features())
    world.run_fails = True
    with pytest.raises(ModelError, match="illegal memory access"):
        engine.run(features())


@pytest.mark.parametrize("memory", [0, 4096, 20_000])
def test_no_memory_on_the_card_leaves_nothing_behind(
    folder: Path, world: World, memory: int
) -> None:
    world.cuda.memory = memory
    engine = choose_engine("tensorrt", load_package(folder))
    with pytest.raises(ModelError, match="no memory left") as caught:
        engine.run(features())
    assert "close other programs" in caught.value.fix
    assert given_back(world)


def test_a_plan_that_finds_no_memory_is_not_compiled_again(folder: Path, world: World) -> None:
    choose_engine("tensorrt", load_package(folder)).run(features())
    world.full = True
    with pytest.raises(ModelError, match="no memory left for package TINY"):
        choose_engine("tensorrt", load_package(folder)).run(features())
    assert world.builds == 1


def test_a_card_that_other_programs_filled_comes_back(folder: Path, world: World) -> None:
    engine = choose_engine("tensorrt", load_package(folder))
    world.cuda.memory = 10_000
    with pytest.raises(ModelError, match="no memory left"):
        engine.run(features())
    world.cuda.memory = 2**30
    engine.run(features())
    engine.close()
    assert given_back(world)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"driver": 12080}, "too old: it knows CUDA 12.8, needed is 13.0"),
        ({"driver": 0}, "no NVIDIA driver"),
        ({"devices": 0}, "no NVIDIA card"),
    ],
)
def test_auto_goes_on_where_the_card_cannot_be_used(
    folder: Path, world: World, changes: dict[str, int], said: str
) -> None:
    for name, value in changes.items():
        setattr(world.cuda, name, value)
    assert choose_engine("auto", load_package(folder)).name not in BOTH
    with pytest.raises(ModelError) as caught:
        choose_engine("tensorrt", load_package(folder))
    assert said in caught.value.fix
    assert "nvidia.com/drivers" in caught.value.fix


def test_rtx_is_not_for_every_card(world: World) -> None:
    world.cuda.capability = (9, 0)
    reasons = {row.name: row.unavailable() for row in ENGINES if row.name in BOTH}
    assert reasons["tensorrt"] is None
    assert "does not compile for Fake RTX 4090 (sm90" in str(reasons["tensorrt-rtx"])


def test_a_version_with_another_api_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tensorrt.__version__", "10.9.0.34")
    reason = next(row.unavailable() for row in ENGINES if row.name == "tensorrt")
    assert "TensorRT is 10.9.0.34, needed is 10.12 or later, before 12" in str(reason)


def test_an_unknown_operator_names_itself(folder: Path, world: World) -> None:
    import onnx

    model = onnx.load(folder / "model.onnx")
    next(node for node in model.graph.node if node.op_type == "Round").op_type = "Erf"
    onnx.save(model, folder / "model.onnx")
    write_rdf(folder, describe(folder))
    with pytest.raises(ModelError, match="no importer is registered for Erf"):
        choose_engine("tensorrt", load_package(folder)).run(features())


def test_a_build_that_fails_says_why(folder: Path, world: World, plans: Path) -> None:
    engine = choose_engine("tensorrt", load_package(folder))
    with pytest.raises(ModelError, match=r"no tactic for a layer \(out of memory\)"):
        engine.run(features((1, 2, 68, 8, 8)))
    assert not list(plans.glob("*.plan"))


def test_a_builder_that_does_not_start_says_why(folder: Path, world: World) -> None:
    world.no_builder = True
    with pytest.raises(ModelError, match="cannot compile here"):
        choose_engine("tensorrt", load_package(folder)).run(features())
