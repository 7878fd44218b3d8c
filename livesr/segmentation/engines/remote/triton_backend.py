"""A package in NVIDIA Triton's Python backend: ``model.py`` of an exported model takes it."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.engines.remote.identity import FEATURES, PROBABILITY, WANTED
from livesr.segmentation.engines.remote.serving import Serving
from livesr.segmentation.package import load_package


class TritonPythonModel:
    """What Triton asks of a model."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the package beside ``model.py``."""
        self._utils: Any = import_module("triton_python_backend_utils")  # Triton has it alone
        folder = Path(args["model_repository"]) / args["model_version"]
        self._serving = Serving(load_package(folder / "package"))

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request."""
        return [self._answer(request) for request in requests]

    def finalize(self) -> None:
        """Let go of the engines."""
        self._serving.close()

    def _answer(self, request: Any) -> Any:
        utils = self._utils
        features: Any
        rows: Any
        # DLPack, not as_numpy: backends that were built for numpy 1 misread numpy 2's arrays
        features, rows = (
            np.from_dlpack(utils.get_input_tensor_by_name(request, name))
            for name in (FEATURES, WANTED)
        )
        precision = json.loads(request.parameters() or "{}").get("precision", "auto")
        try:
            found = self._serving.run(features, rows.tolist(), str(precision))
        except (ModelError, ValueError) as problem:
            return utils.InferenceResponse(error=utils.TritonError(str(problem)))
        return utils.InferenceResponse(
            output_tensors=[utils.Tensor.from_dlpack(PROBABILITY, found)]
        )
