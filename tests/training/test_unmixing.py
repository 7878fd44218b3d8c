"""Nile Red's share in green, from cells without a probe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from probed_session import Drawn, session

from livesr.errors import ConfigError
from livesr.training.labels.sessions import SessionStacks
from livesr.training.labels.unmixing import control_share, slope_of

if TYPE_CHECKING:
    from pathlib import Path

CONTROL = Drawn(share=0.2, timepoints=2)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.5])
def test_the_share_is_found_beside_droplets(tmp_path: Path, share: float) -> None:
    found = control_share(SessionStacks(session(tmp_path / "s", replace(CONTROL, share=share))))
    assert found.share == pytest.approx(share, abs=0.01)
    assert found.error < 0.01
    assert found.droplets == pytest.approx(share + 0.15, abs=0.02)
    assert found.stacks == 2


@pytest.mark.parametrize("width", [100.0, 1.0])
def test_a_minority_that_lies_elsewhere_does_not_turn_the_line(width: float) -> None:
    rng = np.random.default_rng(60_000)
    x = 100 + rng.uniform(0, width, 4000)
    y = 0.2 * x + rng.normal(0, 1, x.size)
    y[:400] += 60.0
    slope, spread = slope_of(x, y)
    assert slope == pytest.approx(0.2, abs=0.003)
    assert spread == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (replace(CONTROL, probe=300.0), "greener than Nile Red explains"),
        (replace(CONTROL, cell=0.5, droplets=5.0), "shows no cells"),
        (replace(CONTROL, structures=("mitochondria",)), "no masks of lipid droplets"),
        (replace(CONTROL, segmented=False), "has no masks"),
        (replace(CONTROL, channels=("yellow", "red")), "no channel 'green'"),
    ],
)
def test_a_control_that_is_none_is_refused(tmp_path: Path, drawn: Drawn, message: str) -> None:
    folder = session(tmp_path / "s", drawn)
    with pytest.raises(ConfigError, match=message) as error:
        control_share(SessionStacks(folder))
    assert error.value.fix
    assert "s" in error.value.where


def test_droplets_alone_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import probed_session

    everywhere = {name: np.ones_like(mask) for name, mask in probed_session.masks().items()}
    monkeypatch.setattr(probed_session, "masks", lambda: everywhere)
    folder = session(tmp_path / "s", Drawn(droplets=300.0))
    with pytest.raises(ConfigError, match=r"lipid droplets|no cells"):
        control_share(SessionStacks(folder))
