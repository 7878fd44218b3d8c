"""What a session is told: the session file, the channel layouts, and reading them."""

from __future__ import annotations

from livesr.config.reading import dump_session, plain_session, read_session, session_from
from livesr.config.session import Session

__all__ = ["Session", "dump_session", "plain_session", "read_session", "session_from"]
