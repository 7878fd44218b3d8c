"""A segmenter that is loaded before there is a session, so that the first masks come at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.flow import Guest, GuestDiedError
from livesr.session.segmenter import standby

if TYPE_CHECKING:
    from livesr.errors import LivesrError
    from livesr.session.job import Job

_LOAD_S = 1800.0
"""TensorRT may compile for minutes."""
_NOWHERE = Path()


class Warm:
    """A segmenter's process that loads in the background and serves one session after the other.

    Parameters
    ----------
    job : Job
        Of the sessions to come; their folders and lengths may differ.

    Attributes
    ----------
    error : LivesrError or None
        Why it could not be loaded.
    """

    def __init__(self, job: Job) -> None:
        self._job = _common(job)
        self._guest: Guest | None = Guest(standby, job)
        self._loaded = threading.Event()
        self.error: LivesrError | None = None
        self.engine = ""
        self._thread = threading.Thread(target=self._load, name="load-segmenter")
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether it need not be waited for."""
        return self._loaded.is_set()

    def wait(self) -> None:
        """Wait until it is loaded, or could not be."""
        self._loaded.wait()

    def fits(self, job: Job) -> bool:
        """Return whether it can serve a session."""
        return self._guest is not None and _alike(_common(job), self._job)

    def lend(self, job: Job) -> Guest:
        """Return the process, told of a session, once it is loaded.

        Raises
        ------
        GuestDiedError
            If it did not load, or died.
        """
        self._loaded.wait()
        if self._guest is None or self.error is not None:
            raise GuestDiedError(self.error.what if self.error else "it ended")
        self._guest.send(job)
        return self._guest

    def take_back(self) -> None:
        """End the session that it serves."""
        if self._guest is not None:
            try:
                self._guest.send(None)
            except GuestDiedError:
                self._guest = None

    def close(self) -> None:
        """End the process."""
        guest, self._guest = self._guest, None
        if guest is not None:
            if not self._loaded.is_set():
                guest.kill()
            self._thread.join()
            guest.close(timeout_s=5.0)

    def _load(self) -> None:
        guest = self._guest
        try:
            reply = guest.receive(_LOAD_S) if guest is not None else None
            if reply is not None and reply.kind == "error":
                self.error = reply.value
            elif reply is not None:
                self.engine = reply.value["engine"]
        except GuestDiedError:
            self._guest = None
        finally:
            self._loaded.set()


def _common(job: Job) -> Job:
    """Return what must be alike of the jobs of one process."""
    info = replace(job.info, timepoints=1, positions=1, interval_s=0.0, extra={})
    return replace(job, folder=_NOWHERE, info=info)


def _alike(one: object, two: object) -> bool:
    """Return whether two jobs, or parts of them, are equal; the camera's maps are arrays."""
    if type(one) is not type(two):
        return False
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        return np.array_equal(one, two)
    if is_dataclass(one):
        names = [field.name for field in fields(one)]
        return all(_alike(getattr(one, name), getattr(two, name)) for name in names)
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return one.keys() == two.keys() and all(_alike(one[key], two[key]) for key in one)
    if isinstance(one, tuple) and isinstance(two, tuple):
        return len(one) == len(two) and all(map(_alike, one, two))
    return one == two
