"""What a graphics card's failures mean to users."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from livesr.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def card_errors() -> Iterator[None]:
    """Say what a card's failure means."""
    try:
        yield
    except torch.OutOfMemoryError as problem:
        raise ModelError(
            f"the graphics card has not enough memory for a stack: {_line(problem)}",
            where="segmentation.engine",
            fix="end other programs on it, choose a smaller field, or write 'engine: openvino'",
        ) from None
    except RuntimeError as problem:
        if "CUDA" not in str(problem):
            raise
        raise ModelError(
            f"the graphics card failed: {_line(problem)}",
            where="segmentation.engine",
            fix="livesr doctor says how it is; 'engine: openvino' does without it",
        ) from None


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:300]
