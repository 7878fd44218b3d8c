"""PyTorch on a card, beyond what every engine must do (tests/segmentation/engines)."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from livesr.errors import ModelError
from livesr.segmentation.engines import choose_engine, entry_of
from livesr.segmentation.package import load_package

REASON = entry_of("torch-cuda").unavailable()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
]


def features(scale: float) -> np.ndarray:
    gamma = np.random.default_rng(60_150).gamma(2, 0.5, (1, 2, 8, 64, 64))
    return (scale * gamma).astype(np.float32)


@pytest.mark.parametrize("precision", ["f16", "bf16"])
def test_masks_in_half_the_bits_are_those_of_f32(precision: str) -> None:
    package = load_package("ALL")
    masks = []
    for asked in ("f32", precision):
        with closing(choose_engine("torch-cuda", package, precision=asked)) as engine:
            masks.append(engine.run(features(1)).copy() >= 128)
    assert (masks[0] != masks[1]).mean() < 2e-3


def test_half_precision_that_overflows_is_an_error_and_the_engine_goes_on() -> None:
    with closing(choose_engine("torch-cuda", load_package("ALL"))) as engine:
        expected = engine.run(features(1)).copy()
        with pytest.raises(ModelError, match="no numbers in f16") as caught:
            engine.run(features(1e6))
        assert "precision: bf16" in caught.value.fix
        np.testing.assert_array_equal(engine.run(features(1)), expected)
