"""What a training process asks of oneDNN before it computes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livesr.training.plan import NetworkPlan

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
