"""How livesr reads each kind of file: everything that it would do before it trusts the content."""

# every reader is called with the folder and the spoilt file in it, whichever it needs
# ruff: noqa: ARG001

from __future__ import annotations

import contextlib
import io
import os
import random
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from livesr.acquisition.plan import StackPlan
from livesr.bench.mutations.good import GRID, LIVE, SHAPE
from livesr.calibration.applicability import applicability, remarks
from livesr.calibration.chromagnon.models import read_chromagnon
from livesr.calibration.compare import compare
from livesr.calibration.error_map import load_error_maps
from livesr.calibration.profile import load_profile
from livesr.calibration.warp import Warp
from livesr.config import dump_session, plain_session, read_session, session_from
from livesr.data import data_folder
from livesr.segmentation.checking import check_package
from livesr.segmentation.networks import choose_networks
from livesr.segmentation.package import load_package
from livesr.session import make_plan
from livesr.session.summary import summary_of
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal
from livesr.storage.labels import LabelWriter
from livesr.storage.reader import open_session
from livesr.storage.recording import open_recording
from livesr.storage.spool import Spool, SpoolReader
from livesr.storage.tables import RowLog, read_table, to_parquet
from livesr.training.labels.dataset import open_dataset
from livesr.training.labels.images import read_mask
from livesr.training.labels.plan import read_label_plan
from livesr.training.labels.sample import read_sample
from livesr.training.recipe import dump_recipe, read_recipe, recipe_from
from livesr.types import RecordingInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM_SHARE = 0.1
"""Share of the cases in which the program is called as a user would, which takes longer."""


def session(root: Path, file: Path) -> None:
    """Read a session file, write it out, and plan it as far as no microscope is needed."""
    found = read_session(file)
    plain_session(found)
    session_from(yaml.safe_load(dump_session(found)))
    if found.recording is not None:
        plan = make_plan(found)
        summary_of(plan)
        plan.disk_bytes()
        plan.source.close()
    else:
        stacks = StackPlan(found.sequence, found.layout)
        next(stacks.stacks(), None)


def calibration(root: Path, file: Path) -> None:
    """Read a calibration, compare it with the session and another, and warp by it."""
    profile = load_profile(file)
    info = RecordingInfo(
        ("yellow", "red"), SHAPE, 1, 1, profile.valid_for.pixel_um, 0.3, 1.0, 100.0,
        profile.valid_for.microscope, profile.valid_for.camera, profile.valid_for.objective,
        simulated=True,
    )  # fmt: skip
    profile.check(info)
    list(remarks(applicability(profile, info)))
    warp = Warp(GRID, (0.3, 0.1, 0.1), {1: profile.models()["red"]})
    warp.apply(np.full(SHAPE, 200, np.uint16), 100.0)
    compare(load_profile("simulated"), profile)


def error_map(root: Path, file: Path) -> None:
    """Read the error maps beside a calibration."""
    load_error_maps(file)


def chromagnon(root: Path, file: Path) -> None:
    """Read Chromagnon's table and warp by it."""
    models = read_chromagnon(file, GRID, ("yellow", "red"))
    Warp(GRID, (0.3, 0.1, 0.1), {1: models["red"]})


def package(root: Path, file: Path) -> None:
    """Read a package, and where its description says that it is whole, run its networks."""
    folder = root / "package"
    networks = choose_networks([str(folder)])
    networks.tables()
    seen = networks.seen()
    if seen is not None:
        seen.strangeness(dict.fromkeys(seen.ranges, 1.0))
    one = load_package(folder)
    [one.about.f1(name) for name in one.structures]
    one.about.model_dump(mode="json")
    check_package(one, "openvino")
    if find_spec("torch") is not None:
        loading = import_module("livesr.segmentation.network.loading")
        loading.network_of(one)
        loading.folded_network_of(one)


