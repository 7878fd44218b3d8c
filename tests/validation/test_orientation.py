"""What simulated cells give is told where it is known, and nowhere else."""

from __future__ import annotations

from livesr.simulator.coloc import PROBES
from livesr.validation.orientation import SIMULATED, orientation


def test_every_simulated_probe_has_its_line() -> None:
    assert set(SIMULATED) == {*PROBES, "lipid_droplet"}
    line = orientation("mitochondria")
    assert line is not None
    assert "0.81" in line
    assert "0.82 against the truth" in line
    assert orientation("filopodia") is None
