"""A server as an engine, and all that may be wrong with it; the server is a small one of ours."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tiny_network import describe, write_network, write_rdf

from livesr.config.remote import Remote
from livesr.errors import ModelError
from livesr.segmentation import engines
from livesr.segmentation.engines import Options, choose_engine, load_engine
from livesr.segmentation.engines.remote import wire
from livesr.segmentation.engines.remote.identity import model_name
from livesr.segmentation.package import load_package

pytest.importorskip("tritonclient")

from served import Spoiled, tell_the_truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package


@pytest.fixture
def package(folder: Path) -> Package:
    tell_the_truth(load_package(folder), folder)
    return load_package(folder)


@pytest.fixture
def server(package: Package) -> Iterator[Spoiled]:
    with closing(Spoiled(package, engine="openvino", threads=1)) as server:
        yield server


def features(seed: int = 60_150) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2, 0.5, (1, 2, 4, 16, 24)).astype(np.float32)


def remote(server: Spoiled, **more: object) -> Engine:
    package = next(iter(server.models.values())).package
    given = Remote.model_validate({"url": server.url, "fallback": False, **more})
    return load_engine("remote", package, Options(1, "f32", remote=given)).engine


def test_it_gives_what_the_same_engine_gives_here(server: Spoiled, package: Package) -> None:
    with closing(choose_engine("openvino", package, threads=1, precision="f32")) as local:
        expected = local.run(features())
        with closing(remote(server)) as engine:
            np.testing.assert_array_equal(engine.run(features()), expected)
            assert server.url in engine.server


def test_only_what_is_asked_for_comes_back(server: Spoiled, package: Package) -> None:
    few = ("mitochondria",)
    with closing(choose_engine(f"remote:{server.url}", package, structures=few)) as engine:
        assert engine.run(features()).shape == (1, 1, 4, 16, 24)
    assert list(server.requests[-1].inputs[1].shape) == [1]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("slow", "did not answer in time"),
        ("version", "version 2"),
        ("shape", "gives probability"),
        ("short", "bytes, not"),
        ("kind", "FP32"),
        ("refuses", "out of memory"),
    ],
)
def test_what_fails_while_it_runs_says_so(server: Spoiled, wrong: str, words: str) -> None:
    with closing(remote(server, timeout_s=0.5, start_timeout_s=60)) as engine:
        engine.run(features())
        server.wrong = wrong
        with pytest.raises(ModelError, match=words) as caught:
            engine.run(features())
        assert server.url in caught.value.what
        assert caught.value.fix


@pytest.mark.parametrize("wrong", ["channels", "names", "floats", "sha256", "precision"])
def test_another_model_is_refused_before_it_runs(server: Spoiled, wrong: str) -> None:
    server.wrong = wrong
    with pytest.raises(ModelError):
        remote(server)
    assert not server.requests


def test_a_model_that_gives_other_numbers_is_refused(
    server: Spoiled, package: Package, kernel: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(choose_engine(f"remote:{server.url}", package)):
        pass  # the server has loaded it
    write_network(package.folder / "model.onnx", kernel[::-1])
    write_rdf(package.folder, describe(package.folder))
    tell_the_truth(load_package(package.folder), package.folder)
    other = load_package(package.folder)
    given = Remote(url=server.url, model=model_name(package), fallback=False)
    monkeypatch.setattr(server, "parameters", lambda _: {})
    with pytest.raises(ModelError, match="another than package TINY"):
        load_engine("remote", other, Options(1, remote=given))


def test_a_server_without_the_package_names_it(server: Spoiled) -> None:
    with pytest.raises(ModelError, match="no such model") as caught:
        choose_engine(f"remote:{server.url}", load_package("LD"))
    assert model_name(load_package("LD")) in caught.value.what


def test_a_server_that_is_gone_is_replaced_if_the_session_says_so(
    server: Spoiled, package: Package
) -> None:
    engine = remote(server)
    server.close()
    with pytest.raises(ModelError, match="cannot be reached"):
        engine.run(features())
    engine.close()
    given = Remote(url=server.url)
    choice = load_engine("remote", package, Options(1, remote=given))
    with closing(choice.engine):
        assert choice.engine.name in [entry.name for entry in engines.ENGINES]
    assert "cannot be reached" in choice.passed_over["remote"]


@pytest.mark.parametrize("name", ["remote:", "remote:host", "remote:http://host:1", "remote:a b:1"])
def test_names_that_name_no_server(name: str, package: Package) -> None:
    with pytest.raises(ModelError, match="names no server") as caught:
        choose_engine(name, package)
    assert "remote:gpu.lab:8001" in caught.value.fix


def test_a_missing_certificate_is_an_error_in_words(server: Spoiled, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="encryption"):
        remote(server, tls={"ca": tmp_path / "none.pem"})


def test_a_message_is_cut_where_it_was_joined() -> None:
    from tritonclient.grpc import service_pb2

    request = service_pb2.ModelInferRequest(model_name="a", model_version="1")
    arrays = [np.arange(300, dtype=np.float32), np.arange(2)]
    data = wire.joined(request, arrays, wire.RAW_INPUT)
    whole = service_pb2.ModelInferRequest.FromString(data)
    assert list(whole.raw_input_contents) == [array.tobytes() for array in arrays]
    assert whole.SerializeToString() == data
    message, raw = wire.cut(data, service_pb2.ModelInferRequest(), wire.RAW_INPUT)
    assert message == request
    assert [bytes(one) for one in raw] == [array.tobytes() for array in arrays]


@pytest.mark.parametrize("data", [b"\x32\xff\xff\xff\xff\x0f", b"\x33", b"\xff" * 20, b"\x0a\x02a"])
def test_a_message_that_is_none_is_refused(data: bytes) -> None:
    from tritonclient.grpc import service_pb2

    with pytest.raises(ValueError, match="message"):
        wire.cut(data, service_pb2.ModelInferResponse(), wire.RAW_OUTPUT)
