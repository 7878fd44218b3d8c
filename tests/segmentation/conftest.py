"""Packages of a tiny network, for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tiny_network import write_package

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kernel() -> np.ndarray:
    return np.random.default_rng(60_100).normal(0, 0.4, (2, 2, 3, 3, 3)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path, kernel: np.ndarray) -> Path:
    folder = tmp_path / "TINY"
    write_package(folder, kernel)
    return folder
