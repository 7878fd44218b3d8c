"""What the journal tells of a changed acquisition is what the rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripted_cells import ScriptedDecoder

from livesr.bench import decision_delay
from livesr.session import deciding

if TYPE_CHECKING:
    import pytest


def test_a_change_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "new_decoder", lambda: ScriptedDecoder(position=0))
    monkeypatch.setattr(decision_delay, "TIMEPOINTS", 2)
    monkeypatch.setattr(decision_delay, "WATCH_S", 2.0)
    between, delay = decision_delay.rows([60_650], field=64, planes=8)
    assert between.attained == 1.0
    assert "1 changes in 1 sessions" in between.detail
    assert delay.value > float(delay.detail.split("alone ")[1].split(" s")[0]) > 0
