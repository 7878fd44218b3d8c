"""Where the data that travel with livesr lie: stored calibrations, model packages and examples.

In a checkout (editable install) they stand beside the package; in a wheel inside it, under
``_data``. Only this module knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from livesr.errors import StorageError

Kind = Literal["calibration", "models", "examples"]


def data_folder(kind: Kind) -> Path:
    """Return the folder of the stored calibrations, the model packages or the examples.

    Raises
    ------
    StorageError
        If neither an installed nor a checked-out copy is found.
    """
    package = Path(__file__).resolve().parent
    candidates = (package / "_data" / kind, package.parent / kind)
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise StorageError(
        f"livesr's {kind} folder is missing",
        where=" or ".join(str(folder) for folder in candidates),
        fix="install livesr again: python -m pip install --force-reinstall .",
    )
