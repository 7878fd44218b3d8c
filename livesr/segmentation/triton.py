"""A package as a model repository, for NVIDIA Triton and OpenVINO Model Server."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, get_args

from livesr.errors import ConfigError, StorageError, nearest
from livesr.segmentation.engines.onnx_graph import choosing
from livesr.segmentation.engines.remote.identity import (
    AS_ASKED,
    FEATURES,
    PRECISION,
    PROBABILITY,
    SHA256,
    WANTED,
    model_name,
)

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.segmentation.package import Package

Backend = Literal["onnxruntime", "livesr"]
BACKENDS: tuple[str, ...] = get_args(Backend)
VERSION = "1"
_MODEL_PY = '''"""Runs the package beside this file by livesr, which Triton's Python must have."""

from livesr.segmentation.engines.remote.triton_backend import TritonPythonModel

__all__ = ["TritonPythonModel"]
'''


def write_repository(
    package: Package, repository: Path, backend: str = "onnxruntime", *, half: bool = False
) -> Path:
    """Write ``REPOSITORY/livesr-NAME-SHA256/`` with configuration and version folder; returns it.

    Parameters
    ----------
    package : Package
    repository : Path
        Made if it is not there; may hold other models.
    backend : {"onnxruntime", "livesr"}
        The graph, for a server that knows nothing of livesr; or the package, run by livesr's own
        engines in Triton's Python backend: its masks are those of the same engine here.
    half : bool
        The graph takes float16 features: half of what is sent, masks may differ in single voxels.

    Raises
    ------
    ConfigError
        If there is no such backend, or it takes no float16.
    ModelError
        If the package is damaged.
    StorageError
        If the model is there already, or cannot be written.
    """
    if backend not in BACKENDS:
        raise ConfigError(
            f"there is no backend {backend!r}", where="--backend", fix=nearest(backend, BACKENDS)
        )
    if half and backend == "livesr":
        raise ConfigError(
            "livesr's own engines take float32", where="--half", fix="leave --half out"
        )
    package.verify()
    target = repository / model_name(package)
    if target.exists():
        raise StorageError(
            "this model is there already, and is not replaced",
            where=str(target),
            fix="name another folder, or take it away",
        )
    draft = repository / f".{target.name}.{os.getpid()}.draft"
    try:
        folder = draft / VERSION
        folder.mkdir(parents=True)
        if backend == "livesr":
            shutil.copytree(package.folder, folder / "package")
            (folder / "model.py").write_text(_MODEL_PY, encoding="utf-8")
        else:
            (folder / "model.onnx").write_bytes(choosing(package.weights, half=half))
        text = configuration(package, backend, half=half)
        (draft / "config.pbtxt").write_text(text, encoding="utf-8")
        draft.rename(target)
    except OSError as problem:
        raise StorageError(
            f"the model cannot be written: {problem}",
            where=str(target),
            fix="make room on the disk, or name a folder that you may write to",
        ) from None
    finally:
        with suppress(OSError):
            shutil.rmtree(draft, ignore_errors=True)
    return target


def configuration(package: Package, backend: str, *, half: bool = False) -> str:
    """Return ``config.pbtxt``: whole stacks of any size, so that nothing is batched."""
    own = backend == "livesr"
    parameters = {SHA256: package.sha256, **({PRECISION: AS_ASKED} if own else {})}
    lines = [
        f'name: "{model_name(package)}"',
        f'backend: "{"python" if own else backend}"',
        "max_batch_size: 0",
        "input [",
        f"  {_port(FEATURES, 'TYPE_FP16' if half else 'TYPE_FP32', len(package.channels))},",
        f'  {{ name: "{WANTED}" data_type: TYPE_INT64 dims: [ -1 ] }}',
        "]",
        f"output [ {_port(PROBABILITY, 'TYPE_UINT8', -1)} ]",
        *(
            f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}'
            for key, value in parameters.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _port(name: str, kind: str, channels: int) -> str:
    return f'{{ name: "{name}" data_type: {kind} dims: [ -1, {channels}, -1, -1, -1 ] }}'
