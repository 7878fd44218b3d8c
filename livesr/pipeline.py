"""The way of the data, once, top to bottom.

    frames → stacks → registered intensity and ratio → networks → masks → stored, shown, measured
                                                    ↘ how unlike the training → flagged

`Recorder` is the acquisition's side: a frame goes into the spool, a whole stack to the disk, and
only then is it offered to segmentation. `segment` is the segmenter's side: a pure function of one
stack, so that live, later and offline masks are the same. `livesr.session` connects the two.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from livesr.acquisition.layout import exposures, split
from livesr.analysis.beside import Beside, mean_within
from livesr.analysis.masked import mean_intensity
from livesr.features import make_features
from livesr.segmentation.quantities import measure as quantities_of
from livesr.segmentation.segment import engine_errors, probabilities, to_masks
from livesr.stacks import OpenStack, Task
from livesr.storage.tables import plane_row, salvaged_row
from livesr.types import AS_CALIBRATED, Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from livesr.acquisition.images import Images
    from livesr.books import Books
    from livesr.calibration.early import EarlyPlanes
    from livesr.calibration.matching import Matching
    from livesr.calibration.warp import Warp
    from livesr.config.layouts import Layout
    from livesr.flow import StopToken, Waiting
    from livesr.focus.follower import FocusFollower
    from livesr.ordered import Followers
    from livesr.resident import Flight
    from livesr.segmentation.engines import Engine
    from livesr.segmentation.networks import Networks
    from livesr.segmentation.trust import Seen, Strangeness
    from livesr.storage.image import ImageWriter
    from livesr.storage.slot import Slot
    from livesr.storage.spool import Spool
    from livesr.storage.tables import RowLog
    from livesr.types import (
        ChannelOffset,
        Features,
        Float32,
        Frame,
        Grid,
        Normalisation,
        RecordingInfo,
        Stack,
        UInt8,
        UInt16,
    )

    class Patiently(Protocol):
        """Does a write, of what the words beside it say, again and again while the disk is full."""

        def __call__(self, write: Callable[[], T], what: str, /) -> T:
            """Return what the write returns."""

    class Writers(Protocol):
        """The images of a session, each made when its first stack comes."""

        def __getitem__(self, number: int, /) -> ImageWriter:
            """Return the image of a number."""


T = TypeVar("T")

# ---------------------------------------------------------------- frames → stacks → stored


class Recorder:
    """Frames become stacks, and stacks stand on disk before anything else happens to them.

    `on_frame` runs in the acquisition's thread and only copies; `on_stack` runs in the storing
    thread and may take its time: the spool lies between them.
    """

    def __init__(
        self,
        info: RecordingInfo,
        layout: Layout,
        *,
        spool: Spool,
        images: Images,
        writers: Writers,
        books: Books,
        planes: RowLog,
        followers: Followers,
        waiting: Waiting[Task] | None,
        stop: StopToken,
        patiently: Patiently = lambda write, _what: write(),
        focus: FocusFollower | None = None,
    ) -> None:
        self._patiently = patiently
        self._focus = focus
        self._info = info
        self._layout = layout
        self._spool = spool
        self._images = images
        self._writers = writers
        self._books = books
        self._planes = planes
        self._waiting = waiting
        self._stop = stop
        self._followers = followers
        self._open: OpenStack | None = None
        self.frames = self.begun = self.stored = 0
        self.light_ms: defaultdict[int, float] = defaultdict(float)
        self.first_frame_at = self.last_frame_at = 0.0

    def on_frame(self, frame: Frame) -> Iterator[OpenStack]:
        """Copy a frame's channels into its stack; yield the stacks that this frame ends.

        A stack ends with its last frame, or, if frames were lost, with the first frame of the next:
        it is yielded before a slot for that one is waited for. The first frame of another try at it
        replaces all that came before.
        """
        self.last_frame_at = time.monotonic()
        self.first_frame_at = self.first_frame_at or self.last_frame_at
        if self._open is not None and self._open.index != frame.stack:
            yield from self.cut_open_stack()
        stack = self._open = self._open or self._begin(frame)
        if frame.attempt != stack.attempt:
            stack = self._open = self._begin_again(stack, frame)
        for channel, plane in split(frame, self._layout):
            stack.slot.put(channel, frame.z, plane)
        stack.due.discard((frame.c, frame.z))
        stack.frames.append(replace(frame, image=_NOTHING))
        stack.arrived = time.monotonic()
        self.frames += 1
        if not stack.due:
            yield from self.cut_open_stack()

    def cut_open_stack(self) -> list[OpenStack]:
        """End the stack that is open, whole or not; one without a frame is no stack."""
        ended, self._open = self._open, None
        if ended is None:
            return []
        if not ended.frames:  # its first frame did not fit
            self._spool.release(ended.slot.number)
            self.begun -= 1
            return []
        return [ended]

    def on_stack(self, stack: OpenStack) -> None:
        """Store a stack, journal it, and offer it to segmentation: in that order.

        Each write is whole or not done, and waits for room on a full disk: the spool keeps the
        stack meanwhile.
        """
        index, data, name = stack.index, stack.slot.data, str(stack.index)
        for channel, z in stack.due:  # the slot still holds an older stack there
            data[channel if exposures(self._layout, self._info) > 1 else slice(None), z] = 0
        self._patiently(lambda: self._write(stack), name)
        for frame in stack.frames:
            self._planes.append(plane_row(frame))
        for c, z in sorted(stack.salvaged):
            self._planes.append(salvaged_row(index, c, z, stack.time_s))
        self._patiently(self._planes.flush, name)
        followed = self._followers.update(index, data)
        channels = self._info.channels
        stack.focus = self._focus_of(stack)
        self._patiently(lambda: self._books.stored_now(stack, followed, channels), name)
        self._light(stack)
        self._books.misfits(index, self._followers.offset.news())
        if stack.due:
            self._books.has_holes(stack)
            self._spool.release(stack.slot.number)
        elif self._waiting is None:
            self._spool.release(stack.slot.number)
        else:
            retaken = stack.attempt > 0
            slot, arrived = stack.slot.number, stack.arrived or None
            self._waiting.put(Task(index, stack.time_s, followed, arrived, slot, retaken))
        self.stored += 1

    def _light(self, stack: OpenStack) -> None:
        """Add up the exposure that each position got."""
        position = self._images.position(stack.index.image)
        self.light_ms[position] += stack.light_ms

    def take_up(self, stack: OpenStack) -> None:
        """Store a whole stack that an interrupted session left in the spool."""
        self.begun += 1
        self.on_stack(stack)

    @property
    def unstored(self) -> int:
        """Stacks that began and are not stored yet."""
        return self.begun - self.stored

    def _focus_of(self, stack: OpenStack) -> Mapping[str, object]:
        """Let the next stacks follow what a whole stack shows; return what is journalled."""
        if not stack.frames:
            return {}  # an interrupted session left it: nobody knows where its focus was
        first = stack.frames[0]
        said = {key: value for key, value in first.device.items() if key.startswith("focus_")}
        # a rule's stack has another height and place than those it would be compared with
        told = not stack.due and self._images.mode(stack.index.image) == 0
        if self._focus is not None and not told:
            self._focus.passed_over()
        if self._focus is None or not told:
            return said | ({"applied_um": round(first.focus_um, 3)} if first.focus_um else {})
        step = self._focus.update(
            stack.index, stack.slot.data, time_s=stack.time_s, applied_um=first.focus_um
        )
        self._books.beyond_focus(stack.index, self._focus.news())
        return said | step.journalled()

    def _write(self, stack: OpenStack) -> None:
        image, began = self._writers[stack.index.image], time.monotonic()
        image.write_raw(stack.index.t, stack.slot.data)
        stack.store_s = time.monotonic() - began
        stack.stored_bytes = image.stored_bytes(stack.index.t)

    @property
    def fps(self) -> float:
        """Frames a second of real time, from the first frame to the last."""
        elapsed = self.last_frame_at - self.first_frame_at
        return (self.frames - 1) / elapsed if elapsed > 0 else 0.0

    def _begin(self, frame: Frame) -> OpenStack:
        """Open the next stack in a free slot of the spool; wait for one if the disk is behind."""
        index = frame.stack
        planes = self._images.info(index.image).shape[1]
        slot = self._spool.acquire(index, planes)
        began = time.monotonic()
        while slot is None:
            if not self._free_a_slot():
                if self._stop.now:
                    raise AcquisitionStopped
                time.sleep(0.002)
            slot = self._spool.acquire(index, planes)
        waited = time.monotonic() - began
        if waited > _NOTEWORTHY_S:
            self._books.waited(index, waited)
        slot.time_s = frame.time_s
        self.begun += 1
        return OpenStack(index, slot, self._all_due(slot), [])

    def _begin_again(self, stack: OpenStack, frame: Frame) -> OpenStack:
        """Forget what came of a stack: its slot is as clean as a new one."""
        stack.slot.hold(stack.index, stack.slot.shape[1])
        stack.slot.time_s = frame.time_s
        due = self._all_due(stack.slot)
        return OpenStack(stack.index, stack.slot, due, [], attempt=frame.attempt)

    def _all_due(self, slot: Slot) -> set[tuple[int, int]]:
        planes = range(slot.shape[1])
        return {(c, z) for c in range(exposures(self._layout, self._info)) for z in planes}

    def _free_a_slot(self) -> bool:
        """Take the slot of the stack that waits longest: it stands in OME-Zarr already."""
        if self._waiting is None:
            return False
        task = self._waiting.change_oldest(
            lambda task: task.slot is not None, lambda task: replace(task, slot=None)
        )
        if task is None or task.slot is None:
            return False
        self._spool.release(task.slot)
        return True


class AcquisitionStopped(Exception):  # noqa: N818 - not an error: the wish of the user
    """The session was stopped while a frame waited for room."""


_NOTHING = np.empty((0, 0), np.uint16)
_NOTEWORTHY_S = 0.05


# ------------------------------------- stacks → intensity and ratio → networks → masks


@dataclass(frozen=True, slots=True)
class SegmentTools:
    """What segmentation needs beside the stack: loaded once, used for each.

    Attributes
    ----------
    networks : Networks
        The packages, and what each of them gives.
    engines : tuple of Engine
        One a package.
    seen : Seen or None
        What they were trained on; None where they do not say.
    matching : Matching or None
        Gives the channels one width, if asked for.
    probabilities : bool
        Whether probabilities are asked for.
    masked : Warp or None
        To the masks' grid, if images of mask × intensity are asked for.
    resident : Flight or None
        Does a stack's whole way on a graphics card, where the engine is on one.
    early : EarlyPlanes or None
        Holds planes that were warped while their stack was exposed.
    channels_seen : int
        How many of the first channels the networks see.
    beside : Beside or None
        The channels that they do not see, if there are any.
    """

    warp: Warp
    networks: Networks
    engines: tuple[Engine, ...]
    offset: float
    camera: Grid
    on_camera_grid: bool
    seen: Seen | None = None
    matching: Matching | None = None
    probabilities: bool = False
    masked: Warp | None = None
    resident: Flight | None = None
    early: EarlyPlanes | None = None
    channels_seen: int = 2
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What segmentation makes of one stack.

    Attributes
    ----------
    masks : Masks
    strangeness : Strangeness or None
        How unlike the training it is; None where the package does not say.
    probability : dict of str to ndarray, (z, y, x), uint8
        Each structure's, as its network gives it, times 255, on the networks' grid, if asked for.
    intensity : ndarray, (z, y, x), uint16, or None
        Registered mean of the channels in counts above the offset, on the masks' grid, if asked
        for.
    beside : dict of str to ndarray, (z, y, x), float32
        The channels that no network sees, as they are registered on the masks' grid.
    """

    masks: Masks
    strangeness: Strangeness | None = None
    probability: dict[str, UInt8] = field(default_factory=dict)
    intensity: UInt16 | None = None
    beside: dict[str, Float32] = field(default_factory=dict)


