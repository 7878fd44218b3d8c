"""A small server of the Open Inference Protocol, for tests and benches on one machine.

It speaks what NVIDIA Triton and OpenVINO Model Server speak, from the protocol's published
messages, and runs packages by livesr's own engines. It is no server for a lab: one request at a
time, no encryption.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ModelError
from livesr.memory import keep_memory
from livesr.segmentation.engines.remote.identity import (
    AS_ASKED,
    FEATURES,
    PRECISION,
    PROBABILITY,
    SHA256,
    WANTED,
    model_name,
)
from livesr.segmentation.engines.remote.server import UNLIMITED
from livesr.segmentation.engines.remote.serving import Serving
from livesr.segmentation.engines.remote.wire import RAW_INPUT, RAW_OUTPUT, cut, joined
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from livesr.segmentation.package import Package

SERVICE = "inference.GRPCInferenceService"
STOP_S = 5.0


class Loopback:
    """The server, on a free port of this machine.

    Parameters
    ----------
    packages : Package
        Each is a model, called as `model_name` says.
    engine : str
        What runs them.
    threads : int, optional
    """

    version = "1"

    def __init__(
        self, *packages: Package, engine: str = "auto", threads: int | None = None
    ) -> None:
        import grpc
        from tritonclient.grpc import service_pb2

        self._grpc, self.messages = grpc, service_pb2
        self._options: dict[str, Any] = {"engine": engine, "threads": threads}
        self.models: dict[str, Serving] = {}
        self.requests: list[Any] = []
        self._one = threading.Lock()
        for package in packages:
            self.serve(package)
        # requests wait here for their turn, with all that they brought
        self._server = grpc.server(ThreadPoolExecutor(2), options=UNLIMITED)
        self._server.add_generic_rpc_handlers((self._handlers(),))
        self.url = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def serve(self, package: Package) -> None:
        """Serve one package more."""
        self.models.setdefault(model_name(package), Serving(package, **self._options))

    def close(self) -> None:
        """Stop, and let go of the engines."""
        self._server.stop(0).wait(STOP_S)
        for serving in self.models.values():
            serving.close()

    def metadata(self, request: Any) -> Any:
        """Answer what a model takes and gives."""
        package = self._serving(request.name).package
        answer = self.messages.ModelMetadataResponse(
            name=request.name, versions=[self.version], platform="livesr"
        )
        free = (-1, -1, -1)
        answer.inputs.add(name=FEATURES, datatype="FP32", shape=(-1, len(package.channels), *free))
        answer.inputs.add(name=WANTED, datatype="INT64", shape=(-1,))
        answer.outputs.add(name=PROBABILITY, datatype="UINT8", shape=(-1, -1, *free))
        return answer

    def parameters(self, model: str) -> dict[str, str]:
        """Return a model's parameters."""
        return {SHA256: self._serving(model).package.sha256, PRECISION: AS_ASKED}

    def infer(self, request: Any, raw: list[memoryview]) -> tuple[Any, list[Any]]:
        """Answer a request: the message, and its arrays."""
        serving = self._serving(request.model_name)
        features = np.frombuffer(raw[0], np.float32).reshape(request.inputs[0].shape)
        rows = np.frombuffer(raw[1], np.int64)
        precision = request.parameters["precision"].string_param or "auto"
        found = serving.run(features, rows.tolist(), precision)
        answer = self.messages.ModelInferResponse(
            model_name=request.model_name, model_version=self.version
        )
        answer.outputs.add(name=PROBABILITY, datatype="UINT8", shape=found.shape)
        return answer, [found]

    def _serving(self, model: str) -> Serving:
        if model not in self.models:
            raise LookupError(f"unknown model {model!r}")
        return self.models[model]

    def _handlers(self) -> Any:
        messages = self.messages

        def method(name: str, answer: Callable[[Any], Any]) -> Any:
            return self._grpc.unary_unary_rpc_method_handler(
                self._told(answer),
                request_deserializer=getattr(messages, f"{name}Request").FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )

        asked: dict[str, Callable[[Any], Any]] = {
            "ServerMetadata": lambda _: messages.ServerMetadataResponse(
                name="livesr-loopback", version="1"
            ),
            "ModelMetadata": self.metadata,
            "ModelConfig": self._config,
        }
        handlers = {name: method(name, answer) for name, answer in asked.items()}
        handlers["ModelInfer"] = self._grpc.unary_unary_rpc_method_handler(
            self._told(self._infer),
            request_deserializer=lambda data: cut(data, messages.ModelInferRequest(), RAW_INPUT),
            response_serializer=bytes,
        )
        return self._grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _config(self, request: Any) -> Any:
        answer = self.messages.ModelConfigResponse()
        for key, value in self.parameters(request.name).items():
            answer.config.parameters[key].string_value = value
        return answer

    def _infer(self, given: tuple[Any, list[memoryview]]) -> bytes:
        with self._one:
            self.requests.append(given[0])
            return joined(*self.infer(*given), RAW_OUTPUT)

    def _told(self, answer: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        """Return an answer whose errors are the protocol's."""
        code = self._grpc.StatusCode

        def call(request: Any, context: Any) -> Any:
            try:
                return answer(request)
            except LookupError as problem:
                context.abort(code.NOT_FOUND, str(problem))
            except (ModelError, ValueError) as problem:
                context.abort(code.INVALID_ARGUMENT, str(problem))

        return call


@contextmanager
def loopback_process(package: str, engine: str = "auto") -> Iterator[str]:
    """Serve a package from a process of its own; gives ``host:port``."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, package, engine))
    process.start()
    there.close()
    try:
        yield here.recv()
    finally:
        here.close()
        process.join()


def _serve(pipe: Connection, package: str, engine: str) -> None:
    keep_memory()
    server = Loopback(load_package(package), engine=engine)
    pipe.send(server.url)
    try:
        pipe.recv()
    except EOFError:
        server.close()
