from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import correlate
from tiny_network import describe, livesr, write_network, write_rdf

from livesr.errors import ModelError
from livesr.segmentation import engines
from livesr.segmentation.engines import (
    ENGINES,
    EngineEntry,
    Options,
    choose_engine,
    load_engine,
    working_engine,
)
from livesr.segmentation.package import Package, load_package

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.segmentation.engines import Engine


class NeedsAnotherMachine:
    @staticmethod
    def unavailable() -> str:
        return "not here: python -m pip install something"


class Works:
    closed = 0
    problem: Exception | None = None

    def __init__(self, package: Package, options: Options) -> None:
        if self.problem is not None:
            raise self.problem
        self.name, self.precision = "works", options.precision
        self.structures = options.structures or package.structures

    @staticmethod
    def unavailable() -> None:
        return None

    @staticmethod
    def describe() -> str:
        return "a test 1.0"

    def close(self) -> None:
        type(self).closed += 1


class RefusesThePlan(Works):
    problem = ModelError("the plan is of another version", fix="build it again")


class HasNoMemory(Works):
    problem = MemoryError("3 GiB")


class IsBroken(Works):
    problem = ImportError("libcudart.so.13 is missing")

    @classmethod
    def describe(cls) -> str:
        raise cls.problem


def use(monkeypatch: pytest.MonkeyPatch, *kinds: type) -> None:
    rows = tuple(EngineEntry(kind.__name__, __name__, kind.__name__) for kind in kinds)
    monkeypatch.setattr(engines, "ENGINES", rows)


def expected(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    logits = []
    for channel_kernels in kernel.astype(float):
        pairs = zip(x.astype(float), channel_kernels, strict=True)
        logits.append(sum(correlate(channel, k, mode="constant") for channel, k in pairs))
    return np.rint(255 / (1 + np.exp(-np.stack(logits))))


@pytest.mark.parametrize("structures", [None, ("mitochondria",), ("mitochondria", "lipid_droplet")])
@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_engines_that_run_graphs_run_any(
    name: str, structures: tuple[str, ...] | None, folder: Path, kernel: np.ndarray
) -> None:
    pytest.importorskip(name)
    rows = [0, 1] if structures is None else [1, 0][: len(structures)]
    package = load_package(folder)
    engine = choose_engine(name, package, threads=1, precision="f32", structures=structures)
    x = np.random.default_rng(60_101).normal(0, 1, (1, 2, 8, 8, 8)).astype(np.float32)
    found = engine.run(x)[0].astype(float)
    assert np.abs(found - expected(x[0], kernel[rows])).max() <= 1
    engine.close()


@pytest.mark.parametrize("asked", [{"name": "openvin"}, {"precision": "f23"}])
def test_wrong_names_offer_the_nearest(folder: Path, asked: dict[str, str]) -> None:
    arguments = {"name": "auto", "precision": "auto"} | asked
    with pytest.raises(ModelError) as caught:
        choose_engine(arguments["name"], load_package(folder), precision=arguments["precision"])
    assert "openvino" in caught.value.fix or "f32" in caught.value.fix


@pytest.mark.parametrize("name", ["openvino", "onnxruntime", "torch"])
def test_half_precision_needs_a_card(name: str) -> None:
    pytest.importorskip(name)
    with pytest.raises(ModelError, match="does not compute f16") as caught:
        choose_engine(name, load_package("FG"), precision="f16")
    assert caught.value.fix == "write 'precision: auto'"


def test_auto_passes_over_what_cannot_work_and_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, NeedsAnotherMachine, RefusesThePlan, HasNoMemory, IsBroken, Works)
    choice = load_engine("auto", load_package(folder), Options(precision="bf16"))
    assert choice.as_dict() == {
        "engine": "works",
        "precision": "bf16",
        "device": "a test 1.0",
        "passed_over": {
            "NeedsAnotherMachine": "not here: python -m pip install something",
            "RefusesThePlan": "the plan is of another version",
            "HasNoMemory": "not enough memory for engine HasNoMemory (3 GiB)",
            "IsBroken": "the library of engine IsBroken is broken (libcudart.so.13 is missing)",
        },
    }
    assert "libcudart" in EngineEntry("x", __name__, "IsBroken").describe()


