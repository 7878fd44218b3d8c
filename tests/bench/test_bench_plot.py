"""Curves are drawn; what cannot be drawn is refused before it is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.bench import plot
from livesr.bench.engines import scaling
from livesr.bench.rows import Row
from livesr.cli import bench
from livesr.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    *scaling.curve("planes", (4, 8, 16), (0.1, 0.2, 0.5), "small"),
    Row("another", 1.0, "s"),
    *scaling.curve("structures", (1, 15), (0.3, 0.4), "one network"),
]


def test_plot_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "cost.png"
    for _ in range(2):
        plot.write_plot(ROWS, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in tmp_path.iterdir()] == ["cost.png"]


def test_plot_needs_curves_a_folder_and_a_kind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="curve"):
        plot.write_plot(ROWS[3:5], tmp_path / "cost.png")
    with pytest.raises(ConfigError, match="cannot be written as"):
        plot.check_plot(tmp_path / "cost.doc")
    with pytest.raises(StorageError, match="no such folder"):
        plot.check_plot(tmp_path / "nowhere" / "cost.png")
    plot.check_plot(tmp_path / "cost.svg")


def test_the_verb_draws_what_it_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def measured(topic: str) -> list[Row]:
        asked.append(topic)
        return ROWS

    monkeypatch.setattr(bench, "run_topic", measured)
    assert bench.bench(["engines"], plot=tmp_path / "cost.png", as_json=True) == 0
    assert asked == ["engines"]
    assert (tmp_path / "cost.png").exists()
    with pytest.raises(ConfigError):
        bench.bench(["engines"], plot=tmp_path / "cost")
    assert asked == ["engines"]
