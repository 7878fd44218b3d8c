"""Run the pipeline: a session from its file to a closed folder."""

from __future__ import annotations

from livesr.session.files import check_folder
from livesr.session.past import check_same
from livesr.session.plan import Plan
from livesr.session.planning import make_plan
from livesr.session.progress import Progress
from livesr.session.result import SessionResult
from livesr.session.run import run_session

__all__ = [
    "Plan",
    "Progress",
    "SessionResult",
    "check_folder",
    "check_same",
    "make_plan",
    "run_session",
]
