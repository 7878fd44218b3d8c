"""Put positions into a session file, or a useq sequence, whose other lines stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.config import read_session
from livesr.config.editing import with_value
from livesr.errors import ConfigError, StorageError
from livesr.plain import NotPlainError, read_text, yaml_of
from livesr.positions.files import plain_positions
from livesr.positions.limits import check_positions, limits_of
from livesr.storage.disk import replace_text

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.positions.stage_list import StageList


def put_into_session(path: Path, listed: StageList) -> None:
    """Make positions the ones that a session visits.

    Raises
    ------
    ConfigError
        If the session is none, names its sequence by a file, or forbids one of the places; the
        file is left as it is then.
    StorageError
        If the file cannot be written.
    """
    session = read_session(path)
    check_positions(listed.positions, limits_of(session), str(path))
    try:
        text = read_text(path)
        content = yaml_of(text)[1]
    except (OSError, NotPlainError) as error:
        raise ConfigError(f"it cannot be read: {error}", where=str(path), fix="save it") from None
    inside = [] if "sequence" not in content and "stage_positions" in content else ["sequence"]
    if isinstance(content.get("sequence"), str):
        raise ConfigError(
            f"its sequence stands in a file of its own, {content['sequence']}",
            where=str(path),
            fix=f"put the positions there: livesr positions … --into {content['sequence']}",
        )
    order = "".join(map(str, session.sequence.axis_order))
    places = plain_positions(listed)
    edited = with_value(text, [*inside, "stage_positions"], places, str(path))
    if "p" not in order:  # useq would drop the positions without a word
        edited = with_value(edited, [*inside, "axis_order"], _with_positions(order), str(path))
    try:
        replace_text(path, edited)
    except OSError as error:
        raise StorageError(
            f"the session file cannot be written: {error.strerror or error}",
            where=str(path),
            fix="close other programs that have it open; it is as it was",
        ) from None


def _with_positions(order: str) -> str:
    """Return an axis order in which positions come right after time."""
    at = order.find("t") + 1
    return f"{order[:at]}p{order[at:]}"
