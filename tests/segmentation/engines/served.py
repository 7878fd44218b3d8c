"""Servers for tests: one in this process, with what may go wrong with one."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.bench.engines.loopback import Loopback

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.segmentation.package import Package

INSTALLED = importlib.util.find_spec("tritonclient") is not None


def tell_the_truth(package: Package, folder: Path) -> None:
    """Write the test output that a tiny package's network gives."""
    from tiny_network import describe, write_rdf

    from livesr.segmentation.engines import choose_engine

    engine = choose_engine("openvino", package, threads=1, precision="f32")
    np.save(folder / "test_output.npy", engine.run(np.load(folder / "test_input.npy")))
    engine.close()
    write_rdf(folder, describe(folder))


class Spoiled(Loopback):
    """A server that goes wrong in the way that `wrong` names, from request `after` on."""

    wrong = ""
    after = 1

    def infer(self, request: Any, raw: list[memoryview]) -> tuple[Any, list[Any]]:
        answer, arrays = super().infer(request, raw)
        if len(self.requests) > self.after:
            if self.wrong == "slow":
                time.sleep(1.5)
            elif self.wrong == "version":
                answer.model_version = "2"
            elif self.wrong == "shape":
                answer.outputs[0].shape[2] += 1
            elif self.wrong == "short":
                arrays = [arrays[0].ravel()[:-1]]
            elif self.wrong == "kind":
                answer.outputs[0].datatype = "FP32"
            elif self.wrong == "refuses":
                raise ValueError("out of memory")
        return answer, arrays

    def metadata(self, request: Any) -> Any:
        answer = super().metadata(request)
        if self.wrong == "channels":
            answer.inputs[0].shape[1] = 3
        elif self.wrong == "names":
            answer.inputs[0].name = "image"
        elif self.wrong == "floats":
            answer.outputs[0].datatype = "FP32"
        return answer

    def parameters(self, model: str) -> dict[str, str]:
        said = super().parameters(model)
        if self.wrong == "sha256":
            return {**said, "livesr_sha256": "0" * 64}
        if self.wrong == "precision":
            return {**said, "livesr_precision": "f16"}
        return said
