"""Good files of every kind that livesr reads, small, and which damage is done to each kind."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import yaml
import zarr

from livesr.bench.mutations import spoil_bytes, spoil_formats, spoil_text
from livesr.calibration.chromagnon.models import write_chromagnon
from livesr.calibration.profile import load_profile
from livesr.calibration.warp import ChromaticModel
from livesr.config import dump_session, session_from
from livesr.data import data_folder
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, SPOOL_FOLDER, image_path
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal
from livesr.storage.labels import LabelWriter
from livesr.storage.ome_tiff import TiffSeries
from livesr.storage.spool import Spool
from livesr.storage.tables import RowLog, plane_row, to_parquet
from livesr.training.labelled import LabelledStack
from livesr.training.labels.dataset import write_sample
from livesr.types import Frame, Grid, Masks, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.bench.mutations.spoil_bytes import Spoil
    from livesr.types import UInt16

SHAPE = (2, 4, 48, 64)
TIMEPOINTS = 2
GRID = Grid((4, 48, 64), (0.3, 0.1, 0.1))
STRUCTURES = ("lipid_droplet", "mitochondria")
LIVE = "live"
SIZED = "sized"
"""A session that lacks its spool, as most do."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one kind.

    Attributes
    ----------
    files : tuple of str
        Patterns below the folder of the good files.
    spoils : tuple of callable
        What damages them; each as likely as any other.
    writes : tuple of str
        Folders that reading such a file may write to: the session's own.
    weight : float
        How many of the mutations fall on it, against others.
    """

    files: tuple[str, ...]
    spoils: tuple[Spoil, ...]
    writes: tuple[str, ...] = ()
    weight: float = 1.0


_YAML = (*spoil_bytes.TEXT, *(spoil_text.yaml_values,) * 30)
_JSON = (*spoil_bytes.TEXT, *(spoil_text.json_values,) * 30)
_LINES = (*spoil_bytes.TEXT, *(spoil_text.json_lines,) * 30)
_TIFF = (
    *spoil_bytes.EVERY, *(spoil_formats.tiff_tag,) * 8, *(spoil_formats.tiff_description,) * 8,
)  # fmt: skip

KINDS: dict[str, Kind] = {
    "session": Kind(("session.yaml", "microscope.yaml", "useq.yaml"), _YAML, weight=2.0),
    "calibration": Kind(("cal.yaml",), _YAML, weight=2.0),
    "error map": Kind(
        ("cal.error.npz",), (*spoil_bytes.EVERY, *(spoil_formats.arrays,) * 6), weight=0.5
    ),
    "chromagnon": Kind(("cal.chromagnon.csv",), spoil_bytes.TEXT, weight=0.5),
    "package": Kind(("package/rdf.yaml",), _YAML, weight=1.5),
    "package graph": Kind(
        ("package/model.onnx",), (*spoil_bytes.EVERY, *(spoil_formats.graph,) * 13), weight=1.0
    ),
    "package arrays": Kind(
        ("package/*.npy",), (*spoil_bytes.EVERY, *(spoil_formats.array_header,) * 8), weight=0.5
    ),
    "package weights": Kind(("package/weights.safetensors",), spoil_bytes.EVERY, weight=0.3),
    "journal": Kind((f"{LIVE}/{JOURNAL_FILE}",), _LINES, (LIVE,), weight=2.0),
    "spool": Kind((f"{LIVE}/spool/spool.json",), _JSON, (f"{LIVE}/spool",), weight=0.5),
    "spool slots": Kind((f"{LIVE}/spool/slot-*.dat",), spoil_bytes.EVERY, (f"{LIVE}/spool",)),
    "image metadata": Kind((f"{LIVE}/image.ome.zarr/**/zarr.json",), _JSON, (LIVE,), weight=3.0),
    "image pixels": Kind((f"{LIVE}/image.ome.zarr/**/c/**/*",), spoil_bytes.EVERY, (LIVE,)),
    "session as run": Kind((f"{LIVE}/{SESSION_FILE}",), _YAML, (LIVE,)),
    "tables": Kind((f"{LIVE}/planes.jsonl",), _LINES, (LIVE,), weight=0.5),
    "parquet": Kind((f"{LIVE}/planes.parquet",), spoil_bytes.EVERY, (LIVE,), weight=0.5),
    "TIFF": Kind(("recorded/*.tif",), _TIFF, weight=2.0),
    "OME-Zarr 0.4 metadata": Kind(("recorded/old.ome.zarr/**/.z*",), _JSON, weight=1.5),
    "OME-Zarr 0.4 pixels": Kind(("recorded/old.ome.zarr/0/[0-9]*",), spoil_bytes.EVERY, weight=0.3),
    "data set": Kind(("dataset/dataset.yaml",), _YAML),
    "data set images": Kind(("dataset/**/*.tif",), _TIFF, weight=0.5),
    "label plan": Kind(("plan.yaml",), _YAML),
    "recipe": Kind(("recipe.yaml",), _YAML, weight=1.5),
}


def make_good(folder: Path) -> None:
    """Write good files of every kind, and what hostile ones shall not reach, into a new folder."""
    folder.mkdir(parents=True)
    _victim(folder / spoil_text.VICTIM)
    _recorded(folder / "recorded")
    _sessions(folder)
    _calibration(folder)
    shutil.copytree(data_folder("models") / "LD", folder / "package")
    _live(folder / LIVE)
    _data_set(folder)
    (folder / "recipe.yaml").write_text(_RECIPE, encoding="utf-8")


def _counts(seed: int = 60_000) -> UInt16:
    rng = np.random.default_rng(seed)
    return rng.integers(100, 1000, SHAPE, dtype=np.uint16)


def _info(source: str) -> RecordingInfo:
    return RecordingInfo(
        channels=("yellow", "red"),
        shape=SHAPE,
        timepoints=TIMEPOINTS,
        positions=1,
        pixel_um=0.1,
        z_step_um=0.3,
        interval_s=1.0,
        camera_offset=100.0,
        microscope=source,
        camera="",
        objective="",
        simulated=False,
    )


def _victim(folder: Path) -> None:
    """Make what a name with a way out would lead to: an image that could be read and changed."""
    folder.mkdir()
    (folder / "secret.txt").write_text("not for reading", encoding="utf-8")
    ImageWriter.create(image_path(folder, 0), _info("victim"), name="victim", attributes={}).close()
    (image_path(folder, 0) / "0" / "lost.__lock").touch()


def _recorded(folder: Path) -> None:
    folder.mkdir()
    series = TiffSeries(
        folder / "ome.ome.tif",
        (TIMEPOINTS, *SHAPE),
        np.uint16,
        GRID,
        interval_s=1.0,
        channels=("yellow", "red"),
    )
    for t in range(TIMEPOINTS):
        series.write(t, _counts(t))
    series.close()
    planes = _counts().transpose(1, 0, 2, 3)
    tifffile.imwrite(
        folder / "imagej.tif",
        planes,
        imagej=True,
        resolution=(10, 10),
        metadata={"axes": "ZCYX", "spacing": 0.3, "unit": "um"},
    )
    tifffile.imwrite(
        folder / "plain.tif",
        planes[:, 0],
        compression="zlib",
        photometric="minisblack",
        metadata=None,
    )
    _old_zarr(folder / "old.ome.zarr")


def _old_zarr(folder: Path) -> None:
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    array = group.create_array(
        "0", shape=SHAPE, chunks=(1, 2, 48, 64), dtype="u2", chunk_key_encoding=None
    )
    array[...] = _counts()
    axes: list[Any] = [{"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    scale: list[Any] = [{"type": "scale", "scale": [1.0, 0.3, 0.1, 0.1]}]
    dataset: Any = {"path": "0", "coordinateTransformations": scale}
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [dataset]}]
    group.attrs["omero"] = {"channels": [{"label": "yellow"}, {"label": "red"}]}


def _sessions(folder: Path) -> None:
    recorded = {
        "name": "recorded",
        "recording": {
            "paths": ["recorded/ome.ome.tif"],
            "axes": "tczyx",
            "pixel_um": 0.1,
            "z_step_um": 0.3,
            "interval_s": 1.0,
            "name": "simulated microscope",
        },
        "layout": {
            "kind": "sequential",
            "channels": [
                {"name": "yellow", "config": "Yellow"},
                {"name": "red", "config": "Red"},
            ],
        },
        "calibration": "none",
        "calibration_follow": True,
        "segmentation": {
            "package": ["package"],
            "structures": ["lipid_droplet"],
            "engine": "openvino",
            "threads": 1,
            "policy": "every",
            "grid": "camera",
        },
        "storage": {"spool_slots": 2, "keep_free_gib": 0.1},
        "metadata": {"who": "me", "notes": ["a", 1]},
    }
    sequence = {
        "axis_order": "tpcz",
        "setup": {"exposure": 50},
        "stage_positions": [{"x": 1.0, "y": 2.0, "z": 3.0, "name": "a"}],
        "time_plan": {"interval": 30, "loops": 3},
        "z_plan": {"bottom": 0.0, "top": 6.9, "step": 0.3},
    }
    microscope = {
        "name": "microscope",
        "microscope": {
            "config": "simulated",
            "properties": {"Camera": {"Seed": 60000, "FieldWidth": 384, "FieldHeight": 384}},
            "pixel_um": 0.0668,
        },
        "layout": {
            "kind": "splitter",
            "channels": [
                {"name": "yellow", "x": 0, "y": 0, "width": 384, "height": 384},
                {"name": "red", "x": 384, "y": 0, "width": 384, "height": 384},
            ],
        },
        "sequence": sequence,
        "calibration": "none",
    }
    useq = {
        **sequence,
        "axis_order": "tpgcz",
        "time_plan": {"interval": 2, "duration": 60},
        "z_plan": {"range": 6, "step": 0.5},
        "channels": [{"config": "Yellow", "exposure": 20}],
        "grid_plan": {"rows": 2, "columns": 2},
        "metadata": {"livesr": {"name": "plan", "segmentation": {"enabled": False}}},
    }
    for name, content in (("session", recorded), ("microscope", microscope), ("useq", useq)):
        text = yaml.safe_dump(content, sort_keys=False)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _calibration(folder: Path) -> None:
    stored = data_folder("calibration")
    shutil.copy(stored / "simulated.yaml", folder / "cal.yaml")
    shutil.copy(stored / "simulated.error.npz", folder / "cal.error.npz")
    model = load_profile(folder / "cal.yaml").models()["red"]
    small = ChromaticModel(model.affine)
    write_chromagnon(folder / "cal.chromagnon.csv", {"red": small}, GRID, ("yellow", "red"))


def _live(folder: Path) -> None:
    """Make a session that was killed: one stack with masks, one without, one in the spool."""
    folder.mkdir()
    session = session_from(
        {
            "name": "live",
            "recording": {"paths": ["recorded/ome.ome.tif"], "camera_offset": 100.0},
            "layout": "prime95b-sequential",
            "calibration": "simulated",
        }
    )
    (folder / SESSION_FILE).write_text(dump_session(session), encoding="utf-8")
    info = _info("live")
    image = ImageWriter.create(
        image_path(folder, 0),
        info,
        name="live",
        attributes={"calibration": "simulated", "unreliable_without_ratio": []},
    )
    labels = LabelWriter.create(image_path(folder, 0), STRUCTURES, GRID, TIMEPOINTS, interval_s=1.0)
    rows = RowLog(folder / "planes.jsonl")
    with Journal(folder / JOURNAL_FILE) as journal:
        journal.append(Event.SESSION_STARTED, stacks=3, package="LD", session="live")
        journal.append(Event.SEGMENTER_STARTED, engine="openvino", precision="f32", pid=1)
        for t in range(TIMEPOINTS):
            index = StackIndex(0, t)
            image.write_raw(t, _counts(t))
            journal.append(
                Event.STACK_STORED,
                index,
                time_s=float(t),
                frames=8,
                normalisation={"intensity": 300.0, "ratio": 1.1},
                channel_offset_nm={"red": {"z": 10, "y": -20, "x": 30}},
            )
        mask = (_counts(5)[0] > 700).astype(np.uint8)
        labels.write(0, Masks(dict.fromkeys(STRUCTURES, mask), GRID, StackIndex(0, 0)))
        flag = {"quantity": "intensity", "value": 9.0, "low": 100.0, "high": 2000.0}
        journal.append(
            Event.STACK_SEGMENTED,
            StackIndex(0, 0),
            live=True,
            latency_s=0.8,
            strangeness=1.2,
            flags=[flag],
        )
        journal.append(Event.FRAMES_LOST, StackIndex(0, 1), count=1, frames=[{"c": 0, "z": 2}])
        journal.append(Event.STACK_FAILED, StackIndex(0, 1), reason="a test")
        journal.append(Event.FAULT, what="a test")
    for z in range(4):
        frame = Frame(
            _counts()[0, z], StackIndex(0, 0), z, 0, 0.1 * z, (0.0, 0.0, 0.3 * z), 50.0, {"a": 1}
        )
        rows.append(plane_row(frame))
    rows.close()
    to_parquet(folder / "planes.jsonl", folder / "planes.parquet")
    spool = Spool(folder / SPOOL_FOLDER, SHAPE, 2)
    slot = spool.acquire(StackIndex(0, 2))
    if slot is not None:
        slot.time_s = 2.0
        for c in range(2):
            slot.put(c, 0, _counts(7)[c, 0])
    spool.close(remove=False)


def _data_set(folder: Path) -> None:
    mask = _counts(5)[0] > 700
    stack = LabelledStack(
        _counts(), GRID, 100.0, ChromaticModel.identity(), {"lipid_droplet": mask}, "cell-1"
    )
    write_sample(folder / "dataset", stack)
    plan = {
        "samples": [
            {
                "name": "cell-1",
                "image": "recorded/ome.ome.tif",
                "channels": {"yellow": 0, "red": 1},
                "voxel_um": [0.3, 0.1, 0.1],
                "offset": 100,
                "t": 1,
                "calibration": "registered",
                "masks": {
                    "lipid_droplet": {
                        "file": "dataset/cell-1/labels/lipid_droplet.ome.tif",
                        "label": 1,
                    }
                },
                "colocalisation": {
                    "golgi": {
                        "channel": 1,
                        "r": 0.2,
                        "foreground": "otsu",
                        "lipid_droplet": "mask",
                    }
                },
            }
        ]
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")


_RECIPE = """\
name: TINY
description: a recipe
seed: 1
initial: package
run: runs/tiny
package: runs/tiny/package
evaluate: [60000]
network:
  widths: [8, 16, 16]
  head: 32
  heads:
    - {network: LD, structures: [lipid_droplet], activation: sigmoid}
fields: {folder: runs/fields, seeds: 59900, count: 6, validation_count: 1, shape: [320, 320]}
data: {folders: [dataset], share: 0.5}
loss: {dice: 1.0}
schedule:
  steps: 120
  patch: [24, 96, 96]
  optimizer: muon
  learning_rate: 2.0e-2
  shape: cosine
  validate_every: 60
"""
