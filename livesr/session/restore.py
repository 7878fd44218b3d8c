"""The files of an interrupted session, made fit to go on with; what the spool kept is stored."""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from livesr.acquisition.layout import exposures
from livesr.errors import ConfigError
from livesr.plain import json_of
from livesr.session.past import missed
from livesr.stacks import OpenStack, Task
from livesr.storage.disk import disk_errors
from livesr.storage.folder import LIGHT_FILE
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event
from livesr.storage.tables import read_rows, read_table
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from livesr.acquisition.images import Images
    from livesr.books import Books
    from livesr.config.layouts import Layout
    from livesr.pipeline import Recorder
    from livesr.session.past import Past
    from livesr.session.plan import Plan
    from livesr.storage.slot import Slot
    from livesr.storage.spool import Spool
    from livesr.types import RecordingInfo

log = logging.getLogger(__name__)


def restore_image(
    path: Path, info: RecordingInfo, *, has_stacks: bool, create: Callable[[], ImageWriter]
) -> ImageWriter:
    """Return an image to go on with; one without a journalled stack is made anew.

    Raises
    ------
    ConfigError
        If the image's stacks have another shape than the microscope gives now.
    StorageError
        If it holds journalled stacks and is damaged.
    """
    if not has_stacks:
        if path.exists():
            with disk_errors("what was left of an image cannot be removed", path):
                shutil.rmtree(path)
        return create()
    image = ImageWriter.open(path)
    if image.shape[1:] != info.shape:
        raise ConfigError(
            f"the session's stacks are {image.shape[1:]} (c, z, y, x), the microscope now gives"
            f" {info.shape}",
            where="--resume",
            fix="set the camera's region, binning and z plan as before, or start a new session",
        )
    return image


def restore_rows(rows: Path, table: Path, keep: Collection[StackIndex]) -> None:
    """Leave in ``rows`` the rows of the stacks to keep, from a closed table too.

    Rows of stacks that the journal does not list are dropped: these stacks come again.

    Raises
    ------
    StorageError
        If a row before the last is damaged, or the disk fails.
    """
    draft = rows.with_name(rows.name + ".draft")
    found = list(read_table(table)) if table.is_file() else []
    found += read_rows(rows)
    with disk_errors("the table could not be restored", rows):
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            for row in found:
                if StackIndex(int(row["image"]), int(row["t"])) in keep:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
        draft.replace(rows)
        table.unlink(missing_ok=True)


def without_masks(past: Past) -> Iterator[Task]:
    """Yield what an interrupted session stored and did not segment, as it waits for masks."""
    for index in past.pending:
        yield Task(index, past.times_s[index], past.followed[index], None, None)


def take_up(
    plan: Plan, past: Past, spool: Spool, images: Images, recorder: Recorder, books: Books
) -> None:
    """Store whole stacks that the spool kept, and let the source go on where the plan is now.

    Time points that passed meanwhile are booked as missed, where time did not stand still.
    """
    for slot, stack in _kept_stacks(spool, images, plan.session.layout, past.stored):
        if stack is None:
            books.note(Event.FAULT, slot.index, what=_cut(slot))
            spool.release(slot.number)
        else:
            recorder.take_up(stack)
    done = set(books.stored)
    elapsed_s = past.last_s if plan.played else past.elapsed_s()
    steered = plan.info.steered  # what comes next is then for the schedule to say
    late_s = 0.0 if steered else past.late_s(plan.stack_plan)
    absent = [] if plan.played or steered else missed(plan.stack_plan, done, elapsed_s - late_s)
    for index in absent:
        books.missed(index)
    plan.source.resume({*done, *absent}, elapsed_s, late_s)


def take_light_reports(folder: Path) -> Iterator[dict[str, object]]:
    """Yield what the light's supervisor wrote after the session was cut off, and remove its file.

    A line that was torn, or a file that cannot be read, is passed over: the light is off either
    way.
    """
    path = folder / LIGHT_FILE
    with suppress(OSError):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            with suppress(ValueError):
                said = json_of(line)
                if isinstance(said, dict):
                    log.warning("%s; the light's supervisor switched it off", said.get("why"))
                    known = {key: said.get(key) for key in ("why", "took_s", "off", "failed")}
                    yield {"at": said.get("time"), **known}
        path.unlink()


def _kept_stacks(
    spool: Spool, images: Images, layout: Layout, stored: Collection[StackIndex]
) -> Iterator[tuple[Slot, OpenStack | None]]:
    """Yield what the spool of a killed session holds: whole stacks, and None for cut ones.

    A slot whose stack is stored already is let go of.
    """
    for slot in spool.held():
        index = slot.index
        if index is None or index in stored:
            spool.release(slot.number)
            continue
        if not (_fits(slot, index, images) and slot.complete):
            yield slot, None
            continue
        count = exposures(layout, images.info(index.image))
        frames = {(c, z) for c in range(count) for z in range(slot.shape[1])}
        yield slot, OpenStack(index, slot, set(), [], salvaged=frozenset(frames))


def _fits(slot: Slot, index: StackIndex, images: Images) -> bool:
    if index.image >= len(images):
        return False
    info = images.info(index.image)
    return (info.steered or index.t < info.timepoints) and slot.shape == info.shape


def _cut(slot: Slot) -> str:
    """Return what is said of a stack that was being exposed when its session was cut off."""
    arrived = slot.arrived
    return (
        f"{int(arrived.sum())} of its {arrived.size} planes had come when the session was cut off;"
        " it is taken again if its time has not passed"
    )
