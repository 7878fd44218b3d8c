"""The topic `process` measures what it says, with threads in the place of Dask's workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.bench import process as bench
from livesr.offline.hands import Here
from livesr.offline.sources import RecordedStacks

if TYPE_CHECKING:
    from collections.abc import Callable


class Workers(Here):
    """Threads of this process that are asked as a cluster is."""

    def __init__(self, *, workers: int, threads: int) -> None:
        super().__init__(threads)
        self.workers = workers

    def run_everywhere(self, function: Callable[..., object], *arguments: object) -> None:
        function(*arguments)


def test_both_figures_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "Cluster", Workers)
    monkeypatch.setattr(bench, "find_spec", lambda _: True)
    monkeypatch.setattr(RecordedStacks, "read", RecordedStacks.read)  # put back afterwards
    pair, slow = bench.rows(stacks=2, field=64, planes=8, rounds=1, latency_s=0.01)
    assert pair.value > 0
    assert pair.peer_value is not None
    assert pair.ratio == pytest.approx(pair.value / pair.peer_value)
    assert slow.value > 0
    assert "0.01 s late" in slow.detail


def test_without_dask_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "find_spec", lambda _: None)
    (row,) = bench.rows()
    assert "livesr[cluster]" in row.detail