def segment(
    stack: Stack,
    normalisation: Normalisation,
    tools: SegmentTools,
    channel_offset: ChannelOffset = AS_CALIBRATED,
) -> Segmentation:
    """Return the masks of one stack: pure, so that live, later and offline masks are the same."""
    beside = tools.beside.registered(stack.data, tools.offset) if tools.beside else {}
    stack = replace(stack, data=stack.data[: tools.channels_seen])
    if tools.resident is not None:
        found = _on_card(stack, normalisation, tools, tools.resident, channel_offset)
    else:
        found = _on_processor(stack, normalisation, tools, channel_offset)
    return replace(found, beside=beside)


def _on_processor(
    stack: Stack, normalisation: Normalisation, tools: SegmentTools, channel_offset: ChannelOffset
) -> Segmentation:
    warp = tools.warp.shifted(channel_offset)
    moved = tools.early.take(stack, channel_offset) if tools.early else None
    features = make_features(stack.data, warp, tools.offset, normalisation, moved, tools.matching)
    grid = tools.camera if tools.on_camera_grid else features.grid
    volumes: dict[str, UInt8] = {}
    kept: dict[str, UInt8] = {}
    for package, engine in zip(tools.networks.packages, tools.engines, strict=True):
        probability = probabilities(features, package, engine)
        names = engine.structures
        masks = to_masks(probability, package, grid, stack.index, structures=names, outputs=names)
        volumes |= masks.volumes
        if tools.probabilities:
            kept |= dict(zip(names, probability, strict=True))
        if len(tools.engines) > 1:
            engine.rest()
    ordered = {name: volumes[name] for name in tools.networks.structures}
    return Segmentation(
        Masks(ordered, grid, stack.index),
        _strangeness(stack, features, normalisation, tools),
        kept,
        _intensity(stack, tools, channel_offset),
    )


