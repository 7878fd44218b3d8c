"""Read the YAML files that describe stored data: calibrations and model packages.

Only plain values are read (``safe_load``), and a frozen pydantic model says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.errors import LivesrError


class Record(BaseModel):
    """Base of what stands in such a file: frozen, unknown keys and NaN refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


R = TypeVar("R", bound=Record)


def read_record(path: Path, model: type[R], error: type[LivesrError], fix: str) -> R:
    """Return the file's content, checked.

    Parameters
    ----------
    path : Path
    model : type of Record
        What the file must look like.
    error : type of LivesrError
        Raised with the file, everything that is wrong in it, and ``fix``.
    fix : str
        What to do about a damaged file.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return model.model_validate(content)
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"cannot be read: {problem}", where=str(path), fix=fix) from None
    except yaml.YAMLError as problem:
        text = " ".join(str(problem).split())
        raise error(f"damaged, not YAML: {text}", where=str(path), fix=fix) from None
    except ValidationError as problem:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}"
            for item in problem.errors(include_url=False)
        )
        raise error(f"damaged or of another version: {wrong}", where=str(path), fix=fix) from None
