"""The journal: one durable line for each thing that happened; what is not in it did not happen.

Append-only JSON lines, written by one process (the acquisition) and read by any while it grows.
Each line is one write and one fsync, so that a kill can tear the last line only.
"""

from __future__ import annotations

import json
import math
import os
import threading
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import StorageError
from livesr.plain import json_of
from livesr.storage.disk import storage_error, sync_folder, write_whole

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from livesr.types import StackIndex


class Event(StrEnum):
    """What a line of the journal can say; ``index`` stands in those about one stack.

    Attributes
    ----------
    SESSION_STARTED, SESSION_RESUMED, SESSION_FINISHED
        The ends of a run; ``session_finished`` has the counts.
    SEGMENTER_STARTED
        The segmenter's process is ready (``engine``, its ``precision`` and ``device``, ``pid``;
        ``passed_over``: better engines, and why each could not be taken).
    IMAGE_BEGUN
        A further image begins, of a ``position`` in another ``mode`` (``image``, ``name``).
    STACK_STORED
        Every plane of the stack is durable in OME-Zarr (``time_s``, ``frames``, the ``attempt``
        that it is of, if it is not the first, and what the acquisition gave to it: its
        ``normalisation``, and where the channels' offset is followed ``channel_offset_nm``, their
        translation along z, y and x beyond the stored calibration). Where the focus is held or
        followed also ``focus``: the ``applied_um`` that the stack's heights were moved by, the
        ``drift_um`` that is followed, what its tiles ``shown_um``, and how the lock was.
    STACK_SEGMENTED
        Every mask of the stack is durable (``live``: bool, ``latency_s``). Where the package says
        what it was trained on also ``strangeness``, below 1 within it, and ``flags``: each quantity
        that lies outside, with its value and the range (``quantity``, ``value``, ``low``,
        ``high``).
    STACK_FAILED
        The stack has no masks, or was not stored (``reason``).
    FRAMES_LOST
        Planes that the camera or the program lost (``count``, ``reason``).
    CALIBRATION_MISFIT
        The stacks say that the stored calibration no longer fits (``what``); each way once.
    CELLS
        What deciding was told of a stack: its cells as measured, where they are in their
        ``position``, ``light_ms`` so far, ``brightness``, and what was in the way (``obstacle``).
        One that came ``late`` decided nothing. A replay reads these lines.
    CELL
        What happened to a cell (``kind``, ``cell``, ``since_s``): envelope breakdown, anaphase
        onset, divided, left the field, lost …
    DECISION
        What a ``rule`` made of a ``cell``, and its ``cause``: the ``action``, whether it ``acted``,
        and what was ``seen`` of the cell.
    CHANGED
        The first stack that is taken otherwise (``after_last_plane_s``: real seconds since the last
        plane of the stack that it was decided with; ``stacks_between``).
    FAULT
        Something broke and what was done about it (``what``). Of the hardware also which ``fault``
        it is, the ``device``, the session's ``policy``, the ``outcome`` (retried, skipped, paused,
        went on, warned, stopped) and the ``attempt`` at the stack, from 0.
    DISK
        The disk is short, full or slow, or no longer (``what``, ``free_bytes`` …).
    SUPERVISOR_STARTED
        A process watches over the light (``pid``, and the devices ``light`` that it would switch
        off).
    LIGHT_OFF
        It did so, since the acquisition died or hung (``why``, when in ``at``, ``took_s``, ``off``,
        ``failed``): journalled when the session goes on.
    NOTE
        Somebody said something (``text``, ``by``) at ``time_s`` of the session's time; ``written``
        is when, by the clock of the computer where it was written.
    PAUSED, CONTINUED
        No further stack begins (``reason``); stacks begin again (``paused_s``, ``reason`` of the
        pause).
    """

    SESSION_STARTED = "session_started"
    SESSION_RESUMED = "session_resumed"
    SESSION_FINISHED = "session_finished"
    SEGMENTER_STARTED = "segmenter_started"
    IMAGE_BEGUN = "image_begun"
    STACK_STORED = "stack_stored"
    STACK_SEGMENTED = "stack_segmented"
    STACK_FAILED = "stack_failed"
    FRAMES_LOST = "frames_lost"
    CALIBRATION_MISFIT = "calibration_misfit"
    CELLS = "cells"
    CELL = "cell"
    DECISION = "decision"
    CHANGED = "changed"
    FAULT = "fault"
    DISK = "disk"
    SUPERVISOR_STARTED = "supervisor_started"
    LIGHT_OFF = "light_off"
    NOTE = "note"
    PAUSED = "paused"
    CONTINUED = "continued"


