"""When a session takes the way on a card."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from livesr.errors import ModelError
from livesr.segmentation.engines import Choice
from livesr.session import segmenter
from livesr.session.job import Job
from livesr.types import RecordingInfo

torch = pytest.importorskip("torch")

import livesr.resident  # noqa: E402 - it needs PyTorch

if TYPE_CHECKING:
    from resident_network import Convolution

    from livesr.pipeline import SegmentTools
    from livesr.segmentation.package import Package


def tools_with(engine: object, package: Package, monkeypatch: pytest.MonkeyPatch) -> SegmentTools:
    monkeypatch.setattr(segmenter, "load_engine", lambda *_, **__: Choice(engine, "a test"))
    info = RecordingInfo(
        channels=("yellow", "red"),
        shape=(2, 4, 40, 50),
        timepoints=1,
        positions=1,
        pixel_um=0.0668,
        z_step_um=0.3,
        interval_s=0.0,
        camera_offset=100.0,
        microscope="a test",
        camera="a test",
        objective="a test",
        simulated=True,
    )
    structures = package.structures
    folder = str(package.folder)
    job = Job(info, (folder,), "auto", "auto", 1, "none", {}, structures, (), True, Path(folder))
    tools, _ = segmenter.load_tools(job)
    return tools


class OnCard(SimpleNamespace):
    """Says that it is an engine on a card."""

    name = "a test"
    device = SimpleNamespace(type="cuda")

    def run_on_device(self, features: Any) -> Any:
        raise AssertionError(features)


def test_an_engine_of_the_processor_does_not(
    package: Package, network: Convolution, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        tools_with(
            SimpleNamespace(name="old", structures=package.structures), package, monkeypatch
        ).resident
        is None
    )
    assert tools_with(network, package, monkeypatch).resident is None


def test_an_engine_on_a_card_does(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}
    monkeypatch.setattr(livesr.resident, "Resident", lambda *_, **how: asked.update(how))
    tools = tools_with(OnCard(), package, monkeypatch)
    assert tools.resident is not None
    assert asked["channels"] == 2
    assert asked["grid"] == tools.camera
    assert asked["structures"] == package.structures


def test_a_card_too_small_for_it_keeps_the_engine(
    package: Package, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ModelError("the graphics card has not enough memory", where="here", fix="mend it")

    monkeypatch.setattr(livesr.resident, "Resident", refuse)
    with caplog.at_level(logging.WARNING):
        tools = tools_with(OnCard(), package, monkeypatch)
    assert tools.resident is None
    assert "not enough memory" in caplog.text


def test_what_a_failure_of_the_card_means_is_said() -> None:
    from livesr.resident.resident import card_errors

    with pytest.raises(ModelError, match="not enough memory"), card_errors():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    with pytest.raises(ModelError, match="the graphics card failed"), card_errors():
        raise RuntimeError("CUDA error: unspecified launch failure")
    with pytest.raises(RuntimeError, match="a bug"), card_errors():
        raise RuntimeError("a bug")
