"""The names of the files in a session folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SESSION_FILE = "session.yaml"
JOURNAL_FILE = "journal.jsonl"
LOG_FILE = "log.jsonl"
LOCK_FILE = "running.lock"
SEGMENTING_FILE = "segmenting.lock"
PAUSE_FILE = "pause"
STOP_FILE = "stop"
"""Ends the session after the present stack, or at once if it says ``now``."""
LIGHT_FILE = "light-off.jsonl"
"""What the light's supervisor did after the acquisition died; gone once the journal has it."""
SPOOL_FOLDER = "spool"
NOTES_FOLDER = "notes"
"""Where notes wait until the acquisition, which alone writes the journal, takes them in."""
PLANE_ROWS = "planes.jsonl"
PLANES_FILE = "planes.parquet"
MEASUREMENT_ROWS = "measurements.jsonl"
MEASUREMENTS_FILE = "measurements.parquet"
OBJECTS_FILE = "objects.parquet"
CELLS_FILE = "cells.parquet"
CONTACTS_FILE = "contacts.parquet"
SITES_FILE = "contact_sites.parquet"
TRACKS_FILE = "tracks.parquet"
EVENTS_FILE = "contact_events.parquet"
REPORT_FILE = "report.html"
PROBABILITY, MASKED = "probability", "masked"
"""Images of a session that it stores beside ``image.ome.zarr`` if asked to."""

_PLAIN_NAME = re.compile(r"\w[\w.-]{0,199}")
_IMAGE_NAME = re.compile(r"image(?:-([1-9]\d*))?\.ome\.zarr")


def is_plain_name(name: object) -> bool:
    """Return whether a file's content may name a file so: beside it, never elsewhere."""
    return isinstance(name, str) and _PLAIN_NAME.fullmatch(name) is not None


def image_path(session: Path, number: int) -> Path:
    """Return the path of a session's image: ``image.ome.zarr``, ``image-1.ome.zarr``, …."""
    return session / (f"image-{number}.ome.zarr" if number else "image.ome.zarr")


def beside_path(session: Path, kind: str, number: int) -> Path:
    """Return the path of an image's `PROBABILITY` or `MASKED`: ``masked.ome.zarr``, …."""
    return session / (f"{kind}-{number}.ome.zarr" if number else f"{kind}.ome.zarr")


def image_number(path: Path) -> int | None:
    """Return the number in an image's name, None if it is not named like a session's image."""
    match = _IMAGE_NAME.fullmatch(path.name)
    return int(match[1] or 0) if match else None


def image_numbers(session: Path) -> list[int]:
    """Return the numbers of the images that stand in a session folder, ascending."""
    numbers = (image_number(path) for path in session.glob("image*.ome.zarr"))
    return sorted(number for number in numbers if number is not None)
