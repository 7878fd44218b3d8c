from __future__ import annotations

from livesr.bench import viewer
from livesr.bench.viewer import Size


def test_the_viewer_is_watched_while_it_watches() -> None:
    size = Size(
        field=96, planes=3, stacks=4, interval_s=0.7, flip_s=0.5, long_stacks=24,
        long_interval_s=0.0,
    )  # fmt: skip
    rows = {row.name: row for row in viewer.rows(size)}
    assert rows["overlay_after_masks_s"].value > 0
    assert "of them seen" in rows["overlay_after_masks_s"].detail
    assert rows["viewer_fps"].value > 0
    assert "24 stacks" in rows["viewer_memory_slope"].detail
