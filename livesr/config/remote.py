"""The server that segments for a machine without a graphics card."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PREFIX = "remote:"
"""Of an engine's name that says the server, too: ``remote:host:8001``."""


class Tls(BaseModel):
    """How the server proves who it is, and this machine who it is (PEM files)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Path | None = Field(
        None, description="certificate that the server's is signed with; default: the system's"
    )
    certificate: Path | None = Field(None, description="of this machine, if the server asks for it")
    key: Path | None = Field(None, description="of this machine's certificate")

    @model_validator(mode="after")
    def _both(self) -> Tls:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: name both, or none")
        return self


class Remote(BaseModel):
    """A server of the Open Inference Protocol over gRPC: docs/remote.md."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    url: str = Field(
        pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$",
        description="host:port of its gRPC service, 8001 with Triton",
    )
    model: str = Field("", description="its name there; default: as livesr models export writes it")
    version: str = Field(
        "", pattern=r"^[0-9]*$", description="of the model; default: the newest there"
    )
    timeout_s: float = Field(30.0, gt=0, le=600, description="patience with one window")
    start_timeout_s: float = Field(
        300.0, gt=0, le=1800, description="patience with the first of a size: servers compile then"
    )
    tls: Tls | None = Field(None, description="true, or files; default: not encrypted")
    fallback: bool = Field(
        True, description="this machine's best engine takes over if the server fails"
    )

    @field_validator("tls", mode="before")
    @classmethod
    def _plain_yes(cls, value: Any) -> Any:
        return {True: {}, False: None}[value] if isinstance(value, bool) else value


def with_address(data: Any) -> Any:
    """Return a file's ``segmentation`` with ``engine: remote:host:8001`` written out."""
    engine = data.get("engine") if isinstance(data, dict) else None
    if not isinstance(engine, str) or not engine.startswith(PREFIX):
        return data
    more = data.get("remote") or {}
    if not isinstance(more, dict):
        return data
    return {**data, "engine": "remote", "remote": {**more, "url": engine.removeprefix(PREFIX)}}
