"""A plan at work: static buffers, one stream, one CUDA graph, activations that networks share."""

from __future__ import annotations

import logging
import math
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.engines.tensorrt.graph import INPUT, MAGNITUDE, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorrt as trt
    from numpy.typing import NDArray

    from livesr.segmentation.engines.tensorrt.card import Card
    from livesr.segmentation.engines.tensorrt.library import Messages
    from livesr.types import Float32, UInt8

log = logging.getLogger(__name__)

ALIGNMENT = 256
"""Bytes that addresses on the card must be multiples of."""


class Arena:
    """Memory that all networks of a process share, as they run in turn.

    One block on the card holds features, results and activations; the card copies the features
    from another, in the computer.

    Attributes
    ----------
    lock : Lock
        Held by the network that runs.
    address : int
        Of the block on the card; it moves when a network needs more.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.address = 0
        self._size = 0
        self._staging: NDArray[np.uint8] | None = None
        self._users: set[int] = set()

    def enter(self, card: Card, user: object, size: int, staging: int) -> None:
        """Make room for a network: ``size`` bytes on the card, ``staging`` bytes before it."""
        with self.lock:
            self._users.add(id(user))
            if size > self._size:
                self._free_card(card)
                self.address = card.allocate(size)
                self._size = size
            if self._staging is None or staging > self._staging.nbytes:
                self._staging = card.pinned((staging,), np.uint8)

    def leave(self, card: Card, user: object) -> None:
        """Forget a network that is closed; the last one gives the memory back."""
        with self.lock:
            self._users.discard(id(user))
            if not self._users:
                self._free_card(card)
                self._staging = None

    def staged(self, features: Float32) -> Float32:
        """Return a copy of the features that the card can copy by itself."""
        if self._staging is None:
            raise RuntimeError("no network has entered")
        copy = self._staging[: features.nbytes].view(np.float32).reshape(features.shape)
        np.copyto(copy, features)
        return copy

    def _free_card(self, card: Card) -> None:
        if self._size:
            card.free(self.address)
        self.address = self._size = 0


@cache
def arena() -> Arena:
    """Return the process's arena."""
    return Arena()


class Execution:
    """A network at one shape, ready to run.

    Parameters
    ----------
    card : Card
    engine : ICudaEngine
        Of a plan that was accepted.
    context : IExecutionContext
        Whose activations are managed by its user.
    shape : tuple of int
        Of the features (n, C, z, y, x).
    outputs : int
        Number K of structures.
    messages : Messages
        What the library logs.
    capture : bool
        Whether a CUDA graph is captured here; TensorRT-RTX captures its own.

    Raises
    ------
    ModelError
        If the card has too little memory, or is lost.
    """

    def __init__(
        self,
        card: Card,
        engine: trt.ICudaEngine,
        context: trt.IExecutionContext,
        shape: tuple[int, ...],
        outputs: int,
        messages: Messages,
        *,
        capture: bool,
    ) -> None:
        self._card, self._engine, self._context = card, engine, context
        self._messages = messages
        self._capture = capture
        self._graph: Any = None
        self._settled: tuple[int, int] | None = None
        self._closing: list[Callable[[], None]] = []
        try:
            self._prepare(shape, outputs)
        except BaseException:
            self.close()
            raise

    def _prepare(self, shape: tuple[int, ...], outputs: int) -> None:
        card = self._card
        result = (shape[0], outputs, *shape[2:])
        sizes = {INPUT: 4 * math.prod(shape), OUTPUT: math.prod(result), MAGNITUDE: 4}
        self._offsets = {}
        end = 0
        for name, size in sizes.items():
            self._offsets[name], end = end, end + -(-size // ALIGNMENT) * ALIGNMENT
        self._activations, self._activations_size = end, int(self._engine.device_memory_size_v2)
        self._closing.append(lambda: arena().leave(card, self))
        arena().enter(card, self, end + self._activations_size, sizes[INPUT])
        self._stream = card.stream()
        self._closing.append(lambda: card.close_stream(self._stream))
        self._probability: UInt8 = card.pinned(result, np.uint8)
        self._magnitude: Float32 = card.pinned((1,), np.float32)
        if not self._context.set_input_shape(INPUT, shape):
            raise self._failed(f"the plan does not take {shape}")

    def run(self, features: Float32, out: UInt8 | None) -> UInt8:
        """Return the probabilities (n, K, z, y, x); without ``out`` they hold until the next call.

        Raises
        ------
        ModelError
            If the card fails, or numbers became too large for half precision.
        """
        shared = arena()
        with shared.lock:
            staged = shared.staged(features)
            self._settle(shared.address, staged)
            if self._graph is None:
                self._queue(staged)
            else:
                self._card.launch(self._graph, self._stream)
            self._card.wait(self._stream)
        self._check()
        if out is None:
            return self._probability
        np.copyto(out, self._probability)
        return out

    def close(self) -> None:
        """Give memory back, in the order opposite to how it was taken.

        What `run` returned last stays readable.
        """
        self._drop_graph()
        while self._closing:
            self._closing.pop()()
        for name in ("_probability", "_magnitude"):
            self.__dict__.pop(name, None)

    def _settle(self, address: int, staged: Float32) -> None:
        """After shared memory moved: tell the context, run once, and capture what it queues."""
        now = address, staged.ctypes.data
        if self._settled == now:
            return
        self._drop_graph()
        for name, offset in self._offsets.items():
            if not self._context.set_tensor_address(name, address + offset):
                raise self._failed(f"the plan has no {name}")
        self._context.set_device_memory(address + self._activations, self._activations_size)
        if self._capture:
            self._queue(staged)  # what the library sets up at the first run cannot be captured
            self._card.wait(self._stream)
            self._graph = self._captured(staged)
        self._settled = now

    def _captured(self, staged: Float32) -> Any:
        try:
            return self._card.captured(lambda: self._queue(staged), self._stream)
        except ModelError as problem:
            log.info("runs without a CUDA graph: %s", problem.what)
            self._capture = False
            return None

    def _queue(self, staged: Float32) -> None:
        """Queue features up, network, results down."""
        card, stream, address = self._card, self._stream, arena().address
        card.upload(address + self._offsets[INPUT], staged, stream)
        self._messages.forget()
        if not self._context.execute_async_v3(int(stream)):
            raise self._failed("the network could not be run")
        card.download(self._probability, address + self._offsets[OUTPUT], stream)
        card.download(self._magnitude, address + self._offsets[MAGNITUDE], stream)

    def _check(self) -> None:
        magnitude = float(self._magnitude[0])
        if not math.isfinite(magnitude):
            raise ModelError(
                f"the network's numbers are no longer finite (mean magnitude {magnitude}): there "
                "are no masks of this stack",
                where="segmentation.precision",
                fix="write 'precision: f32' or 'engine: openvino', and look at the frames: half "
                "precision ends at 65504",
            )

    def _drop_graph(self) -> None:
        if self._graph is not None:
            self._card.close_graph(self._graph)
            self._graph = None

    def _failed(self, what: str) -> ModelError:
        return ModelError(
            f"{what}: {self._messages}",
            where="engine",
            fix="take another engine: 'engine: auto' finds one; livesr doctor lists them",
        )