def _on_card(
    stack: Stack,
    normalisation: Normalisation,
    tools: SegmentTools,
    resident: Flight,
    channel_offset: ChannelOffset,
) -> Segmentation:
    with engine_errors(tools.engines[0].name):
        found = resident.segment(stack, normalisation, channel_offset)
    names = tools.engines[0].structures
    kept = {} if found.probability is None else dict(zip(names, found.probability, strict=True))
    return Segmentation(
        found.masks(stack.index),
        _strangeness(stack, found.features, normalisation, tools),
        kept,
        _intensity(stack, tools, channel_offset),
    )


def _strangeness(
    stack: Stack, features: Features | None, normalisation: Normalisation, tools: SegmentTools
) -> Strangeness | None:
    if tools.seen is None or features is None:
        return None
    measured = quantities_of(stack.data, features, tools.camera, normalisation)
    return tools.seen.strangeness(measured)


def _intensity(stack: Stack, tools: SegmentTools, channel_offset: ChannelOffset) -> UInt16 | None:
    if tools.masked is None:
        return None
    return mean_intensity(stack.data, tools.masked.shifted(channel_offset), tools.offset)


# ----------------------------------------------------------------- masks → measured


def measure(
    masks: Masks, beside: Mapping[str, Float32] = MappingProxyType({})
) -> list[dict[str, object]]:
    """Return a row a structure: its volume (of a single plane its area) and share of the field.

    Of each channel that no network sees (``beside``, on the masks' grid) there is the mean within
    the structure, ``mean_NAME``, counts above the offset; None for an empty mask.
    """
    z, y, x = masks.grid.voxel_um
    flat = masks.grid.shape[0] == 1
    rows: list[dict[str, object]] = []
    for name, volume in masks.volumes.items():
        voxels = int(np.count_nonzero(volume))
        rows.append(
            {
                "image": masks.index.image,
                "t": masks.index.t,
                "structure": name,
                "voxels": voxels,
                "volume_um3": None if flat else voxels * z * y * x,
                "area_um2": voxels * y * x if flat else None,
                "fraction": voxels / max(volume.size, 1),
                **{f"mean_{c}": mean_within(image, volume) for c, image in beside.items()},
            }
        )
    return rows
