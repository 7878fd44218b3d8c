"""Segment one stack in a few lines: what a session does with each of its stacks.

    python examples/segment_one_stack.py

Takes a simulated stack; put your own array (c, z, y, x) of camera counts in its place.
"""

from __future__ import annotations

import numpy as np

from livesr.calibration.warp import Warp
from livesr.features import estimate_normalisation
from livesr.pipeline import SegmentTools, measure, segment
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.networks import choose_networks
from livesr.segmentation.segment import network_voxel
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.stack import simulate_stack
from livesr.types import Grid, Stack, StackIndex

OFFSET = 100.0


def main() -> None:
    """Simulate a stack, segment it, print the volume of each structure."""
    photons, _ = simulate_stack(60_010, shape=(16, 192, 192))
    data = CameraModel().expose(photons, np.random.default_rng(0))
    grid = Grid((16, 192, 192), (0.3, 0.0668, 0.0668))  # z, y, x; µm

    networks = choose_networks(["ALL"])  # or ["ten"], or ["MITO", "ER"]
    tools = SegmentTools(
        warp=Warp(grid, network_voxel(networks.first, grid)),
        networks=networks,
        engines=tuple(
            choose_engine("auto", package, structures=names) for package, names in networks.parts
        ),
        offset=OFFSET,
        camera=grid,
        on_camera_grid=True,
    )
    normalisation = estimate_normalisation(data, grid, OFFSET)
    masks = segment(Stack(data, StackIndex(0, 0), 0.0), normalisation, tools).masks
    for row in measure(masks):
        print(f"{row['structure']:20s} {row['volume_um3']:8.1f} µm³")
    for engine in tools.engines:
        engine.close()


if __name__ == "__main__":
    main()
