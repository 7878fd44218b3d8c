from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import correlate
from tiny_network import describe, livesr, write_network, write_rdf

from livesr.errors import ModelError
from livesr.segmentation import engines
from livesr.segmentation.engines import ENGINES, EngineEntry, choose_engine
from livesr.segmentation.package import Package, load_package

if TYPE_CHECKING:
    from pathlib import Path

WORKING = [entry.name for entry in ENGINES if entry.unavailable() is None]


def expected(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    logits = []
    for channel_kernels in kernel.astype(float):
        pairs = zip(x.astype(float), channel_kernels, strict=True)
        logits.append(sum(correlate(channel, k, mode="constant") for channel, k in pairs))
    return np.rint(255 / (1 + np.exp(-np.stack(logits))))


@pytest.mark.parametrize("name", WORKING)
def test_an_engine_computes_the_network(name: str, folder: Path, kernel: np.ndarray) -> None:
    engine = choose_engine(name, load_package(folder), threads=1, precision="f32")
    rng = np.random.default_rng(60_101)
    for shape in ((1, 2, 4, 16, 24), (1, 2, 8, 8, 8), (1, 2, 4, 16, 24)):
        x = rng.normal(0, 1, shape).astype(np.float32)
        out = engine.run(x)
        assert out.dtype == np.uint8
        assert np.abs(out[0].astype(float) - expected(x[0], kernel)).max() <= 1
    engine.close()


def test_windows_cut_from_a_larger_array_are_read_right(folder: Path, kernel: np.ndarray) -> None:
    engine = choose_engine("auto", load_package(folder), precision="f32")
    whole = np.random.default_rng(60_102).normal(0, 1, (2, 4, 32, 40)).astype(np.float32)
    part = whole[:, :, 8:24, 16:32]
    assert np.abs(engine.run(part[None])[0] - expected(part, kernel)).max() <= 1


def test_auto_precision_is_close_to_f32(folder: Path) -> None:
    package = load_package(folder)
    x = np.random.default_rng(60_103).normal(0, 1, (1, 2, 8, 16, 16)).astype(np.float32)
    exact = choose_engine("openvino", package, precision="f32").run(x).astype(int)
    auto = choose_engine("openvino", package, precision="auto").run(x).astype(int)
    assert np.abs(exact - auto).max() <= 4


@pytest.mark.parametrize("asked", [{"name": "openvin"}, {"precision": "float"}])
def test_wrong_names_offer_the_nearest(folder: Path, asked: dict[str, str]) -> None:
    arguments = {"name": "auto", "precision": "auto"} | asked
    with pytest.raises(ModelError) as caught:
        choose_engine(arguments["name"], load_package(folder), precision=arguments["precision"])
    assert "openvino" in caught.value.fix or "f32" in caught.value.fix


def test_auto_passes_over_an_engine_that_cannot_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EngineEntry("broken", __name__, "NeedsAnotherMachine")
    monkeypatch.setattr(engines, "ENGINES", (broken, *ENGINES))
    assert choose_engine("auto", load_package(folder)).name == "openvino"
    with pytest.raises(ModelError) as caught:
        choose_engine("broken", load_package(folder))
    assert "pip install" in caught.value.fix


class NeedsAnotherMachine:
    @staticmethod
    def unavailable() -> str:
        return "not here: python -m pip install something"


def test_damaged_weights_never_reach_the_engine(folder: Path) -> None:
    weights = folder / "model.onnx"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(ModelError, match="damaged"):
        choose_engine("auto", load_package(folder))


def repack(folder: Path, **changes: object) -> Package:
    write_rdf(folder, describe(folder, **changes))
    return load_package(folder)


def test_a_network_of_another_kind_is_refused(folder: Path, kernel: np.ndarray) -> None:
    write_network(folder / "model.onnx", kernel, as_bytes=False)
    with pytest.raises(ModelError, match="another kind"):
        choose_engine("auto", repack(folder))


def test_a_network_with_other_outputs_is_refused(folder: Path, kernel: np.ndarray) -> None:
    write_network(folder / "model.onnx", kernel[:1])
    with pytest.raises(ModelError, match="1 outputs, not 2"):
        choose_engine("auto", repack(folder))


def test_a_network_with_other_inputs_is_refused(folder: Path, kernel: np.ndarray) -> None:
    changes = {
        "structures": ["foreground"],
        "heads": [{"network": "FG", "structures": ["foreground"], "activation": "sigmoid"}],
        "thresholds": {"foreground": 0.5},
        "input": livesr()["input"] | {"channels": ["colocalisation"]},
    }
    write_network(folder / "model.onnx", kernel[:1])
    with pytest.raises(ModelError, match="2 input channels, not 1"):
        choose_engine("auto", repack(folder, **changes))


def test_a_file_that_is_no_network_is_refused(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match="cannot read"):
        choose_engine("auto", repack(folder))


def test_an_engine_says_what_it_is() -> None:
    assert ENGINES[0].describe().startswith("OpenVINO")
