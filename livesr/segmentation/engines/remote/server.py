"""The connection to a server: calls with deadlines, TLS, errors in plain words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from livesr.errors import ModelError
from livesr.segmentation.engines.remote.wire import RAW_INPUT, RAW_OUTPUT, cut, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.config.remote import Remote, Tls

INSTALL = 'python -m pip install "tritonclient[grpc]"'
WHERE = "segmentation.remote"
ASK_S = 10.0
"""Patience with questions that no network answers."""
UNLIMITED = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)
_OPTIONS = (
    *UNLIMITED,
    # the user named this server, not a proxy
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
)
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # else it warns where a program is started
_INFER = "/inference.GRPCInferenceService/ModelInfer"


def unavailable() -> str | None:
    """Return why no server can be spoken to, or None."""
    try:
        import grpc  # noqa: F401
        from tritonclient.grpc import service_pb2  # noqa: F401
    except (ImportError, OSError, TypeError) as problem:
        return f"tritonclient cannot be loaded ({problem}): {INSTALL}"
    return None


class Server:
    """A server of the Open Inference Protocol, version 2, over gRPC.

    Parameters
    ----------
    remote : Remote

    Raises
    ------
    ModelError
        From every call: if there is no answer in time, or another than the protocol's.
    """

    def __init__(self, remote: Remote) -> None:
        import grpc
        from tritonclient.grpc import service_pb2, service_pb2_grpc

        self._grpc, self._messages = grpc, service_pb2
        self.remote = remote
        self._channel: Any = _channel(grpc, remote)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._infer = self._channel.unary_unary(
            _INFER,
            request_serializer=lambda parts: joined(parts[0], parts[1], RAW_INPUT),
            # bytes as they came: what is no message must not end as an error within gRPC
            response_deserializer=bytes,
        )

    @property
    def messages(self) -> Any:
        """The protocol's messages."""
        return self._messages

    def about(self) -> str:
        """Return the server's name and version."""
        request = self._messages.ServerMetadataRequest()
        answer = self._asked(lambda: self._stub.ServerMetadata(request, timeout=self._ask_s))
        return f"{answer.name} {answer.version}".strip()

    def metadata(self, model: str) -> Any:
        """Return what the server says of a model: versions, inputs, outputs."""
        request = self._messages.ModelMetadataRequest(name=model, version=self.remote.version)
        return self._asked(
            lambda: self._stub.ModelMetadata(request, timeout=self._ask_s), f"model {model!r}"
        )

    def parameters(self, model: str) -> dict[str, str]:
        """Return the parameters of a model's configuration; none where servers do not tell."""
        request = self._messages.ModelConfigRequest(name=model, version=self.remote.version)
        try:
            answer = self._stub.ModelConfig(request, timeout=self._ask_s)
        except self._grpc.RpcError as problem:
            if problem.code() == self._grpc.StatusCode.UNIMPLEMENTED:  # OpenVINO Model Server
                return {}
            raise self._failed(problem, f"model {model!r}") from None
        return {key: value.string_value for key, value in answer.config.parameters.items()}

    def infer(
        self, request: Any, arrays: Sequence[Any], within_s: float
    ) -> tuple[Any, list[memoryview]]:
        """Return the answer to a request whose inputs are arrays, and its outputs' bytes."""
        answer = self._asked(
            lambda: self._infer((request, arrays), timeout=within_s), f"{within_s:g} s patience"
        )
        try:
            return cut(answer, self._messages.ModelInferResponse(), RAW_OUTPUT)
        except ValueError as problem:
            raise self.refused(f"an answer that is none of the protocol ({problem})") from None

    def refused(self, what: str) -> ModelError:
        """Return the error for something that does not fit."""
        return ModelError(
            f"the server at {self.remote.url}: {what}",
            where=WHERE,
            fix="docs/remote.md says how a server gets a package: livesr models export --triton",
        )

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    @property
    def _ask_s(self) -> float:
        return min(ASK_S, self.remote.timeout_s)

    def _asked(self, call: Callable[[], Any], what: str = "") -> Any:
        try:
            return call()
        except self._grpc.RpcError as problem:
            raise self._failed(problem, what) from None
        except ValueError as problem:  # the channel is closed
            raise self.refused(str(problem)) from None

    def _failed(self, problem: Any, what: str) -> ModelError:
        """Return the error for what gRPC says."""
        code, said = problem.code(), " ".join((problem.details() or "").split())[:300]
        known = {
            self._grpc.StatusCode.UNAVAILABLE: "it cannot be reached",
            self._grpc.StatusCode.DEADLINE_EXCEEDED: "it did not answer in time",
            self._grpc.StatusCode.NOT_FOUND: "it has no such model",
        }
        words = known.get(code, f"it refuses ({code.name.lower().replace('_', ' ')})")
        return self.refused(f"{words}{f', {what}' if what else ''}: {said}")


def _channel(grpc: Any, remote: Remote) -> Any:
    if remote.tls is None:
        return grpc.insecure_channel(remote.url, options=_OPTIONS)
    return grpc.secure_channel(remote.url, _credentials(grpc, remote.tls), options=_OPTIONS)


def _credentials(grpc: Any, tls: Tls) -> Any:
    try:
        ca, key, certificate = (
            None if path is None else path.read_bytes()
            for path in (tls.ca, tls.key, tls.certificate)
        )
    except OSError as problem:
        raise ModelError(
            f"a file of the encryption cannot be read: {problem}",
            where=f"{WHERE}.tls",
            fix="name PEM files that this user may read",
        ) from None
    return grpc.ssl_channel_credentials(ca, key, certificate)
