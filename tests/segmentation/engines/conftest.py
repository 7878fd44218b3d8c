"""TensorRT with a card that is not there."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING

import pytest

from livesr.segmentation.engines.tensorrt import card, execution, library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_tensorrt import World


@pytest.fixture
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of plans."""
    monkeypatch.setenv("LIVESR_CACHE", str(tmp_path / "plans"))
    return tmp_path / "plans"


@pytest.fixture
def world(plans: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A machine with a card, its driver, TensorRT and TensorRT-RTX; all memory is given back."""
    pytest.importorskip("onnxruntime")
    from fake_cuda import FakeCuda
    from fake_tensorrt import World, make

    there = World(FakeCuda())
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, make(name, there))
    sys.modules["tensorrt_rtx"].__version__ = "1.7.1.116"  # type: ignore[attr-defined]
    for name in ("cuda", "cuda.bindings"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(sys.modules["cuda.bindings"], "runtime", there.cuda, raising=False)
    _forget()
    yield there
    _forget()


def _forget() -> None:
    for cached in (card._runtime, library.logger, execution.arena):
        cached.cache_clear()