def live_session(root: Path, file: Path) -> None:
    """Open a session as the viewer does, read all of it, and as a resumed run does."""
    folder = root / LIVE
    found = open_session(folder)
    found.status()
    found.journal()
    found.ledger.pending()
    for image in found.images:
        image.flags()
        image.grid  # noqa: B018 - it is read
        image.attributes.get("calibration")
        stored, segmented = sorted(image.stored()), sorted(image.segmented())
        for t in stored[:3]:
            for c in range(len(image.channels)):
                image.raw(t, c)
                image.raw(t, c, 0)
        for name in image.structures:
            image.mask_grid(name)
            for t in segmented[:3]:
                image.mask(name, t)
    with open_recording(folder, z_step_um=0.3, pixel_um=0.1) as played:
        played.plane(0, 0, 0)


def resumed_session(root: Path, file: Path) -> None:
    """Open a session's files as a resumed run does: for writing."""
    live_session(root, file)
    image = root / LIVE / "image.ome.zarr"
    ImageWriter.open(image).close()
    LabelWriter.open(image).close()
    with Journal(root / LIVE / "journal.jsonl") as journal:
        journal.append(Event.SESSION_RESUMED, stacks=3)
    open_session(root / LIVE)


def spool(root: Path, file: Path) -> None:
    """Read what a killed run left in its spool, and take it over."""
    folder = root / LIVE / "spool"
    reader = SpoolReader(folder)
    list(reader.arriving())
    for number in range(len(list(folder.glob("slot-*.dat")))):
        index = reader.index(number)
        if index is not None:
            reader.read(number, index)
    reader.close()
    ring = Spool(folder, SHAPE, 2)
    for slot in ring.held():
        str(slot.index)
        np.isfinite(slot.time_s)
        slot.arrived.sum()
        slot.data.max()
    ring.close(remove=False)


def tables(root: Path, file: Path) -> None:
    """Go on with a table, and turn it into parquet."""
    RowLog(file).close()
    to_parquet(file, file.with_name("again.parquet"))
    read_table(file.with_name("again.parquet"))


def parquet(root: Path, file: Path) -> None:
    """Read a table."""
    read_table(file)


def recording(root: Path, file: Path) -> None:
    """Open a recording and read every plane; one also as a mask."""
    path = next((p for p in (file, *file.parents) if p.parent.name == "recorded"), file)
    axes = "zyx" if path.name == "plain.tif" else None
    with open_recording(path, axes=axes, pixel_um=0.1, z_step_um=0.3) as played:
        t, c, z, _, _ = played.shape
        for at in [*np.ndindex(min(t, 3), min(c, 3), min(z, 5))]:
            played.plane(*at)
    if path.name == "plain.tif":
        read_mask(path)


def data_set(root: Path, file: Path) -> None:
    """Open a data set and read its samples."""
    found = open_dataset(root / "dataset")
    found.summary()
    for sample in found.samples:
        found.labelled(sample)


def label_plan(root: Path, file: Path) -> None:
    """Read a plan of labels and its samples."""
    for sample in read_label_plan(file).samples:
        read_sample(sample)


def recipe(root: Path, file: Path) -> None:
    """Read a recipe."""
    found = read_recipe(file)
    recipe_from(yaml.safe_load(dump_recipe(found)))


READERS: dict[str, Callable[[Path, Path], None]] = {
    "session": session,
    "calibration": calibration,
    "error map": error_map,
    "chromagnon": chromagnon,
    "package": package,
    "package graph": package,
    "package arrays": package,
    "package weights": package,
    "journal": resumed_session,
    "spool": spool,
    "spool slots": spool,
    "image metadata": resumed_session,
    "image pixels": resumed_session,
    "session as run": resumed_session,
    "tables": tables,
    "parquet": parquet,
    "TIFF": recording,
    "OME-Zarr 0.4 metadata": recording,
    "OME-Zarr 0.4 pixels": recording,
    "data set": data_set,
    "data set images": data_set,
    "label plan": label_plan,
    "recipe": recipe,
}

