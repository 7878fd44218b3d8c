"""What a process asks of the C library's memory: to keep what is freed, or to give it back."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
"""Of glibc's ``mallopt``."""
MOST = 2**31 - 1
AHEAD = 256 * 2**20
"""Bytes that the heap grows by at once."""


def keep_memory() -> bool:
    """Let the C library keep what is freed, for a process that allocates the same again and again.

    By default glibc maps each large array anew and unmaps it when it is freed; where the kernel
    clears pages slowly (virtual machines), a training step then takes several times as long, and a
    stack after a pause of seconds half as long again (1.9 s kept, 2.7 to 3.3 s not).

    Returns
    -------
    bool
        False where there is no such setting (Windows and macOS keep memory as it is).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = (
        (M_ARENA_MAX, 1),
        (M_MMAP_MAX, 0),
        (M_TRIM_THRESHOLD, MOST),
        (M_TOP_PAD, AHEAD),
    )
    taken = [mallopt(name, value) for name, value in settings]
    return all(taken)


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library keeps it for itself (glibc).

    Masks compress to another size each time; over a night the gaps that their buffers leave would
    add up. Other systems' allocators give memory back by themselves, and nothing is done there.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
