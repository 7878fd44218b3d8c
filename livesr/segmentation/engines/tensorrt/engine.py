"""The engine ``tensorrt``, and what ``tensorrt-rtx`` shares with it."""

from __future__ import annotations

import logging
from collections import OrderedDict
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from livesr.errors import ModelError
from livesr.segmentation.engines.tensorrt.build import Order, build
from livesr.segmentation.engines.tensorrt.cache import Cache, Key, cache_folder
from livesr.segmentation.engines.tensorrt.card import MEMORY, Card
from livesr.segmentation.engines.tensorrt.execution import Execution
from livesr.segmentation.engines.tensorrt.graph import compiled_graph
from livesr.segmentation.engines.tensorrt.library import TENSORRT, logger

if TYPE_CHECKING:
    import tensorrt as trt

    from livesr.segmentation.engines import Options
    from livesr.segmentation.engines.tensorrt.library import Library
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

log = logging.getLogger(__name__)

HONEST = "compiled in CI, never executed by us"
"""Until someone has: then this goes."""
SHAPES_KEPT = 2
"""Networks kept on the card, one for each window shape; a session needs one or two."""
PRECISIONS = {"auto": "f16", "f16": "f16", "f32": "f32"}


def plan_key(
    package: Package,
    library: Library,
    target: str,
    card: str,
    precision: str,
    structures: tuple[str, ...],
    shape: tuple[int, ...],
) -> Key:
    """Return what a plan is named by.

    TensorRT measures on the card that it finds, so a plan is that card's; TensorRT-RTX makes plans
    for a kind of card.
    """
    return Key(
        package.name,
        package.sha256,
        library.describe(),
        target,
        "" if library.targets else card,
        precision,
        structures,
        shape,
    )


def checked_precision(library: Library, asked: str) -> str:
    """Return f16 or f32.

    Raises
    ------
    ModelError
        If it is another.
    """
    if asked not in PRECISIONS:
        raise ModelError(
            f"{library.title} is given f16 or f32 here, not {asked}",
            where="segmentation.precision",
            fix="write 'precision: auto' (f16), or f32",
        )
    return PRECISIONS[asked]


class TensorRtEngine:
    """A network compiled by TensorRT for each window shape that comes.

    A plan is compiled once, which takes from seconds to minutes, and kept on disk.
    """

    name: ClassVar[str] = "tensorrt"
    library: ClassVar[Library] = TENSORRT

    def __init__(self, package: Package, options: Options) -> None:
        self.precision = checked_precision(self.library, options.precision)
        self.structures = options.structures or package.structures
        self._package = package
        self._progress = options.progress
        self._bindings = self.library.load()
        self._card = Card()
        self._log, self._messages = logger(self.library)
        self._runtime = self._bindings.Runtime(self._log)
        self._cache = Cache(cache_folder())
        self._networks: OrderedDict[tuple[int, ...], Execution] = OrderedDict()

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why it cannot work here, with what mends it; or None."""
        reason = cls.library.unavailable() or Card.unavailable()
        if reason is None and find_spec("onnx") is None:
            reason = f"the package onnx is missing: {cls.library.install}"
        if reason is None and cls.library.targets and Card().target not in cls.library.targets:
            reason = f"{cls.library.title} does not compile for {Card()}: take tensorrt"
        return reason

    @classmethod
    def describe(cls) -> str:
        """Return version and device."""
        return f"{cls.library.describe()}, {Card()}; {HONEST}"

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return the probabilities; the first features of a shape compile the network for it."""
        return self._network(features.shape).run(features, out)

    def rest(self) -> None:
        """Do nothing: networks share one block of the card's memory already."""

    def close(self) -> None:
        """Give the card's memory back."""
        while self._networks:
            self._networks.popitem()[1].close()

    def _network(self, shape: tuple[int, ...]) -> Execution:
        if shape in self._networks:
            self._networks.move_to_end(shape)
            return self._networks[shape]
        while len(self._networks) >= SHAPES_KEPT:
            self._networks.popitem(last=False)[1].close()
        key = self._key(shape)
        engine = self._cache.get(key, lambda: self._compile(shape), self._accept, self._progress)
        self._networks[shape] = execution = self._execution(engine, key)
        return execution

    def _key(self, shape: tuple[int, ...]) -> Key:
        return plan_key(
            self._package,
            self.library,
            self._card.target,
            self._card.name,
            self.precision,
            self.structures,
            shape,
        )

    def _compile(self, shape: tuple[int, ...]) -> bytes:
        order = Order(
            compiled_graph(self._package, self.structures, self.precision),
            shape,
            self._card.target,
            f"package {self._package.name} for windows of {shape[2:]}",
            None if self.library.targets else self._cache.timings(self._key(shape)),
        )
        return build(self.library, order, self._progress)

    def _accept(self, plan: bytes) -> trt.ICudaEngine | None:
        """Return the plan's engine, or None if the library refuses it."""
        self._messages.forget()
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None and "memory" in str(self._messages).lower():
            raise ModelError(  # to compile it again would take minutes and fail alike
                f"the card has no memory left for package {self._package.name}: {self._messages}",
                where=f"engine {self.name}",
                fix=MEMORY,
            )
        if engine is None:
            log.warning("a plan is refused: %s", self._messages)
        return engine

    def _execution(self, engine: trt.ICudaEngine, key: Key) -> Execution:
        context = self._context(engine, key)
        if context is None:
            raise ModelError(
                f"package {self._package.name} cannot be run: {self._messages}",
                where=f"engine {self.name}",
                fix="livesr doctor checks driver and library; take another engine meanwhile",
            )
        outputs, capture = len(self.structures), not self.library.targets
        return Execution(
            self._card, engine, context, key.shape, outputs, self._messages, capture=capture
        )

    def _context(
        self,
        engine: trt.ICudaEngine,
        key: Key,  # noqa: ARG002 - by which tensorrt-rtx finds its kernels
    ) -> trt.IExecutionContext | None:
        """Return a context whose activations lie where we say."""
        strategy = self._bindings.ExecutionContextAllocationStrategy.USER_MANAGED
        return engine.create_execution_context(strategy)
