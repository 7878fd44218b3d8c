"""A session on disk that looks like a cell, written as a live session writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from livesr.catalog import NAMES
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, image_path
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Journal
from livesr.storage.labels import LabelWriter
from livesr.types import Grid, Masks, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.types import Float32, UInt8, UInt16

PIXEL_UM, STEP_UM, OFFSET = 0.0668, 0.3, 100
BRIGHTNESS = {  # yellow counts, red / yellow
    "lipid_droplet": (3600, 0.03),
    "golgi": (700, 0.18),
    "mitochondria": (620, 0.37),
    "peroxisome": (500, 0.27),
    "early_endosome": (650, 0.15),
    "late_endosome": (800, 0.17),
    "lysosome": (900, 0.17),
    "er": (420, 0.40),
    "nuclear_membrane": (420, 0.40),
    "nuclear_reticulum": (300, 0.40),
    "plasma_membrane": (420, 0.12),
    "filopodia": (320, 0.12),
    "cytosol": (30, 0.54),
    "nucleus": (18, 0.54),
}


Volume: TypeAlias = npt.NDArray[Any]


class Cell:
    """Masks of fifteen structures on a grid, and what a camera would see of them."""

    def __init__(self, seed: int, pixels: int, planes: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.pixels, self.planes = pixels, planes
        y, x = np.mgrid[:pixels, :pixels] / pixels - 0.5
        angle = np.arctan2(y, x)
        radius = 0.4 + 0.03 * np.sin(3 * angle + 1) + 0.02 * np.sin(7 * angle)
        self.inside = np.stack(
            [np.hypot(y, x * 0.9) < radius * (1 - 0.5 * (k / planes) ** 2) for k in range(planes)]
        )
        height = np.abs(np.arange(planes) / planes - 0.45)[:, None, None]
        shell = ((y - 0.02) / 0.13) ** 2 + ((x + 0.03) / 0.17) ** 2 + (height / 0.42) ** 2
        self.nucleus = shell < 1
        self.masks = self._masks()

    def _masks(self) -> dict[str, UInt8]:
        room = self.inside & ~self.nucleus
        masks: dict[str, Any] = {"nucleus": self.nucleus, "extracellular": ~self.inside}
        rim = _rim(self.nucleus, 2)
        masks["nuclear_membrane"] = rim
        masks["plasma_membrane"] = _rim(self.inside, 2)
        masks["filopodia"] = self._filopodia()
        masks["er"] = self._network() & room & ~rim
        masks["nuclear_reticulum"] = self._tubes(3, 60, 1) & self.nucleus & ~rim
        masks["mitochondria"] = self._tubes(45, 70, 4) & room
        masks["golgi"] = self._tubes(5, 50, 4, near=0.11) & room
        for name, count, size in (
            ("peroxisome", 60, 2),
            ("early_endosome", 50, 2),
            ("late_endosome", 25, 4),
            ("lysosome", 40, 4),
            ("lipid_droplet", 30, 4),
        ):
            masks[name] = self._balls(count, size) & room
        masks["cytosol"] = room
        return {name: masks[name].astype(np.uint8) for name in NAMES}

    def images(self) -> UInt16:
        """Return yellow and red (c, z, y, x)."""
        shape = (self.planes, self.pixels, self.pixels)
        yellow, red = np.full(shape, 6, np.float32), np.full(shape, 3, np.float32)
        for name, (counts, ratio) in BRIGHTNESS.items():
            yellow += np.float32(counts) * self.masks[name]
            red += np.float32(counts * ratio) * self.masks[name]
        seen = [[cv2.GaussianBlur(p, (0, 0), 1.1) for p in c] for c in (yellow, red)]
        noisy = self.rng.poisson(np.asarray(seen)) + self.rng.normal(OFFSET, 1.6, (2, *shape))
        return np.clip(np.rint(noisy), 0, 65535).astype(np.uint16)

    def _network(self) -> Volume:
        noise = self.rng.normal(size=(self.planes, self.pixels, self.pixels)).astype(np.float32)
        smooth = np.stack([_blur(plane, 5.5) for plane in noise])
        slow = _mixed(smooth)
        return np.abs(slow) < 0.22 * slow.std()

    def _tubes(self, count: int, length: int, width: int, near: float | None = None) -> Volume:
        volume = np.zeros((self.planes, self.pixels, self.pixels), np.uint8)
        for _ in range(count):
            place = self._place(near)
            z = int(self.rng.integers(self.planes))
            angle = self.rng.uniform(0, 2 * np.pi)
            steps = np.cumsum(self.rng.normal(0, 0.25, length // 4)) + angle
            path = place + np.cumsum(4 * np.stack([np.cos(steps), np.sin(steps)], -1), axis=0)
            points = np.rint(path).astype(np.int32)[None, :, ::-1]
            for k in range(max(0, z - 1), min(self.planes, z + 2)):
                cv2.polylines(volume[k], list(points), False, 1, width, cv2.LINE_8)
        return volume != 0

    def _balls(self, count: int, size: int) -> Volume:
        volume = np.zeros((self.planes, self.pixels, self.pixels), np.uint8)
        for _ in range(count):
            row, column = self._place(None)
            k = int(self.rng.integers(self.planes))
            radius = max(2, round(size * self.rng.uniform(0.7, 1.4)))
            for plane in range(max(0, k - 1), min(self.planes, k + 2)):
                cv2.circle(volume[plane], (int(column), int(row)), radius, 1, -1)
        return volume != 0

    def _filopodia(self) -> Volume:
        flat = np.zeros((self.pixels, self.pixels), np.uint8)
        centre = self.pixels / 2
        for angle in self.rng.uniform(0, 2 * np.pi, 30):
            way = np.array([np.cos(angle), np.sin(angle)])
            start = centre + way * 0.38 * self.pixels
            end = start + way * self.rng.uniform(0.04, 0.1) * self.pixels
            cv2.line(flat, _xy(start), _xy(end), 1, 2)
        volume = np.zeros((self.planes, self.pixels, self.pixels), bool)
        volume[:2] = (flat != 0) & ~self.inside[0]
        return volume

    def _place(self, near: float | None) -> Volume:
        angle = self.rng.uniform(0, 2 * np.pi)
        far = self.rng.uniform(0.17, 0.38) if near is None else 0.2 + near * self.rng.uniform(-1, 1)
        return self.pixels * (0.5 + far * np.array([np.sin(angle), np.cos(angle)]))


class Recording:
    """A session folder that is written a stack at a time, as a live session writes it.

    Masks lie on the camera's grid, or with ``mask_um`` on a coarser one in y and x.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 60_100,
        pixels: int = 120,
        planes: int = 4,
        planned: int = 6,
        channels: tuple[str, ...] = ("yellow", "red"),
        structures: tuple[str, ...] = NAMES,
        mask_um: float = PIXEL_UM,
        unreliable: tuple[str, ...] = (),
    ) -> None:
        self.folder, self.seed, self.channels = folder, seed, channels
        self.info = RecordingInfo(
            channels, (len(channels), planes, pixels, pixels), planned, 1, PIXEL_UM, STEP_UM, 2.0,
            OFFSET, "stand", "camera", "100x", simulated=True,
        )  # fmt: skip
        settings = {"calibration": "none", "microscope": {"camera_offset": OFFSET}}
        folder.mkdir()
        (folder / SESSION_FILE).write_text(yaml.safe_dump(settings), encoding="utf-8")
        self.journal = Journal(folder / JOURNAL_FILE)
        self.journal.append("session_started", stacks=planned, package="ALL")
        attributes = {"simulated": True, "unreliable_without_ratio": list(unreliable)}
        path = image_path(folder, 0)
        self.raw = ImageWriter.create(path, self.info, name="image", attributes=attributes)
        cells = round(pixels * PIXEL_UM / mask_um)
        self.grid = Grid((planes, cells, cells), (STEP_UM, mask_um, mask_um))
        self.labels = LabelWriter.create(path, structures, self.grid, planned, interval_s=2.0)
        self.cells: list[Cell] = []

    def store(self) -> None:
        """Store the next stack."""
        _, planes, pixels, _ = self.info.shape
        t = len(self.cells)
        cell = Cell(self.seed + t, pixels, planes)
        self.cells.append(cell)
        self.raw.write_raw(t, np.ascontiguousarray(cell.images()[: len(self.channels)]))
        self.journal.append("stack_stored", StackIndex(0, t), frames=planes, time_s=2.0 * t)

    def segment(self, t: int, **journalled: Any) -> None:
        """Store the masks of a stack."""
        shape = self.grid.shape[1:]
        volumes = {
            name: np.stack([cv2.resize(p, shape[::-1], interpolation=cv2.INTER_AREA) for p in mask])
            for name, mask in self.cells[t].masks.items()
        }
        self.labels.write(t, Masks(volumes, self.grid, StackIndex(0, t)))
        self.journal.append(
            "stack_segmented", StackIndex(0, t), live=True, latency_s=0.84, **journalled
        )

    def add(self, stacks: int = 1) -> Recording:
        """Store and segment stacks."""
        for _ in range(stacks):
            self.store()
            self.segment(len(self.cells) - 1)
        return self

    def finish(self) -> Recording:
        """End the session."""
        self.journal.append("session_finished")
        self.close()
        return self

    def close(self) -> None:
        """Let go of the files."""
        for part in (self.raw, self.labels, self.journal):
            part.close()


def _rim(volume: Volume, width: int) -> Volume:
    kernel = np.ones((2 * width + 1,) * 2, np.uint8)
    inner = [cv2.erode(plane.astype(np.uint8), kernel) for plane in volume]
    return volume & (np.stack(inner) == 0)


def _blur(plane: Float32, sigma: float) -> Float32:
    blurred: Float32 = cv2.GaussianBlur(plane, (0, 0), sigma)
    return blurred


def _mixed(volume: Float32) -> Float32:
    """Let neighbouring planes look alike."""
    mixed = volume.copy()
    for k in range(1, len(volume)):
        mixed[k] = 0.8 * mixed[k - 1] + 0.6 * volume[k]
    return mixed


def _xy(point: Volume) -> tuple[int, int]:
    return int(point[1]), int(point[0])
