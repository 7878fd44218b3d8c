"""A server as an engine: what it is given, and what it must give back."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.engines.refusals import failed
from livesr.segmentation.engines.remote.identity import (
    FEATURES,
    PROBABILITY,
    WANTED,
    identified,
    model_name,
)
from livesr.segmentation.engines.remote.server import WHERE, Server, unavailable
from livesr.segmentation.exemplar import exemplar
from livesr.segmentation.package import positions

if TYPE_CHECKING:
    from livesr.segmentation.engines.contract import Options
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

EXACT_MEAN, ROUGH_MEAN = 0.01, 1.5
"""Steps of 1/255 by which the test output may differ on average, in f32 and in less: another
network, or the same one trained further, differs by more."""


class RemoteEngine:
    """A package that a server runs.

    Of structures that are not asked for nothing comes back, where the server's model can choose.
    """

    name = "remote"

    def __init__(self, package: Package, options: Options) -> None:
        if options.remote is None:
            raise ModelError(
                "engine remote has no server",
                where="segmentation.remote",
                fix="write remote: {url: host:8001}, or engine: remote:host:8001",
            )
        self._package = package
        self.structures = options.structures or package.structures
        self._rows = np.array(list(positions(package, self.structures).values()), np.int64)
        self._seen: set[tuple[int, ...]] = set()
        self._version = options.remote.version
        self._own = np.empty(0, np.uint8)
        self._server = Server(options.remote)
        try:
            about = self._server.about()
            self._model = identified(self._server, package, options)
            self.precision = self._model.precision
            self._check_numbers()
        except BaseException:
            self._server.close()
            raise
        self.server = (
            f"{about} at {options.remote.url}, model {self._model.model} version {self._version}"
        )

    @staticmethod
    def unavailable() -> str | None:
        """Return why no server can be spoken to, or None."""
        return unavailable()

    @staticmethod
    def describe() -> str:
        """Return what speaks to servers."""
        try:
            number = version("tritonclient")
        except PackageNotFoundError:
            number = "0"
        return f"tritonclient {number}, Open Inference Protocol 2 over gRPC"

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return probabilities (n, K, z, y, x), in ``out`` or until the next call."""
        shape = (len(features), len(self.structures), *features.shape[2:])
        given = self._asked(features, self._rows)
        if out is None:
            if self._own.shape != shape:
                self._own = np.empty(shape, np.uint8)
            out = self._own
        np.copyto(out, given)
        return out

    def rest(self) -> None:
        """Drop the buffer."""
        self._own = np.empty(0, np.uint8)

    def close(self) -> None:
        """Hang up."""
        self._server.close()
        self._own = np.empty(0, np.uint8)

    def _asked(self, features: Float32, rows: Any) -> UInt8:
        """Return the probabilities of some rows (n, K, z, y, x), a view of the answer."""
        model, remote = self._model, self._server.remote
        arrays = [np.ascontiguousarray(features, np.float16 if model.half else np.float32)]
        arrays += [rows] if model.chooses else []
        request = self._request(arrays)
        known = features.shape in self._seen
        patience = remote.timeout_s if known else max(remote.timeout_s, remote.start_timeout_s)
        answer, raw = self._server.infer(request, arrays, patience)
        self._seen.add(features.shape)
        self._check_version(answer)
        given = len(rows) if model.chooses else len(self._package.structures)
        probability = self._output(answer, raw, (len(features), given, *features.shape[2:]))
        whole = model.chooses or rows.tolist() == list(range(given))
        return probability if whole else probability[:, rows]

    def _request(self, arrays: list[Any]) -> Any:
        messages, model = self._server.messages, self._model
        request = messages.ModelInferRequest(model_name=model.model, model_version=self._version)
        kinds = (FEATURES, "FP16" if model.half else "FP32"), (WANTED, "INT64")
        for (name, kind), array in zip(kinds, arrays, strict=False):
            request.inputs.add(name=name, datatype=kind, shape=array.shape)
        request.outputs.add(name=PROBABILITY)
        if model.named and model.precision != "auto":
            request.parameters["precision"].string_param = model.precision
        return request

    def _check_version(self, answer: Any) -> None:
        """Refuse an answer of another model, or of another version than the first one's."""
        expected = self._version or answer.model_version
        if (answer.model_name, answer.model_version) != (self._model.model, expected):
            raise self._server.refused(
                f"it answers as model {answer.model_name!r} version {answer.model_version}, not "
                f"{self._model.model!r} version {expected}"
            )
        self._version = expected

    def _output(self, answer: Any, raw: list[memoryview], shape: tuple[int, ...]) -> UInt8:
        said = [(port.name, port.datatype, tuple(port.shape)) for port in answer.outputs]
        if said != [(PROBABILITY, "UINT8", shape)] or [len(one) for one in raw] != [
            int(np.prod(shape))
        ]:
            found = ", ".join(f"{name} {kind} {sizes}" for name, kind, sizes in said) or "nothing"
            raise self._server.refused(
                f"it gives {found} in {sum(map(len, raw)):,} bytes, not {PROBABILITY} UINT8 {shape}"
            )
        return np.frombuffer(raw[0], np.uint8).reshape(shape)

    def _check_numbers(self) -> None:
        """Refuse a model that gives other numbers for the package's test input."""
        package = self._package
        if package.about.test_input is None or package.about.test_output is None:
            return
        into, expected = exemplar(package)
        rows = np.arange(len(package.structures))
        found = self._asked(into, rows).astype(np.int16)
        if found.shape != expected.shape:
            raise failed(package, "its test output", ValueError(f"it has shape {expected.shape}"))
        differs = float(np.abs(found - expected).mean())
        allowed = EXACT_MEAN if self.precision == "f32" else ROUGH_MEAN
        if not differs <= allowed:
            raise ModelError(
                f"the server at {self._server.remote.url}: model {self._model.model!r} is another "
                f"than package {package.name}: its test outputs differ by {differs:.3g}/255 on "
                f"average (allowed: {allowed:g})",
                where=WHERE,
                fix=f"export this package for the server: it looks for {model_name(package)!r}",
            )
