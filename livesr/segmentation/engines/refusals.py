"""What engines say of packages and wishes that they cannot do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.errors import ModelError
from livesr.segmentation.description import MEND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.segmentation.package import Package

_AXES = 5


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a graph; sizes that are free are None."""

    kind: str
    shape: tuple[int | None, ...]


def misfit(package: Package, found: str) -> ModelError:
    """Return the error for a graph that does not keep to the packages' contract."""
    return ModelError(
        f"package {package.name} holds another kind of network: {found}; expected one "
        f"float32 (n, {len(package.channels)}, z, y, x) in, one uint8 "
        f"(n, {len(package.structures)}, z, y, x) out",
        where=str(package.weights),
        fix=MEND,
    )


def check_contract(
    package: Package, inputs: Sequence[Tensor], outputs: Sequence[Tensor], structures: int
) -> None:
    """Refuse a graph of another kind.

    Parameters
    ----------
    package : Package
    inputs, outputs : sequence of Tensor
        What the graph takes and gives.
    structures : int
        Outputs that it must give.

    Raises
    ------
    ModelError
        Naming the first thing that does not fit.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        raise misfit(package, f"{len(inputs)} inputs and {len(outputs)} outputs")
    into, out = inputs[0], outputs[0]
    if len(into.shape) != _AXES or len(out.shape) != _AXES:
        raise misfit(package, f"{len(into.shape)} axes in and {len(out.shape)} out")
    for what, kind, expected_kind in (
        ("input", into.kind, "float32"),
        ("output", out.kind, "uint8"),
    ):
        if kind != expected_kind:
            raise misfit(package, f"{what} of type {kind}")
    for what, found, expected in (
        ("input channels", into.shape[1], len(package.channels)),
        ("outputs", out.shape[1], structures),
    ):
        if found is not None and found != expected:
            raise misfit(package, f"{found} {what}, not {expected}")


def failed(package: Package, what: str, problem: Exception) -> ModelError:
    """Return the error for what a library raised."""
    reason = " ".join(str(problem).split())[-300:]
    return ModelError(
        f"package {package.name}: {what}: {reason}",
        where=str(package.weights),
        fix=f"livesr doctor checks engine and packages; {MEND}",
    )


def not_computed(engine: str, precision: str) -> ModelError:
    """Return the error for a precision that an engine does not compute in on this machine."""
    return ModelError(
        f"{engine} does not compute {precision} on this machine",
        where="segmentation.precision",
        fix="write 'precision: auto'",
    )


def overflowed(package: Package, precision: str) -> ModelError:
    """Return the error for probabilities that are no numbers: they would be stored as masks."""
    return ModelError(
        f"package {package.name} gives no numbers in {precision}",
        where="segmentation.precision",
        fix="write 'precision: bf16' or 'precision: f32'",
    )
