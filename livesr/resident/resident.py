"""Stacks in flight on one device, from planes to packed masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from livesr.features import SEEN
from livesr.resident.errors import card_errors
from livesr.resident.features import make_features
from livesr.resident.lanes import Lane
from livesr.resident.masks import MaskMaker, packed_bytes, unpacked
from livesr.resident.slot import Download, Slot
from livesr.resident.warping import DeviceWarp
from livesr.resident.windows import predict
from livesr.segmentation.package import positions
from livesr.segmentation.quantities import looked_at
from livesr.segmentation.segment import check_fit
from livesr.segmentation.windows import MAX_VOXELS
from livesr.types import AS_CALIBRATED, Features, Masks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from livesr.calibration.warp import Warp
    from livesr.segmentation.package import Package
    from livesr.types import ChannelOffset, Grid, Normalisation, StackIndex, UInt8, UInt16

SLOTS = 2


class DeviceNetwork(Protocol):
    """A network that takes and gives tensors of one device: an engine with that gift.

    Attributes
    ----------
    device : torch.device
    structures : tuple of str
        The outputs, in order.
    """

    device: torch.device
    structures: tuple[str, ...]

    def run_on_device(self, features: Tensor) -> Tensor:
        """Return probabilities (n, K, z, y, x), uint8, of features (n, C, z, y, x), float32.

        The work is given to the current stream, or is waited for by it. The tensor belongs to the
        network and holds until work of the next call.
        """
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What came down of one stack.

    Attributes
    ----------
    packed : mapping of str to ndarray, (bytes,), uint8
        Each structure's mask, a bit a voxel in the order of memory, the first voxel the lowest bit.
    grid : Grid
        Of the masks.
    features : Features or None
        Of the rows that `livesr.segmentation.quantities` looks at, 0 elsewhere, if asked for.
    probability : ndarray, (K, z, y, x), uint8, or None
        On the networks' grid, if asked for.
    """

    packed: Mapping[str, UInt8]
    grid: Grid
    features: Features | None = None
    probability: UInt8 | None = None

    def masks(self, index: StackIndex) -> Masks:
        """Return the masks as the rest of the program takes them."""
        volumes = {name: unpacked(bits, self.grid) for name, bits in self.packed.items()}
        return Masks(volumes, self.grid, index)


