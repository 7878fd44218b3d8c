"""The engine ``tensorrt-rtx``: plans made ahead of time, finished on the card at the first run.

What the card's own compiler made at the first run is kept beside the plan, so that later sessions
begin at once; the library takes it only where card, driver and version are the same.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar, cast

from livesr.segmentation.engines.tensorrt.cache import write_whole
from livesr.segmentation.engines.tensorrt.engine import TensorRtEngine
from livesr.segmentation.engines.tensorrt.library import RTX

if TYPE_CHECKING:
    from pathlib import Path

    import tensorrt as trt
    import tensorrt_rtx

    from livesr.segmentation.engines.tensorrt.cache import Key
    from livesr.segmentation.engines.tensorrt.library import Library, RtxBindings
    from livesr.types import Float32, UInt8

log = logging.getLogger(__name__)


class TensorRtRtxEngine(TensorRtEngine):
    """A network compiled by TensorRT-RTX: seconds, on any machine, without a GPU."""

    name: ClassVar[str] = "tensorrt-rtx"
    library: ClassVar[Library] = RTX

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return the probabilities; after a shape's first run its kernels are kept on disk."""
        new = features.shape not in self._networks
        probability = super().run(features, out)
        if new:
            self._keep_kernels(self._key(features.shape))
        return probability

    def _context(self, engine: trt.ICudaEngine, key: Key) -> trt.IExecutionContext | None:
        """Return a context with the kernels of an earlier session, and CUDA graphs of its own."""
        rtx = cast("RtxBindings", self._bindings)
        ahead = cast("tensorrt_rtx.ICudaEngine", engine)
        config = ahead.create_runtime_config()
        if config is None:
            return None
        config.set_execution_context_allocation_strategy(
            rtx.ExecutionContextAllocationStrategy.USER_MANAGED
        )
        config.cuda_graph_strategy = rtx.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        self._kernels = config.create_runtime_cache()
        kept = self._kernels_file(key)
        try:
            if not self._kernels.deserialize(kept.read_bytes()):
                log.info("%s is of another card or driver: it is made again", kept)
        except OSError:
            log.info("%s is made at the first run", kept)
        config.set_runtime_cache(self._kernels)
        return cast("trt.IExecutionContext | None", ahead.create_execution_context(config))

    def _keep_kernels(self, key: Key) -> None:
        try:
            write_whole(self._kernels_file(key), bytes(self._kernels.serialize()))
        except OSError as problem:
            log.warning("the card's kernels are not kept: %s", problem)

    def _kernels_file(self, key: Key) -> Path:
        return self._cache.path(key).with_suffix(".kernels")