_PLAY = ["run", "session.yaml", "--dry-run", "--headless", "--out", "out/run"]
_VIEW = ["view", "live", "--screenshot", "out/view.png"]
_RESUMED = ["run", "live/session.yaml", "--dry-run", "--headless", "--out", "out/run"]
PROGRAM: dict[str, tuple[list[str], ...]] = {
    "session": (["run", "FILE", *_PLAY[2:]],),
    "calibration": (
        ["calibrate", "FILE", "--compare", "simulated"],
        [*_PLAY, "--set", "calibration=FILE"],
    ),
    "chromagnon": (["calibrate", "FILE", "--image", "recorded/ome.ome.tif", "-o", "out/c.yaml"],),
    "package": (["models", "check", "package"], ["models", "info", "package"], _PLAY),
    "package graph": (["models", "check", "package"], _PLAY),
    "package arrays": (["models", "check", "package"],),
    "package weights": (["models", "check", "package"],),
    "journal": (_VIEW, ["run", "session.yaml", "--dry-run", "--set", "recording.paths=[live]"]),
    "image metadata": (_VIEW, [*_PLAY, "--set", "recording.paths=[live]"]),
    "image pixels": (_VIEW,),
    "session as run": (_VIEW, _RESUMED),
    "TIFF": (
        [*_PLAY, "--set", "recording.paths=[FILE]"],
        ["calibrate", "FILE", "-o", "out/c.yaml", "--pixel", "0.1", "--z-step", "0.3"],
        ["psf", "FILE", "--out", "out/psf", "--pixel", "0.1", "--z-step", "0.3"],
    ),
    "OME-Zarr 0.4 metadata": ([*_PLAY, "--set", "recording.paths=[recorded/old.ome.zarr]"],),
    "data set": (["evaluate", "package", "--data", "dataset"],),
    "data set images": (["evaluate", "package", "--data", "dataset"],),
    "label plan": (["label", "FILE", "--out", "out/set", "--engine", "openvino"],),
}
"""Commands by kind of file, run in the folder of the files."""


_MICROSCOPES = frozenset({"microscope.yaml", "useq.yaml"})
"""Sessions that load devices: a process can do that once."""


class ProgramFailed(Exception):  # noqa: N818 - what is reported is the program's own error
    """The program called its own failure internal, or left without saying what is wrong."""


def read(kind: str, root: Path, file: Path, number: int) -> bool:
    """Read a spoilt file, in some cases through the program itself; return whether it could.

    Otherwise it raises what livesr does, or returns False where the program told what is wrong.
    """
    chance = random.Random(f"{kind} {number}")  # noqa: S311 - which way is no secret
    wanted = kind in PROGRAM and number >= 0 and chance.random() < PROGRAM_SHARE
    if wanted and file.name not in _MICROSCOPES:
        return _program(chance.choice(PROGRAM[kind]), root, file)
    READERS[kind](root, file)
    return True


def _program(command: list[str], root: Path, file: Path) -> bool:
    """Call the program in this process; raise what it failed with unless it is told in order.

    Return whether it did what was asked.
    """
    run: Any = import_module("livesr.cli.app")  # above this package: the program as users call it
    os.chdir(root)
    said = [str(file.relative_to(root).as_posix()) if word == "FILE" else word for word in command]
    said = [word.replace("FILE", file.relative_to(root).as_posix()) for word in said]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        run.register(said)
        code = run.run(said)
    text = err.getvalue()
    if code not in (0, 2, 3, 4, 5, 6) or "Traceback" in text or "internal error" in text:
        raise ProgramFailed(f"livesr {' '.join(said)}: exit {code}: {text[-1500:]}")
    if code and "mend:" not in text and code != 6:
        raise ProgramFailed(f"livesr {' '.join(said)}: exit {code}, no way out: {text[-800:]}")
    return bool(code == 0)


def leave_alone() -> None:
    """Load what is loaded once, so that limits count what files need and not libraries."""
    check_package(load_package(data_folder("models") / "LD"), "openvino")
    with closing(io.StringIO()):
        import_module("livesr.cli.app").register([])
    if find_spec("torch") is not None:
        loading = import_module("livesr.segmentation.network.loading")
        loading.network_of(load_package("LD"))
