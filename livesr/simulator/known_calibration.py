"""The stored calibration of the simulated microscope: its own optics, known instead of measured.

``python -m livesr.simulator.known_calibration calibration/simulated.yaml`` writes it. It says so in
its provenance, and it is refused on any other microscope.
"""

from __future__ import annotations

import sys
from pathlib import Path

from livesr import __version__
from livesr.calibration.profile import (
    ChannelTransform,
    Profile,
    Provenance,
    RegistrationError,
    ValidFor,
    save_profile,
)
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.microscope.settings import SceneSettings

FIELD_UM = 80.2
"""A field of 1200 pixels of 0.0668 µm."""


def known_calibration(optics_seed: int) -> Profile:
    """Return the calibration of the simulated optics of a seed, preset ``standard``."""
    optics = Optics.from_seed(optics_seed)
    return Profile(
        name="simulated",
        reference="yellow",
        channels={
            "red": ChannelTransform.of(optics.chromatic),
            "green": ChannelTransform.of(optics.chromatic_green),
        },
        valid_for=ValidFor(
            microscope="simulated microscope",
            camera="simulated camera",
            objective="simulated 100x/1.49 oil",
            pixel_um=SceneSettings().pixel_um,
            field_um=(FIELD_UM, FIELD_UM),
        ),
        simulated=True,
        provenance=Provenance(
            made="2026-11-22",
            by="python -m livesr.simulator.known_calibration calibration/simulated.yaml",
            source=f"the simulated microscope's own optics, OpticsSeed {optics_seed}; no beads",
            software=f"livesr {__version__}",
        ),
        error=RegistrationError(
            fre_nm=None, tre_nm=None, reason="known from the simulation, not measured"
        ),
    )


def main() -> None:
    """Write the calibration to the file named on the command line."""
    save_profile(known_calibration(SceneSettings().optics_seed), Path(sys.argv[1]))


if __name__ == "__main__":
    main()
