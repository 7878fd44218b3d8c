from __future__ import annotations

from typing import Any

from livesr.storage.ledger import Ledger
from livesr.viewer.progress import Progress, describe, progress_of


def journal(stored: int, segmented: int, *, frames: int = 10, finished: bool = False) -> list[Any]:
    lines: list[dict[str, Any]] = [
        {"event": "session_started", "time": wall(0), "stacks": 8, "package": "ALL"}
    ]
    lines += [
        {
            "event": "stack_stored",
            "time": wall(4 * t),
            "index": {"image": 0, "t": t},
            "frames": frames,
        }
        for t in range(stored)
    ]
    lines += [
        {
            "event": "stack_segmented",
            "time": wall(4 * t),
            "index": {"image": 0, "t": t},
            "live": t != 0,
            "latency_s": 1.0 + t,
        }
        for t in range(segmented)
    ]
    if finished:
        lines.append({"event": "session_finished", "time": wall(59)})
    return lines


def wall(seconds: int) -> str:
    return f"2026-03-01T20:00:{seconds:02d}.000+01:00"


def progress(lines: list[Any]) -> Progress:
    ledger = Ledger()
    ledger.update(lines)
    return progress_of(ledger.status(), lines)


def test_counts_speed_and_delay_come_from_the_journal() -> None:
    found = progress(journal(6, 4))
    assert (found.planned, found.stored, found.waiting) == (8, 6, 2)
    assert found.fps == 10 / 4
    assert found.delay_s == 3.0  # the first was not segmented live
    assert found.started
    assert not found.finished


def test_a_pause_is_told_until_it_ends() -> None:
    paused = [*journal(2, 1), {"event": "paused", "time": wall(10), "reason": "no room"}]
    assert progress(paused).paused == "no room"
    assert progress([*paused, {"event": "continued", "time": wall(12)}]).paused == ""
    assert progress([*paused, {"event": "session_finished", "time": wall(12)}]).paused == ""


def test_a_journal_of_nothing_is_a_session_that_starts() -> None:
    found = progress([])
    assert found == Progress()
    assert found.fps is None


def test_one_stack_has_no_speed() -> None:
    assert progress(journal(1, 0)).fps is None


def test_a_session_without_segmentation_waits_for_no_masks() -> None:
    lines = journal(3, 0)
    lines[0]["package"] = None
    assert progress(lines).waiting == 0


def test_the_end_and_failures_are_told() -> None:
    lines = journal(3, 2, finished=True)
    lines.insert(
        -1, {"event": "stack_failed", "time": wall(9), "index": {"image": 0, "t": 2}, "reason": "x"}
    )
    found = progress(lines)
    assert found.finished
    assert (found.failed, found.waiting) == (1, 0)
    assert "1 failed" in describe(found)


def test_the_status_line_says_what_the_issue_asks_for() -> None:
    text = " ".join(describe(progress(journal(6, 4))))
    for part in ("stack 6 of 8", "2.5 frames/s", "3.00 s after last plane", "2 stacks waiting"):
        assert part in text
