"""NVIDIA's compiler takes every network that travels with livesr: TensorRT-RTX needs no GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.errors import ModelError, StorageError
from livesr.segmentation.engines.tensorrt.build import Order, build
from livesr.segmentation.engines.tensorrt.compiling import Wish, compile_package
from livesr.segmentation.engines.tensorrt.library import RTX
from livesr.segmentation.package import load_package, package_names

if TYPE_CHECKING:
    from pathlib import Path

CARDS = ("sm75", "sm86", "sm89", "sm120")
"""RTX 20 (the paper's), 30, 40 and 50."""
WINDOW = (24, 816, 816)
"""A stack of 1200 × 1200 pixels on the networks' grid."""


@pytest.fixture(autouse=True)
def library() -> None:
    for name in ("tensorrt_rtx_bindings", "onnx"):
        pytest.importorskip(name, reason="pip install 'livesr[test-tensorrt-rtx]'")


def silent(_: str) -> None:
    pass


@pytest.mark.parametrize("name", package_names())
def test_every_package_compiles_for_every_card(name: str, tmp_path: Path) -> None:
    package = load_package(name)
    plans = compile_package(package, RTX, CARDS, Wish(WINDOW), folder=tmp_path, progress=silent)
    assert [(plan.target, plan.precision) for plan in plans] == [(card, "f16") for card in CARDS]
    for plan in plans:
        assert plan.path.stat().st_size == plan.bytes > 100_000
        assert plan.path.with_suffix(".json").is_file()
    assert len({plan.path for plan in plans}) == len(CARDS)


def test_fewer_structures_and_float32_compile_too(tmp_path: Path) -> None:
    package = load_package("ALL")
    for wish in (
        Wish((24, 256, 256), structures=("mitochondria", "golgi")),
        Wish((24, 256, 256), precision="f32"),
    ):
        compile_package(package, RTX, ["sm89"], wish, folder=tmp_path, progress=silent)
    assert len(list(tmp_path.glob("*.plan"))) == 2


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    wish = Wish((8, 64, 64))
    compile_package(load_package("FG"), RTX, ["8.9"], wish, folder=tmp_path, progress=told.append)
    assert told[0].startswith("TensorRT-RTX compiles package FG for sm89")
    assert any("%" in line for line in told)
    assert told[-1].endswith("MB")


def test_float32_on_turing_is_refused_with_nvidias_reason(tmp_path: Path) -> None:
    wish = Wish((8, 64, 64), precision="f32")
    with pytest.raises(ModelError, match="FP32 3D convolution is not supported") as caught:
        compile_package(load_package("LD"), RTX, ["sm75"], wish, folder=tmp_path, progress=silent)
    assert "another precision" in caught.value.fix
    assert not list(tmp_path.glob("*.plan"))


def test_an_operator_that_nvidia_does_not_know_is_named(folder: Path) -> None:
    import onnx

    model = onnx.load(folder / "model.onnx")
    next(node for node in model.graph.node if node.op_type == "Round").op_type = "Wobble"
    with pytest.raises(ModelError, match="Wobble"):
        build(RTX, Order(model.SerializeToString(), (1, 2, 4, 8, 8), "sm89", "it"), silent)


@pytest.mark.parametrize(
    ("target", "said"), [("sm90", "sm90"), ("rtx4090", "rtx4090"), ("sm89,", "sm89,")]
)
def test_cards_that_it_does_not_compile_for(tmp_path: Path, target: str, said: str) -> None:
    with pytest.raises(ModelError, match="does not compile for") as caught:
        compile_package(
            load_package("FG"), RTX, [target], Wish((8, 64, 64)), folder=tmp_path, progress=silent
        )
    assert said in caught.value.what


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        compile_package(
            load_package("FG"),
            RTX,
            ["sm89"],
            Wish((8, 64, 64)),
            folder=tmp_path / "file",
            progress=silent,
        )
