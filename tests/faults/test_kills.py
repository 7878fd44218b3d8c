"""Sessions that are killed lose nothing that was journalled, and go on."""

from __future__ import annotations

import pytest

from livesr.bench.kills import kill_sessions


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_kills_of_acquisition_segmenter_and_both() -> None:
    toll = kill_sessions(3, life_s=6.0)
    assert toll.kills == sum(toll.phases.values()) == 3
    assert toll.masks > 0
    assert (toll.unreadable, toll.stuck, toll.changed) == (0, 0, 0), toll.said
    assert (toll.unlike, toll.spool_lost) == (0, 0), toll.said
