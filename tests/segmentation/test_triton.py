"""A package as a model repository: the configuration is Triton's, the graph gives what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.errors import ConfigError, StorageError
from livesr.segmentation.engines.remote.identity import model_name
from livesr.segmentation.package import load_package
from livesr.segmentation.triton import write_repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("half", [False, True])
def test_the_graph_gives_the_structures_that_are_asked_for(
    folder: Path, tmp_path: Path, half: bool
) -> None:
    ort = pytest.importorskip("onnxruntime")
    package = load_package(folder)
    into = np.load(folder / "test_input.npy")
    whole = ort.InferenceSession(str(package.weights)).run(None, {"features": into})[0]
    model = write_repository(package, tmp_path / "models", half=half) / "1" / "model.onnx"
    session = ort.InferenceSession(str(model))
    seen = into.astype(np.float16 if half else np.float32)
    for rows in ([1], [1, 0]):
        feed = {"features": seen, "structures": np.array(rows)}
        found = session.run(None, feed)[0]
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - whole[:, rows]).max() <= int(half)


@pytest.mark.parametrize("backend", ["onnxruntime", "livesr"])
def test_the_configuration_is_tritons(folder: Path, tmp_path: Path, backend: str) -> None:
    model_config = pytest.importorskip("tritonclient.grpc.model_config_pb2")
    from google.protobuf import text_format

    package = load_package(folder)
    target = write_repository(package, tmp_path / "models", backend)
    text = (target / "config.pbtxt").read_text(encoding="utf-8")
    config = text_format.Parse(text, model_config.ModelConfig())
    assert config.name == target.name == model_name(package)
    assert config.backend == {"livesr": "python"}.get(backend, backend)
    assert [list(port.dims) for port in config.input] == [[-1, 2, -1, -1, -1], [-1]]
    assert config.parameters["livesr_sha256"].string_value == package.sha256
    if backend == "livesr":
        assert load_package(target / "1" / "package").sha256 == package.sha256
        compile((target / "1" / "model.py").read_text(encoding="utf-8"), "model.py", "exec")


def test_what_is_there_is_kept_and_what_is_unknown_refused(folder: Path, tmp_path: Path) -> None:
    package = load_package(folder)
    write_repository(package, tmp_path)
    with pytest.raises(StorageError, match="there already"):
        write_repository(package, tmp_path)
    with pytest.raises(ConfigError, match="no backend 'tensorflow'"):
        write_repository(package, tmp_path, "tensorflow")
    with pytest.raises(ConfigError, match="float32"):
        write_repository(package, tmp_path, "livesr", half=True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
