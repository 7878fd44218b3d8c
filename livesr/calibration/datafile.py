"""Read the YAML files that describe stored data: calibrations and model packages.

Only plain values are read, of files of a sane size, and a frozen pydantic model says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from livesr.plain import NotPlainError, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.errors import LivesrError

_TOLD = 8
"""Errors that one message names."""


class Record(BaseModel):
    """Base of what stands in such a file: frozen, unknown keys and NaN refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


R = TypeVar("R", bound=BaseModel)


def read_record(path: Path, model: type[R], error: type[LivesrError], fix: str) -> R:
    """Return the file's content, checked.

    Parameters
    ----------
    path : Path
    model : type of BaseModel
        What the file must look like.
    error : type of LivesrError
        Raised with the file, everything that is wrong in it, and ``fix``.
    fix : str
        What to do about a damaged file.
    """
    try:
        return model.model_validate(read_yaml(path))
    except ValidationError as problem:
        items = problem.errors(include_url=False)
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in items[:_TOLD]
        )
        if len(items) > _TOLD:
            wrong += f"; and {len(items) - _TOLD} more"
        raise error(f"damaged or of another version: {wrong}", where=str(path), fix=fix) from None
    except OSError as problem:
        raise error(f"cannot be read: {problem}", where=str(path), fix=fix) from None
    except NotPlainError as problem:
        raise error(f"damaged, not YAML: {problem}", where=str(path), fix=fix) from None
