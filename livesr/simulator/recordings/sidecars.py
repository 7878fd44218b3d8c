"""What stands beside a simulated recording's images: tables, parameters, calibration, session file.

Tables are CSV. ``parameters.yaml`` holds all that made the folder, so that it can be made again bit
for bit; ``recording.yaml`` and ``calibration.yaml`` let `livesr run` segment it.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from livesr import __version__
from livesr.calibration.profile import (
    ChannelTransform,
    Profile,
    Provenance,
    RegistrationError,
    ValidFor,
    save_profile,
)
from livesr.storage.disk import disk_errors, replace_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Grid, RecordingInfo

MICROSCOPE = "simulated microscope"
CAMERA = "simulated camera"
OBJECTIVE = "simulated 100x/1.49 oil"


class Table:
    """A CSV file in the making.

    Parameters
    ----------
    path : Path
        New.
    columns : sequence of str
        Its head.

    Raises
    ------
    StorageError
        If the disk is full or fails, here and from `add`.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self._columns = tuple(columns)
        with disk_errors("the table cannot be written", path):
            self._file = path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file, lineterminator="\n")
            self._writer.writerow(self._columns)

    def add(self, rows: Iterable[Any], **first: object) -> None:
        """Add rows, mappings or objects with the columns as attributes; ``first`` is in each."""
        with disk_errors("the table cannot be written", self.path):
            for row in rows:
                known = first | row if isinstance(row, dict) else first
                values = (
                    known[name] if name in known else getattr(row, name) for name in self._columns
                )
                self._writer.writerow([_cell(value) for value in values])

    def close(self) -> None:
        """Close the file."""
        with disk_errors("the table cannot be written", self.path):
            self._file.close()


def write_table(path: Path, rows: Sequence[Any], columns: Sequence[str] = ()) -> Path:
    """Write rows as CSV and return the path.

    Parameters
    ----------
    path : Path
    rows : sequence of mapping or object
    columns : sequence of str
        Head of the table; by default the keys of the first row.

    Raises
    ------
    StorageError
        If the disk is full or fails.
    """
    table = Table(path, columns or tuple(rows[0]))
    table.add(rows)
    table.close()
    return path


def write_yaml(path: Path, content: Mapping[str, Any], comment: str) -> Path:
    """Write a mapping as YAML under a comment and return the path."""
    text = yaml.safe_dump(
        _plain(content), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    with disk_errors("the file cannot be written", path):
        replace_text(path, f"# {comment}\n{text}")
    return path


def write_calibration(
    path: Path, models: Mapping[str, ChromaticModel], grid: Grid, optics_seed: int
) -> Path:
    """Write the chromatic truth as a calibration that fits this recording; return the path.

    It names the simulated microscope, so that a session on any other is refused.

    Parameters
    ----------
    path : Path
    models : mapping of str to ChromaticModel
        Each channel but the reference, ``yellow``.
    grid : Grid
        Of one channel.
    optics_seed : int
    """
    (_, height, width), (_, _, pixel_um) = grid.shape, grid.voxel_um
    known = "known from the simulation, not measured"
    profile = Profile(
        name=f"simulated-{optics_seed}",
        reference="yellow",
        channels={name: ChannelTransform.of(model) for name, model in models.items()},
        valid_for=ValidFor(
            microscope=MICROSCOPE,
            camera=CAMERA,
            objective=OBJECTIVE,
            pixel_um=pixel_um,
            field_um=(height * pixel_um, width * pixel_um),
        ),
        simulated=False,
        provenance=Provenance(
            made="with the recording",
            by="livesr simulate",
            source=f"the simulated optics themselves, optics seed {optics_seed}; no beads",
            software=f"livesr {__version__}",
        ),
        error=RegistrationError(fre_nm=None, tre_nm=None, reason=known),
    )
    save_profile(profile, path)
    return path


def write_session(path: Path, image: Path, calibration: Path, info: RecordingInfo) -> Path:
    """Write a session file with which `livesr run` segments the recording; return the path."""
    content = {
        "name": path.parent.name,
        "recording": {
            "paths": [image.name],
            "camera_offset": info.camera_offset,
            "name": MICROSCOPE,
            "camera": CAMERA,
            "objective": OBJECTIVE,
        },
        "layout": {
            "kind": "sequential",
            "channels": [{"name": name, "config": ""} for name in info.channels],
        },
        "calibration": calibration.name,
    }
    return write_yaml(path, content, "Segment this recording: livesr run recording.yaml")


def _cell(value: object) -> object:
    """Return a value as a table shows it: seven digits are a picometre in a field."""
    if isinstance(value, float | np.floating):
        return f"{float(value):.7g}"
    return value


def _plain(value: Any) -> Any:
    """Return a value of lists, mappings and plain scalars alone."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value
