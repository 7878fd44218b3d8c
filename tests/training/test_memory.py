from __future__ import annotations

import subprocess
import sys

import pytest

from livesr.training.learning.memory import avoid_narrow_amx, keep_memory
from livesr.training.plan import NetworkPlan

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


def test_other_systems_keep_memory_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_memory() is False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_freed_arrays_come_back_without_new_pages() -> None:
    program = """
import resource
import numpy as np
from livesr.training.learning.memory import keep_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(40_000_000 // 8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
usual = faults()
kept = keep_memory()
faults()
print(kept, usual, faults())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    kept, usual, after = done.stdout.split()
    assert kept == "True"
    assert int(after) < int(usual) / 10
