"""livesr: live segmentation of fifteen organelles while the microscope records.

From Python: `livesr.segment` makes the masks of one stack, `livesr.Segmenter` of a series of them,
and `livesr.open` reads a session. They are imported when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livesr.api import OpenSession, Segmenter, segment
    from livesr.api import open_session as open  # noqa: A004 - as in zarr.open or h5py
    from livesr.types import Masks

__version__ = "0.1.0"

__all__ = ["Masks", "OpenSession", "Segmenter", "__version__", "open", "segment"]

_NAMES = {"open": "open_session"}


def __getattr__(name: str) -> Any:
    """Import the public API when it is asked for, so that programs start quickly."""
    if name not in __all__:
        raise AttributeError(f"module 'livesr' has no attribute {name!r}")
    from livesr import api

    return getattr(api, _NAMES.get(name, name))


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