def test_before_loading_only_what_is_missing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, NeedsAnotherMachine, RefusesThePlan, Works)
    entry, passed_over = working_engine("auto")
    assert entry.name == "RefusesThePlan"
    assert list(passed_over) == ["NeedsAnotherMachine"]


def test_an_engine_that_fails_its_first_run_is_passed_over_and_closed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Works, NeedsAnotherMachine)
    closed = Works.closed

    def no_room(_: Engine) -> None:
        raise ModelError("no memory on the card")

    with pytest.raises(ModelError, match="no memory on the card"):
        load_engine("auto", load_package(folder), Options(), accept=no_room)
    assert Works.closed == closed + 1


def test_an_engine_that_was_asked_for_by_name_is_not_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, RefusesThePlan, NeedsAnotherMachine, Works)
    with pytest.raises(ModelError, match="another version") as caught:
        choose_engine("RefusesThePlan", load_package(folder))
    assert caught.value.fix == "build it again"
    with pytest.raises(ModelError, match="does not work here") as caught:
        choose_engine("NeedsAnotherMachine", load_package(folder))
    assert "pip install" in caught.value.fix


def test_where_nothing_works_every_reason_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, NeedsAnotherMachine, RefusesThePlan, HasNoMemory)
    with pytest.raises(ModelError, match="no engine works here") as caught:
        choose_engine("auto", load_package(folder))
    for reason in ("pip install something", "another version", "not enough memory"):
        assert reason in caught.value.fix


def test_damaged_weights_reach_no_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Works)
    weights = folder / "model.onnx"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(ModelError, match="damaged"):
        choose_engine("auto", load_package(folder))


def test_a_network_with_other_inputs_is_refused(folder: Path, kernel: np.ndarray) -> None:
    changes = {
        "structures": ["foreground"],
        "heads": [{"network": "FG", "structures": ["foreground"], "activation": "sigmoid"}],
        "thresholds": {"foreground": 0.5},
        "input": livesr()["input"] | {"channels": ["colocalisation"]},
    }
    write_network(folder / "model.onnx", kernel[:1])
    write_rdf(folder, describe(folder, **changes))
    with pytest.raises(ModelError, match="2 input channels, not 1"):
        choose_engine("openvino", load_package(folder))


WITHOUT = """
import sys
sys.modules["{library}"] = None
sys.modules["torch"] = None
from livesr.segmentation.engines import ENGINES, entry_of
reason = entry_of("{name}").unavailable()
assert "pip install {library}" in reason, reason
"""
NOT_ON_THE_WAY = """
import sys
from livesr.segmentation.engines import choose_engine, working_engine
from livesr.segmentation.package import load_package
import livesr.session, livesr.cli.app
working_engine("auto")
choose_engine("openvino", load_package("FG"), threads=1)
unwanted = {"torch", "onnxruntime"} & set(sys.modules)
assert not unwanted, unwanted
"""


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_a_library_that_is_missing_is_named(name: str) -> None:
    script = WITHOUT.format(name=name, library=name)
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_pytorch_its_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "livesr.segmentation.engines.torch_cpu"
    monkeypatch.setattr(f"{module}.find_spec", lambda _: None)
    entry = next(entry for entry in ENGINES if entry.name == "torch")
    assert "pip install torch" in str(entry.unavailable())


def test_no_engine_is_imported_that_is_not_asked_for() -> None:
    cards = list(ENGINES[: [e.name for e in ENGINES].index("openvino")])
    if any(entry.unavailable() is None for entry in cards):
        pytest.skip("this machine has a card, whose engine comes first")
    subprocess.run([sys.executable, "-c", NOT_ON_THE_WAY], check=True)
