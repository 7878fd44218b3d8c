"""A network that runs in PyTorch and as an engine, and the package that describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_network import describe, livesr, write_package, write_rdf

from livesr.segmentation.package import Package, load_package

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from resident_network import Convolution


@pytest.fixture
def kernel() -> np.ndarray:
    from resident_network import random_kernel  # it needs PyTorch, as the tests here do

    return random_kernel()


@pytest.fixture
def network(kernel: np.ndarray) -> Convolution:
    from resident_network import Convolution

    return Convolution(kernel)


@pytest.fixture
def package(tmp_path: Path, kernel: np.ndarray) -> Package:
    write_package(tmp_path / "TINY", kernel)
    return load_package(tmp_path / "TINY")


@pytest.fixture
def flat_package(package: Package) -> Package:
    """The same for planes alone."""
    seen = {**livesr()["input"], "z_multiple": 1, "halo": [0, 1, 1]}
    write_rdf(package.folder, describe(package.folder, dims="2d", input=seen))
    return load_package(package.folder)
