"""The API against its own OpenAPI schema, in a short form: no request hurts the daemon."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import schemathesis
from cellrecording import Recording
from daemon_serving import FAKE
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from livesr.daemon.app import bare_app
from livesr.daemon.folder import DataFolder
from livesr.daemon.guard import Rules
from livesr.daemon.service import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case

EXAMPLES = int(os.environ.get("LIVESR_FUZZ", "8"))
"""Requests an operation; LIVESR_FUZZ=500 takes minutes."""
load_all_checks()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    folder = tmp_path_factory.mktemp("fuzz")
    Recording(folder / "night").add(1).finish()
    (folder / "mine.yaml").write_text("calibration: none\n", encoding="utf-8")
    daemon = Daemon(DataFolder(folder), FAKE)
    daemon.lane.check = lambda _session: {}  # type: ignore[method-assign] # a process a request
    yield schemathesis.openapi.from_asgi("/openapi.json", bare_app(daemon, Rules()))
    for job in daemon.lane.jobs().values():
        if daemon.lane.runs(job.name):
            daemon.lane.stop(job.name)
    assert sorted(p.name for p in folder.parent.iterdir() if p.name.startswith("fuzz")) != []


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_nothing_breaks_the_daemon(case: Case) -> None:
    if "name" in (case.path_parameters or {}) and hash(str(case.query)) % 2:
        case.path_parameters["name"] = "night"  # half of them of a session that there is
    response = case.call()
    assert response.status_code < 500, response.text
    wanted = (content_type_conformance, status_code_conformance, response_schema_conformance)
    if response.status_code not in {404, 405}:
        case.validate_response(response, checks=list(wanted))
