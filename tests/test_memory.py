from __future__ import annotations

import subprocess
import sys

import pytest

from livesr.memory import keep_memory


def test_other_systems_keep_memory_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_memory() is False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_freed_arrays_come_back_without_new_pages() -> None:
    program = """
import resource
import numpy as np
from livesr.memory import keep_memory
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