class Journal:
    """Append to a journal, creating it or going on after a kill (a torn last line is cut off).

    Parameters
    ----------
    path : Path
        ``journal.jsonl`` of a session.

    Raises
    ------
    StorageError
        If it cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            whole = path.read_bytes().rfind(b"\n") + 1 if path.is_file() else 0
            self._file = path.open("ab", buffering=0)
            if self._file.seek(0, os.SEEK_END) > whole:
                self._file.truncate(whole)
            sync_folder(path.parent)
        except OSError as error:
            raise storage_error("the journal cannot be opened", error, path) from error

    def append(self, event: str, index: StackIndex | None = None, **fields: object) -> None:
        """Write one line and wait until it is durable.

        Parameters
        ----------
        event : str
            One of `Event`.
        index : StackIndex, optional
            The stack it is about.
        **fields
            Whatever else; numbers, strings, lists and mappings of them. Not-a-number becomes null.

        Raises
        ------
        StorageError
            If the disk is full or fails; the lines before stay whole.
        """
        entry: dict[str, object] = {
            "event": str(event),
            "time": datetime.now().astimezone().isoformat(timespec="milliseconds"),
        }
        if index is not None:
            entry["index"] = {"image": index.image, "t": index.t}
        text = json.dumps(plain(entry | fields), ensure_ascii=False)
        line = text.encode(errors="backslashreplace") + b"\n"  # a path may hold lone surrogates
        with self._lock:
            try:
                write_whole(self._file, line, sync=True)
            except OSError as error:
                what = f"the journal could not take {event} of {index or 'the session'}"
                raise storage_error(what, error, self.path) from error

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class JournalTail:
    """Read a journal as it grows: each call gives the whole lines that came since the last.

    Parameters
    ----------
    path : Path
        ``journal.jsonl``; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._line = 0

    def read_new(self) -> list[dict[str, Any]]:
        """Return the new entries, oldest first; a last line without its end waits.

        Raises
        ------
        StorageError
            If a whole line is damaged, with its number, or the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(
                f"the journal cannot be read: {error}",
                where=str(self.path),
                fix="check the folder's permissions and that its disk is there",
            ) from error
        whole = text[: text.rfind(b"\n") + 1]
        lines = whole.split(b"\n")[:-1]
        entries = [self._parse(line, self._line + k) for k, line in enumerate(lines, start=1)]
        self._offset += len(whole)
        self._line += len(lines)
        return entries

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            entry = json_of(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or "event" not in entry:
            raise StorageError(
                f"line {number} of the journal is damaged: {line[:60]!r}",
                where=f"{self.path}, line {number}",
                fix="restore the file from a copy, or delete this line: what it said is then "
                "taken as not done",
            )
        return entry


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return every entry of a journal, oldest first, ignoring a torn last line.

    Raises
    ------
    StorageError
        If there is no journal, or a line before the last is damaged.
    """
    if not path.is_file():
        raise StorageError("there is no journal", where=str(path), fix="give a session's folder")
    return JournalTail(path).read_new()


def plain(value: object) -> object:
    """Return ``value`` as what JSON can hold: numpy numbers unpacked, not-a-number as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
