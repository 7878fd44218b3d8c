from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.training.learning.onednn import avoid_narrow_amx
from livesr.training.plan import NetworkPlan

if TYPE_CHECKING:
    import pytest

SETTING = "ONEDNN_MAX_CPU_ISA"


def test_narrow_networks_avoid_amx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    avoid_narrow_amx(NetworkPlan(widths=(32, 64)))
    import os

    assert SETTING not in os.environ
    avoid_narrow_amx(NetworkPlan(widths=(16, 64)))
    assert os.environ[SETTING] == "AVX512_CORE_FP16"
    monkeypatch.setenv(SETTING, "AVX2")
    avoid_narrow_amx(NetworkPlan(widths=(16, 64)))
    assert os.environ[SETTING] == "AVX2"
