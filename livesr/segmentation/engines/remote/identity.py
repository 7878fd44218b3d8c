"""Whether a server's model is this machine's package: its name, its parameters, its numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livesr.segmentation.engines.refusals import Tensor, check_contract, not_computed

if TYPE_CHECKING:
    from livesr.segmentation.engines.contract import Options
    from livesr.segmentation.engines.remote.server import Server
    from livesr.segmentation.package import Package

FEATURES, WANTED, PROBABILITY = "features", "structures", "probability"
"""Names of the graph's inputs and output; `WANTED` only where `livesr models export` wrote it."""
SHA256, PRECISION = "livesr_sha256", "livesr_precision"
"""Parameters of the model's configuration."""
AS_ASKED = "as asked"
"""For a `PRECISION` that each request may name: the server runs livesr's own engines."""
_DIGITS = 12
_KINDS = {"FP32": "float32", "FP16": "float32", "UINT8": "uint8"}


def model_name(package: Package) -> str:
    """Return what a package is called on servers: its checksum is part of the name."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", package.name)
    return f"livesr-{name}-{package.sha256[:_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Served:
    """What a server says of a model.

    Attributes
    ----------
    model : str
    half : bool
        Whether its features are float16, half the traffic.
    chooses : bool
        Whether it gives only the structures that are asked for.
    precision : str
        What it computes in: auto where it does not say.
    named : bool
        Whether each request names the precision.
    """

    model: str
    half: bool
    chooses: bool
    precision: str
    named: bool


def identified(server: Server, package: Package, options: Options) -> Served:
    """Return the server's model for a package.

    Raises
    ------
    ModelError
        If there is none, it is of another package, or it computes in another precision.
    """
    model = server.remote.model or model_name(package)
    about, parameters = server.metadata(model), server.parameters(model)
    sha256 = parameters.get(SHA256)
    if sha256 is not None and sha256 != package.sha256:
        raise server.refused(
            f"model {model!r} is another than package {package.name}: its sha256 is "
            f"{sha256[:_DIGITS]}…, here {package.sha256[:_DIGITS]}…"
        )
    inputs = {port.name: port for port in about.inputs}
    chooses = WANTED in inputs
    if chooses and inputs[WANTED].datatype != "INT64":
        raise server.refused(f"model {model!r}: input {WANTED!r} is no INT64")
    into = [port for port in about.inputs if port.name != WANTED]
    names = [port.name for port in (*into, *about.outputs)]
    check_contract(
        package,
        [_tensor(port) for port in into],
        [_tensor(port) for port in about.outputs],
        len(package.structures),
    )
    if names != [FEATURES, PROBABILITY]:
        raise server.refused(
            f"model {model!r} has {', '.join(names)}, not {FEATURES}, {PROBABILITY}"
        )
    precision, named = _precision(server, parameters, options.precision)
    return Served(model, into[0].datatype == "FP16", chooses, precision, named)


def _precision(server: Server, parameters: dict[str, str], asked: str) -> tuple[str, bool]:
    said = parameters.get(PRECISION, "")
    if said == AS_ASKED:
        return asked, True
    if asked not in ("auto", said):
        raise not_computed(f"the server at {server.remote.url}", asked)
    return said or "auto", False


def _tensor(port: Any) -> Tensor:
    shape = tuple(None if size < 0 else int(size) for size in port.shape)
    return Tensor(_KINDS.get(port.datatype, port.datatype), shape)
