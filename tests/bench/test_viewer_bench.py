from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.bench import viewer
from livesr.bench.viewer import Size

if TYPE_CHECKING:
    from pathlib import Path


def test_the_viewer_is_watched_while_it_watches(tmp_path: Path) -> None:
    size = Size(field=96, planes=3, stacks=4, interval_s=0.4, flip_s=0.3)
    rows = {row.name: row for row in viewer._large(tmp_path / "large", size)}
    assert rows["overlay_after_masks_s"].value > 0
    assert "of them seen" in rows["overlay_after_masks_s"].detail
    assert rows["viewer_fps"].value > 0


def test_the_memorys_slope_is_of_the_last_three_quarters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = [[1, 0.0], [100, 900e6], [250, 100e6], [500, 100.5e6], [1000, 101.5e6]]
    monkeypatch.setattr(viewer, "_viewer", lambda *_: None)
    monkeypatch.setattr(viewer, "_answer", lambda _: {"memory": memory})
    row = viewer._long(tmp_path / "long", Size(long_stacks=2, long_interval_s=0.0))
    assert row.name == "viewer_memory_slope"
    assert row.value == pytest.approx(2.0)
    assert "100 to 102 MB" in row.detail
