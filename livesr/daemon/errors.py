"""What a request can meet beside livesr's other errors, and the HTTP status of each."""

from __future__ import annotations

from livesr.errors import ConfigError, LivesrError


class UnknownError(ConfigError):
    """There is no such session, image or stack (404)."""

    kind = "unknown"


class BusyError(ConfigError):
    """It cannot be done now (409)."""

    kind = "busy"


class CrowdedError(ConfigError):
    """Too much was asked for at once (429)."""

    kind = "crowded"


def status_of(error: LivesrError) -> int:
    """Return the HTTP status of an error: whatever is wrong, the daemon itself is well."""
    kinds: tuple[tuple[type[LivesrError], int], ...] = (
        (UnknownError, 404),
        (BusyError, 409),
        (CrowdedError, 429),
        (ConfigError, 422),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), 409)
