"""The rows of ``livesr bench daemon``, from journals that are told, not measured."""

from __future__ import annotations

import pytest

from livesr.bench.daemon import Size, _compared, _seen


def journal(seconds: float, stacks: int = 4) -> list[dict]:
    lines = []
    for t in range(stacks):
        at = f"2026-11-23T10:00:{t * seconds:06.3f}+00:00"
        index = {"image": 0, "t": t}
        lines.append(
            {"event": "stack_stored", "time": at, "index": index, "frames": 24, "store_s": 0.1 + t}
        )
        lines.append({"event": "stack_segmented", "time": at, "index": index})
    return lines


def test_rows_compare_watched_with_alone() -> None:
    start = 1795428000.0  # 2026-11-23T10:00:00Z
    alone = _seen(journal(2.0), 0, {})
    watched = _seen(journal(2.5), 70, {1: start + 2.5 + 0.25, 3: start + 7.5 + 0.75})
    assert alone.fps == pytest.approx(12)
    assert watched.after_masks_s == pytest.approx([0.25, 0.75])
    rate, storage, soon = _compared(Size(), [alone], [watched])
    assert rate.ratio == pytest.approx(0.8)
    assert rate.attained == pytest.approx(0.1)
    assert "70 pictures" in rate.detail
    assert storage.value == storage.peer_value == pytest.approx(3.1)
    assert soon.value == pytest.approx(0.5)
    assert soon.attained == 1
