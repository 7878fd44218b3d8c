"""What moved between two calibrations: known changes are named as what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livesr.calibration.moved import moved
from livesr.calibration.warp import ChromaticModel, exponents

FIELD = (40.0, 60.0)
OLD = ChromaticModel(
    ((1.0, 0.0, 0.0, 0.2), (0.0, 1.001, 0.002, 0.3), (0.0, -0.002, 1.001, -0.1)),
    tuple(tuple(0.01 * np.random.default_rng(60_410 + k).standard_normal(21)) for k in range(3)),
    5,
    36.0,
)


def test_nothing_moved() -> None:
    found = moved(OLD, OLD, FIELD)
    assert found.shift_nm == (0.0, 0.0, 0.0)
    assert found.shape_nm == (0.0, 0.0)
    assert found.magnification == 1.0


def test_a_drift_is_a_shift_and_no_shape() -> None:
    found = moved(OLD, OLD.shifted(0.05, -0.03, 0.01), FIELD)
    assert found.shift_nm == pytest.approx((50.0, -30.0, 10.0), abs=1e-6)
    assert found.shape_nm == pytest.approx((0.0, 0.0), abs=1e-6)
    assert found.turn_mrad == pytest.approx(0.0, abs=1e-9)


def test_magnification_and_rotation_are_told_apart() -> None:
    (z, y, x) = OLD.affine
    turned = replace(
        OLD,
        affine=(z, (0.0, y[1] + 5e-4, y[2] - 3e-4, y[3]), (0.0, x[1] + 3e-4, x[2] + 5e-4, x[3])),
    )
    found = moved(OLD, turned, FIELD)
    assert found.magnification == pytest.approx(1.0005, abs=1e-8)
    assert found.turn_mrad == pytest.approx(0.3, abs=1e-5)
    corner = 1e3 * np.hypot(5e-4, 3e-4) * np.hypot(20.0, 30.0)
    assert found.most_nm[0] == pytest.approx(corner, rel=1e-6)


def test_a_bowl_is_shape_along_z() -> None:
    bowl = np.array([0.1 * (term in ((2, 0), (0, 2))) for term in exponents(5)])
    z, y, x = OLD.polynomial
    bent = replace(OLD, polynomial=(tuple(np.array(z) + bowl), y, x))
    found = moved(OLD, bent, FIELD)
    assert found.shape_nm[0] == pytest.approx(0.0, abs=1e-6)
    assert 15.0 < found.shape_nm[1] < found.most_nm[1] < 100.0