class Resident:
    """Stacks of one session in flight on the network's device. Not shared between threads.

    Planes go up as they come (`put_plane`); once all of a stack are there `start` gives the
    device the rest of the work and returns. Meanwhile planes of the next stack go up into another
    slot. `segment` starts and waits.

    Parameters
    ----------
    warp : Warp
        To the networks' grid.
    package : Package
    network : DeviceNetwork
    channels : int
        Of a stack; the networks see `SEEN` of them.
    offset : float
        Camera counts without light.
    grid : Grid
        Of the masks: the camera's or the networks'.
    structures : sequence of str
        Those to make masks of.
    slots : int
        Stacks in flight.
    trust : bool
        Whether the features that `livesr.segmentation.quantities` looks at come down.
    probabilities : bool
        Whether probabilities come down.
    max_voxels : int
        Largest window.

    Raises
    ------
    ModelError
        If package, grid and network do not fit each other, or the card's memory is too small.
    """

    def __init__(
        self,
        warp: Warp,
        package: Package,
        network: DeviceNetwork,
        *,
        channels: int,
        offset: float,
        grid: Grid,
        structures: Sequence[str],
        slots: int = SLOTS,
        trust: bool = False,
        probabilities: bool = False,
        max_voxels: int = MAX_VOXELS,
    ) -> None:
        self.grid = grid
        self._network_grid = warp.target
        self._package = package
        self._network = network
        self._max_voxels = max_voxels
        self._channels = min(channels, SEEN)
        check_fit(SEEN, warp.target, package)
        positions(package, structures)
        self._outputs = {name: network.structures.index(name) for name in structures}
        self._looked_at = looked_at(warp.target.shape) if trust else None
        self._rows: list[Tensor] = []
        device = network.device
        with card_errors():
            self._up, self._compute, self._down = (Lane(device) for _ in range(3))
            self._warp = DeviceWarp(warp, self._channels, offset, device)
            self._masks = MaskMaker(warp.target, grid, device)
            self._rows = [torch.tensor(at, device=device) for at in self._looked_at or ()]
            self._slots = [
                self._new_slot(warp, device, probabilities=probabilities) for _ in range(slots)
            ]
            self._offset: ChannelOffset = AS_CALIBRATED
            self._synchronise()  # the lanes do not wait for what made all this

    def shift(self, offset: ChannelOffset) -> None:
        """Move the channels by an offset from now on.

        Where that is news what came so far is forgotten: it was warped otherwise. The device's
        work is waited for, which happens as seldom as a session's offset changes.

        Parameters
        ----------
        offset : mapping of int to tuple of int
            Of the stack that is started next.
        """
        if offset == self._offset:
            return
        self._offset = offset
        for slot in self._slots:
            slot.clear()
        with card_errors():
            self._synchronise()
            self._warp.shift(offset)
            self._synchronise()  # the lanes do not wait for what made the new maps

    def put_plane(self, slot: int, c: int, z: int, plane: UInt16) -> None:
        """Let a plane go up and be warped; return at once.

        Parameters
        ----------
        slot : int
            Where its stack is gathered.
        c, z : int
            Channel and plane. Channels that the networks do not see are left out.
        plane : ndarray, (y, x), uint16
            Camera counts; copied.

        Raises
        ------
        ValueError
            If it is no plane of such a stack.
        """
        if c >= self._channels:
            return
        into = self._slots[slot]
        staged = into.stage(c, z, plane)
        if into.untouched:
            self._up.after(into.computed)  # the stack before may still be read
        with card_errors(), self._up.open():
            up = staged.to(into.moved.device, non_blocking=True)
            self._warp.move(c, up, into.moved[c, z])
        into.uploaded = self._up.mark()
        into.due.discard((c, z))

    def due(self, slot: int) -> frozenset[tuple[int, int]]:
        """Return the planes (c, z) of a slot's stack that did not come yet."""
        return frozenset(self._slots[slot].due)

    def drop(self, slot: int) -> None:
        """Forget what came of a slot's stack: the rest of it never will."""
        self._slots[slot].clear()

    def start(self, slot: int, norm: Normalisation) -> Pending:
        """Give the device all that is left to do for a slot's stack; return at once.

        The slot is free for planes of another stack as soon as this returns.

        Parameters
        ----------
        slot : int
        norm : Normalisation
            Of this stack.

        Raises
        ------
        ValueError
            If planes are missing, the slot's last result was not taken, or the normalisation is
            not positive and finite.
        ModelError
            If the card fails.
        """
        of = self._slots[slot]
        if of.due:
            raise ValueError(f"planes (c, z) did not come: {sorted(of.due)}")
        if of.unread:
            raise ValueError(f"what came down of slot {slot} before was not taken")
        of.clear()
        self._compute.after(of.uploaded)
        self._compute.after(of.down)
        with card_errors(), self._compute.open():
            self._work(of, norm)
        of.computed = self._compute.mark()
        self._down.after(of.computed)
        with card_errors(), self._down.open():
            for download in of.downloads.values():
                download.start()
        of.down = self._down.mark()
        of.unread = True
        return Pending(self, of)

    def segment(self, slot: int, norm: Normalisation) -> Found:
        """Do for a slot's stack what is left to do and wait for it: `start` and its result."""
        return self.start(slot, norm).result()

    def found(self, slot: Slot) -> Found:
        """Return what came down of a slot's latest stack; what it holds is the caller's."""
        slot.unread = False
        with card_errors():
            slot.down.wait()
        down = {name: download.host.numpy().copy() for name, download in slot.downloads.items()}
        packed = dict(zip(self._outputs, down["masks"], strict=True))
        features = self._scattered(down["features"]) if "features" in down else None
        return Found(packed, self.grid, features, down.get("probability"))

    def _work(self, slot: Slot, norm: Normalisation) -> None:
        """Compute everything of one stack, in the lane that is open."""
        into = {name: download.device for name, download in slot.downloads.items()}
        features = make_features(self._warp.registered(slot.moved), norm)
        if "features" in into:
            planes, rows = self._rows
            into["features"].copy_(features.index_select(1, planes).index_select(2, rows))
        package = self._package
        probability = predict(
            self._network.run_on_device,
            features,
            multiple=package.multiple,
            halo=package.halo,
            max_voxels=self._max_voxels,
        )
        if "probability" in into:
            into["probability"].copy_(probability)
        for (name, k), packed in zip(self._outputs.items(), into["masks"], strict=True):
            self._masks.pack(probability[k], package.threshold(name), packed)

    def _synchronise(self) -> None:
        """Wait for all that the device was given."""
        if self._network.device.type == "cuda":
            torch.cuda.synchronize(self._network.device)

    def _new_slot(self, warp: Warp, device: torch.device, *, probabilities: bool) -> Slot:
        z, y, x = warp.target.shape
        bits = (len(self._outputs), packed_bytes(self.grid))
        downloads = {"masks": Download(bits, torch.uint8, device)}
        if self._looked_at is not None:
            planes, rows = map(len, self._looked_at)
            downloads["features"] = Download((SEEN, planes, rows, x), torch.float32, device)
        if probabilities:
            shape = (len(self._network.structures), z, y, x)
            downloads["probability"] = Download(shape, torch.uint8, device)
        return Slot((self._channels, *warp.source.shape), (y, x), downloads, device)

    def _scattered(self, rows: np.ndarray) -> Features:
        """Return features with these rows where they belong; pages of the others stay unused."""
        assert self._looked_at is not None  # noqa: S101 - else none would come down
        data = np.zeros((SEEN, *self._network_grid.shape), np.float32)
        data[np.ix_(range(SEEN), *self._looked_at)] = rows
        return Features(data, self._network_grid, has_ratio=self._channels == SEEN)


class Pending:
    """A stack that the device is at.

    Parameters
    ----------
    resident : Resident
    slot : Slot
    """

    def __init__(self, resident: Resident, slot: Slot) -> None:
        self._resident = resident
        self._slot = slot

    def result(self) -> Found:
        """Wait for what comes down, once; before that the slot's next stack cannot be started.

        Raises
        ------
        ModelError
            If the card fails.
        """
        return self._resident.found(self._slot)
