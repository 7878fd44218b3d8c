"""Compile a graph into a plan: what TensorRT executes, for one shape and one kind of card."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from livesr.errors import ModelError, nearest
from livesr.segmentation.engines.tensorrt.cache import write_whole
from livesr.segmentation.engines.tensorrt.graph import INPUT
from livesr.segmentation.engines.tensorrt.library import RTX, logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import tensorrt as trt
    import tensorrt_rtx as rtx

    from livesr.segmentation.engines.tensorrt.library import (
        Bindings,
        Library,
        RtxBindings,
    )

log = logging.getLogger(__name__)

_BUILDING = threading.Lock()
"""Builders of one process that work at the same time crash or hang."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to compile.

    Attributes
    ----------
    graph : bytes
        ONNX, with its precision in it.
    shape : tuple of int
        Of the input (n, C, z, y, x): the plan serves no other, and is the faster for it.
    target : str
        Compute capability, such as ``sm89``. TensorRT compiles for the card that it finds.
    what : str
        For people.
    timings : Path, optional
        Where TensorRT keeps what it measured: other networks have the same layers.
    """

    graph: bytes
    shape: tuple[int, ...]
    target: str
    what: str
    timings: Path | None = None


def build(library: Library, order: Order, progress: Callable[[str], None]) -> bytes:
    """Return a plan; ``progress`` is told what the library is at.

    Raises
    ------
    ModelError
        If the library refuses the graph, or cannot compile it for such a card.
    """
    bindings = library.load()
    messages = logger(library)[1]
    with _BUILDING:
        messages.forget()
        progress(f"{library.title} compiles {order.what}")
        builder = _builder(library, bindings)
        network, _parser = _parsed(library, bindings, builder, order)
        config = _configured(library, bindings, builder, order)
        monitor = config.progress_monitor = _monitor(bindings, order.what, progress)
        with _timings(config, order.timings):
            plan = builder.build_serialized_network(network, config)
        del monitor  # it must outlive the build
        if plan is None:
            raise _failed(library, order.what, str(messages))
        data = bytes(plan)
        progress(f"{library.title} has compiled {order.what}: {len(data) / 1e6:.1f} MB")
    return data


def _parsed(
    library: Library, bindings: Bindings, builder: trt.Builder, order: Order
) -> tuple[trt.INetworkDefinition, trt.OnnxParser]:
    """Return the network, and the parser, which holds its weights until it is built."""
    sink, messages = logger(library)
    strongly_typed = bindings.NetworkDefinitionCreationFlag.STRONGLY_TYPED
    network = builder.create_network(1 << int(strongly_typed))
    if network is None:
        raise _failed(library, order.what, str(messages))
    parser = bindings.OnnxParser(network, sink)
    if not parser.parse(order.graph):
        found = [str(parser.get_error(i)) for i in range(parser.num_errors)]
        raise _failed(library, order.what, "; ".join(found) or str(messages))
    return network, parser


def _configured(
    library: Library, bindings: Bindings, builder: trt.Builder, order: Order
) -> trt.IBuilderConfig:
    config = builder.create_builder_config()
    if config is None:
        raise _failed(library, order.what, str(logger(library)[1]))
    profile = builder.create_optimization_profile()
    profile.set_shape(INPUT, order.shape, order.shape, order.shape)
    config.add_optimization_profile(profile)
    # else x - x is 0 even where x is not a number, and an overflow could hide
    config.set_flag(bindings.BuilderFlag.STRICT_NANS)
    # else float32 is multiplied with the ten bits that half precision has
    config.clear_flag(bindings.BuilderFlag.TF32)
    if library is RTX:
        ahead = cast("rtx.IBuilderConfig", config)
        ahead.num_compute_capabilities = 1
        kinds = cast("RtxBindings", bindings).ComputeCapability.__members__
        ahead.set_compute_capability(kinds[order.target.upper()], 0)
    return config


@contextmanager
def _timings(config: trt.IBuilderConfig, path: Path | None) -> Iterator[None]:
    """Let the build use what earlier ones measured, and keep what it measures."""
    if path is None:
        yield
        return
    try:
        measured = path.read_bytes()
    except OSError:
        measured = b""
    cache = config.create_timing_cache(measured)
    known = cache is not None and config.set_timing_cache(cache, False)
    yield
    if known:
        try:
            write_whole(path, bytes(config.get_timing_cache().serialize()))
        except OSError as problem:
            log.warning("timings are not kept: %s", problem)


def _builder(library: Library, bindings: Bindings) -> trt.Builder:
    sink, messages = logger(library)
    try:
        return bindings.Builder(sink)
    except (TypeError, RuntimeError) as problem:  # how bindings say that there is no card
        raise ModelError(
            f"{library.title} cannot compile here: {messages} ({problem})",
            where=f"engine {library.name}",
            fix="livesr doctor says what is missing; "
            "livesr compile --engine tensorrt-rtx needs no GPU",
        ) from None


def check_target(library: Library, target: str) -> str:
    """Return the target in the form of file names.

    Raises
    ------
    ModelError
        If the library does not compile for such cards.
    """
    name = target.strip().lower().replace(".", "").replace("_", "")
    name = name if name.startswith("sm") else f"sm{name}"
    if name not in library.targets:
        raise ModelError(
            f"{library.title} does not compile for {target.strip()!r}",
            where="--target",
            fix=nearest(name, library.targets)
            if library.targets
            else f"leave --target out: {library.title} compiles for the card that it finds",
        )
    return name


def _failed(library: Library, what: str, reason: str) -> ModelError:
    return ModelError(
        f"{library.title} cannot compile {what}: {reason}",
        where=f"engine {library.name}",
        fix="take another precision, or another engine: 'engine: auto' finds one",
    )


def _monitor(
    bindings: Bindings, what: str, progress: Callable[[str], None]
) -> trt.IProgressMonitor:
    """Return what tells of the outermost phase's steps; the library calls it from its threads."""

    class Monitor(bindings.IProgressMonitor):  # type: ignore[misc, name-defined]
        """Says how far it is, at every quarter of a phase."""

        def __init__(self) -> None:
            super().__init__()
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """Remember how many steps an outermost phase has."""
            if not parent_phase:
                self._steps[phase_name] = num_steps

        def step_complete(self, phase_name: str, step: int) -> bool:
            """Tell of it; True lets the build go on."""
            steps = self._steps.get(phase_name, 0)
            if steps and (step + 1) * 4 // steps != step * 4 // steps:
                progress(f"compiling {what}: {phase_name} {(step + 1) / steps:.0%}")
            return True

        def phase_finish(self, phase_name: str) -> None:
            """Forget it."""
            self._steps.pop(phase_name, None)

    return Monitor()
