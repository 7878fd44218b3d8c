"""What the tests of TensorRT's engines share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from pathlib import Path

    from fake_tensorrt import World

BOTH = ("tensorrt", "tensorrt-rtx")
SHAPE = (1, 2, 4, 16, 24)


def features(shape: tuple[int, ...] = SHAPE, seed: int = 60_400) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def exact(folder: Path, x: np.ndarray) -> np.ndarray:
    engine = choose_engine("openvino", load_package(folder), threads=1, precision="f32")
    return engine.run(x).astype(int)


def given_back(world: World) -> bool:
    cuda = world.cuda
    return not (cuda.held or cuda.streams or cuda.graphs)
