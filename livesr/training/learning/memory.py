"""What a training process asks of the C library and of oneDNN before it computes."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livesr.training.plan import NetworkPlan

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
"""Of glibc's ``mallopt``."""
MOST = 2**31 - 1
AHEAD = 256 * 2**20
"""Bytes that the heap grows by at once."""


NARROW = 32
"""Channels below which oneDNN's AMX kernels are avoided."""


def avoid_narrow_amx(plan: NetworkPlan) -> None:
    """Keep oneDNN from its AMX kernels for networks of few channels; call it before they compute.

    PyTorch 2.13's write beyond their buffers in the bfloat16 gradients of convolutions of 16
    channels and fewer (seen with ``MALLOC_CHECK_=3``), and are no faster there. A limit that the
    environment has already is left alone.
    """
    if min(plan.widths) < NARROW:
        os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16")


def keep_memory() -> bool:
    """Let the C library keep what is freed, for a process that allocates the same again and again.

    By default glibc maps each large array anew and unmaps it when it is freed; where the kernel
    clears pages slowly (virtual machines), a training step then takes several times as long.

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
