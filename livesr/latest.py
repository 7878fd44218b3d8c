"""A slot for the newest thing, between one who makes and one who looks."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """A slot for one item; a newer one takes the place of one that nobody took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._item: T | None = None
        self.overwritten = 0

    def put(self, item: T) -> None:
        """Leave the newest item."""
        with self._lock:
            self.overwritten += self._item is not None
            self._item = item

    def take(self) -> T | None:
        """Return the item and empty the slot; None if there is none."""
        with self._lock:
            item, self._item = self._item, None
            return item
