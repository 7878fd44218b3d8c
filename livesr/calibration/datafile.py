"""Read the YAML files that describe stored data: calibrations and model packages.

Only plain values are read, of files of a sane size, and a frozen pydantic model says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.errors import LivesrError

MOST_BYTES = 2**20
DEEPEST = 32
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        return model.model_validate(plain_yaml(path))
    except ValidationError as problem:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}"
            for item in problem.errors(include_url=False)
        )
        raise error(f"damaged or of another version: {wrong}", where=str(path), fix=fix) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"cannot be read: {problem}", where=str(path), fix=fix) from None
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        text = " ".join(str(problem).split())
        raise error(f"damaged, not YAML: {text}", where=str(path), fix=fix) from None


def plain_yaml(path: Path) -> object:
    """Return a YAML file's plain values; what could fill the memory is refused before."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
    text = content.decode("utf-8")
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            # a few lines of aliases of aliases stand for any amount of data
            raise yaml.YAMLError(f"a value refers to another with '*{event.anchor}'")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST} deep")
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 (a safe loader)
