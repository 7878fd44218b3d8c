"""The API against its own OpenAPI schema, in a short form: no request hurts the daemon."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import schemathesis
from cellrecording import Recording
from daemon_serving import serving
from hypothesis import HealthCheck, Phase, given, settings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from daemon_serving import Served
    from schemathesis import Case

EXAMPLES = int(os.environ.get("LIVESR_FUZZ", "6"))
"""Requests an operation; LIVESR_FUZZ=500 takes minutes."""
LONGEST_S = 60
_SHORT = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_nothing_breaks_the_daemon(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir()
    Recording(data / "night").add(1).finish()
    (data / "mine.yaml").write_text("calibration: none\n", encoding="utf-8")
    before = sorted(path.name for path in data.parent.iterdir())
    with serving(data) as served:
        monkeypatch.setattr(served.daemon.lane, "check", lambda _session: {})  # a process each
        schema = schemathesis.openapi.from_dict(served.get("/openapi.json").json())
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) >= 15
        for operation in operations:
            _SHORT(given(case=operation.as_strategy())(_call_of(served)))()
        assert served.get("/api/status").status_code == 200
    assert sorted(path.name for path in data.parent.iterdir()) == before


def _call_of(served: Served) -> object:
    seen = []

    def call(case: Case) -> None:
        seen.append(case)
        if "name" in case.path_parameters and len(seen) % 2:
            case.path_parameters["name"] = "night"  # every other one of a session that there is
        response = case.call(base_url=served.address, timeout=LONGEST_S)
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        documented = case.operation.definition.raw["responses"]
        known = {int(status) for status in documented} | {404, 405}
        assert response.status_code in known, (case.as_curl_command(), response.text)

    return call
