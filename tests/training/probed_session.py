"""A finished session of cells that are drawn, with a green channel: no network, no microscope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import yaml

from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, image_path
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal
from livesr.storage.labels import LabelWriter
from livesr.types import Grid, Masks, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.types import Bool, UInt16

GRID = Grid((6, 128, 128), (0.3, 0.1, 0.1))
OFFSET = 100.0
STRUCTURES = ("lipid_droplet", "mitochondria", "nucleus")


@dataclass(frozen=True)
class Drawn:
    """What the cells of a session are like.

    share: of yellow in green. probe: green counts in the mitochondria. shifted: pixels that the
    masks of mitochondria are wrong by. cell, droplets: counts of yellow.
    """

    share: float = 0.0
    probe: float = 0.0
    shifted: int = 0
    cell: float = 200.0
    droplets: float = 2000.0
    positions: int = 1
    timepoints: int = 1
    channels: tuple[str, ...] = ("yellow", "red", "green")
    structures: tuple[str, ...] = STRUCTURES
    segmented: bool = True
    saturated: bool = False


def masks() -> dict[str, Bool]:
    """What is where, in every stack."""
    out = {name: np.zeros(GRID.shape, bool) for name in STRUCTURES}
    for k in range(20, 110, 14):
        out["mitochondria"][1:5, k : k + 5, 20:100] = True
        out["lipid_droplet"][2:4, k : k + 6, 108:114] = True
    out["nucleus"][:, 40:80, 40:80] = True
    return out


def counts(drawn: Drawn, index: StackIndex) -> dict[str, UInt16]:
    """One stack by channel."""
    rng = np.random.default_rng([60_000, index.image, index.t])
    at = masks()
    yellow = np.full(GRID.shape, 5.0)
    # membranes: lines that stand out from what lies between them
    for row in range(10, 118, 8):
        yellow[:, row : row + 2, 10:118] += drawn.cell
    yellow[:, 10:118, 10:118] += drawn.cell / 4
    yellow[at["lipid_droplet"]] = drawn.droplets
    green = 3.0 + drawn.share * (yellow - 5.0)
    green[at["lipid_droplet"]] += 0.15 * drawn.droplets
    green[at["mitochondria"]] += drawn.probe
    if drawn.saturated:
        green[at["mitochondria"]] = 1e6
    light = {
        "yellow": yellow,
        "red": 0.4 * yellow,
        "green": green,
        "far_red": at["nucleus"] * 300.0,
    }
    return {
        name: np.clip(rng.poisson(np.minimum(light[name], 1e5)) + OFFSET, 0, 65_535).astype(
            np.uint16
        )
        for name in drawn.channels
    }


def session(folder: Path, drawn: Drawn, **source: object) -> Path:
    """Write the session and return its folder."""
    folder.mkdir(parents=True)
    known = {"config": "drawn.cfg", "camera_offset": OFFSET, "objective": "100x", **source}
    settings = {"name": "drawn", "calibration": "none", "microscope": known}
    (folder / SESSION_FILE).write_text(yaml.safe_dump(settings), "utf-8")
    info = RecordingInfo(
        channels=drawn.channels,
        shape=(len(drawn.channels), *GRID.shape),
        timepoints=drawn.timepoints,
        positions=drawn.positions,
        pixel_um=0.1,
        z_step_um=0.3,
        interval_s=1.0,
        camera_offset=OFFSET,
        microscope="stand",
        camera="camera",
        objective="100x",
        simulated=False,
    )
    journal = Journal(folder / JOURNAL_FILE)
    journal.append(Event.SESSION_STARTED, None, microscope="stand", camera="camera")
    notes = {"package_sha256": {"DRAWN": "ab" * 32}}
    found = masks()
    found["mitochondria"] = np.roll(found["mitochondria"], drawn.shifted, axis=1)
    for number in range(drawn.positions):
        image = ImageWriter.create(image_path(folder, number), info, name="drawn")
        labels = None
        if drawn.segmented:
            labels = LabelWriter.create(
                image_path(folder, number), drawn.structures, GRID, drawn.timepoints,
                interval_s=1.0, attributes=notes,
            )  # fmt: skip
        for t in range(drawn.timepoints):
            index = StackIndex(number, t)
            image.write_raw(t, np.stack(list(counts(drawn, index).values())))
            journal.append(Event.STACK_STORED, index)
            if labels is not None:
                volumes = {name: found[name].astype(np.uint8) for name in drawn.structures}
                labels.write(t, Masks(volumes, GRID, index))
                journal.append(Event.STACK_SEGMENTED, index, live=True)
        image.close()
    journal.close()
    return folder
