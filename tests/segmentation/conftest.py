"""Packages of a tiny network, for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from tiny_network import describe, write_network

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kernel() -> np.ndarray:
    return np.random.default_rng(60_100).normal(0, 0.4, (2, 2, 3, 3, 3)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path, kernel: np.ndarray) -> Path:
    folder = tmp_path / "TINY"
    folder.mkdir()
    write_network(folder / "model.xml", kernel)
    text = yaml.safe_dump(describe(folder / "model.xml"))
    (folder / "package.yaml").write_text(text, encoding="utf-8")
    return folder
