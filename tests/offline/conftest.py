"""Sessions from memory, as the tests of sessions make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from memory_source import MemorySource, memory_session

from livesr.session import planning

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.session import Plan


@pytest.fixture
def plan_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Plan a session on a given memory source."""

    def make(source: MemorySource, **changes: object) -> Plan:
        monkeypatch.setattr(planning, "open_source", lambda _session, **_: source)
        return planning.make_plan(memory_session(**changes))

    return make
