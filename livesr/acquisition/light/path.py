"""What another process must know of a microscope to switch its light off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Values = dict[str, dict[str, str]]
"""{device: {property: value}}"""


@dataclass(frozen=True, slots=True)
class LightPath:
    """All that switching the light off takes; plain data, so that it can be sent.

    Attributes
    ----------
    shutters : tuple of str
        To be closed.
    off : dict
        Properties that are set then, {device: {property: value}}.
    lines : tuple of tuple of str
        Of the configuration, split at commas, in its order.
    adapters : tuple of str
        Where Micro-Manager looks for device adapters.
    within : tuple of str
        Shutters that are only simulated, within the acquisition's process.
    """

    shutters: tuple[str, ...]
    off: Values
    lines: tuple[tuple[str, ...], ...]
    adapters: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    @property
    def python(self) -> bool:
        """Whether a device of it is written in Python."""
        return any(line[0] == "pyDevice" for line in self.lines)

    @property
    def known(self) -> bool:
        """Whether there is any light that could be switched."""
        return bool(self.shutters or self.off or self.within)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> LightPath:
        """Read what `as_dict` gave."""
        return cls(
            tuple(data["shutters"]),
            dict(data["off"]),
            tuple(tuple(line) for line in data["lines"]),
            tuple(data["adapters"]),
            tuple(data["within"]),
        )
