"""Masks of an array: your own stack (c, z, y, x) of camera counts in the place of this one.

python examples/segment_an_array.py
"""

from __future__ import annotations

import numpy as np

import livesr
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.stack import simulate_stack


def main() -> None:
    """Simulate two stacks, segment them, print how much of the field each structure takes."""
    photons, _ = simulate_stack(60_011, shape=(16, 128, 128))
    camera, rng = CameraModel(), np.random.default_rng(0)
    stacks = [camera.expose(photons, rng) for _ in range(2)]

    wanted = ["mitochondria", "er", "nucleus"]
    masks = livesr.segment(stacks[0], pixel_um=0.0668, z_step_um=0.3, structures=wanted)
    for name, volume in masks.volumes.items():
        print(f"{name:15s} {volume.shape} {volume.mean():6.1%} of the field")

    # the networks are loaded once, and normalisation is followed from stack to stack
    with livesr.Segmenter(pixel_um=0.0668, z_step_um=0.3, structures=wanted) as segmenter:
        for t, stack in enumerate(stacks):
            print(t, {name: int(v.sum()) for name, v in segmenter(stack).volumes.items()})


if __name__ == "__main__":
    main()
