"""The text of a ``.chromagnon.csv``: read with every number checked, and written.

Rows ``nt``, ``nw``, ``pxlsize_z_y_x``, ``refwave`` (the reference's row, not its wavelength), the
columns' names, then a row a channel. Chromagnon evaluates the cells as Python; here they are
numbers or the file is refused.
"""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from livesr.errors import CalibrationError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Triple = tuple[float, float, float]
Seven = tuple[float, float, float, float, float, float, float]
NAMES = ("tz", "ty", "tx", "rz", "mz", "my", "mx")
NOTHING: Seven = (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
RANGES = {"t": (-1e5, 1e5), "r": (-360.0, 360.0), "m": (0.5, 2.0)}
"""What numbers may be, by the first letter of their names: pixels, degrees, magnification."""
MOST_BYTES = 2**18
MOST_CHANNELS = 64
FIX = "calibrate again in Chromagnon, or take the file from a backup"


@dataclass(frozen=True, slots=True)
class Table:
    """What the file says.

    Attributes
    ----------
    voxel_um : tuple of float
        (z, y, x) of the image it was made from.
    reference : int
        Row of the reference channel.
    wavelengths : tuple of float
        Of each channel, nm; running numbers where the image did not say.
    numbers : tuple
        tz, ty, tx (pixels), rz (degrees), mz, my, mx of each channel.
    """

    voxel_um: Triple
    reference: int
    wavelengths: tuple[float, ...]
    numbers: tuple[Seven, ...]


def read_table(path: Path) -> Table:
    """Return what a ``.chromagnon.csv`` says.

    Raises
    ------
    CalibrationError
        If it cannot be read, is damaged, or larger than any such file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        return _table(csv.reader(_lines(content), strict=True))
    except OSError as problem:
        raise CalibrationError(f"cannot be read: {problem}", where=str(path), fix=FIX) from None
    except UnicodeDecodeError:
        raise CalibrationError(
            "it is not text; Chromagnon's local maps (.chromagnon.tif) are not read",
            where=str(path),
            fix="calibrate in Chromagnon with local alignment 'None', or calibrate with livesr",
        ) from None
    except (ValueError, csv.Error) as problem:
        raise CalibrationError(
            f"damaged, no .chromagnon.csv: {problem}", where=str(path), fix=FIX
        ) from None


def write_table(path: Path, table: Table) -> None:
    """Write the file whole or not at all.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(("nt", 1))
    rows.writerow(("nw", len(table.numbers)))
    rows.writerow(("pxlsize_z_y_x", *table.voxel_um))
    rows.writerow(("refwave", table.reference))
    rows.writerow(("t", "wavelength", *NAMES))
    for wave, numbers in zip(table.wavelengths, table.numbers, strict=True):
        rows.writerow((0, wave, *numbers))
    draft = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text.getvalue(), encoding="utf-8", newline="")
        draft.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise StorageError(
            f"the calibration cannot be written: {problem}",
            where=str(path),
            fix="choose a folder that you may write to",
        ) from None


def wrong(numbers: Sequence[float]) -> str:
    """Return what of a channel's seven numbers is no registration; empty if nothing."""
    for name, value in zip(NAMES, numbers, strict=True):
        low, high = RANGES[name[0]]
        if not low <= value <= high:
            return f"{name} is {value:g}, not {low:g} to {high:g}"
    return ""


def _lines(content: bytes) -> io.StringIO:
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
    return io.StringIO(content.decode("utf-8-sig"), newline="")


def _table(rows: Iterator[list[str]]) -> Table:
    """Return the table of a file's rows; ValueError says what is wrong."""
    times = _count(_row(rows, "nt")[0], "nt", 1, 10_000)
    if times != 1:
        raise ValueError(f"it holds {times} time points, a calibration has one")
    channels = _count(_row(rows, "nw")[0], "nw", 1, MOST_CHANNELS)
    sizes = [_number(text, "pxlsize_z_y_x") for text in _row(rows, "pxlsize_z_y_x") if text]
    if len(sizes) != 3 or min(sizes) <= 0.0:
        raise ValueError(f"pxlsize_z_y_x is {sizes}, not three sizes in µm")
    reference = _count(_row(rows, "refwave")[0], "refwave", 0, channels - 1)
    names = _row(rows, "t")
    if tuple(names) != ("wavelength", *NAMES):
        raise ValueError(f"its columns are {names}, not wavelength, {', '.join(NAMES)}")
    waves, numbers = zip(*[_channel(rows) for _ in range(channels)], strict=True)
    return Table((sizes[0], sizes[1], sizes[2]), reference, waves, numbers)


def _row(rows: Iterator[list[str]], name: str) -> list[str]:
    """Return what stands after a row's name."""
    row = next(rows, [])
    if len(row) < 2 or row[0].strip() != name:
        said = ",".join(row)[:60]
        raise ValueError(f"a row {name!r} is missing, there stands {said!r}")
    return [text.strip() for text in row[1:]]


def _channel(rows: Iterator[list[str]]) -> tuple[float, Seven]:
    """Return the wavelength and the seven numbers of a channel."""
    row = _row(rows, "0")
    if len(row) != 1 + len(NAMES):
        raise ValueError(f"a channel has {len(row) - 1} numbers, not {len(NAMES)}")
    wave, *numbers = (
        _number(text, name) for text, name in zip(row, ("wavelength", *NAMES), strict=True)
    )
    if found := wrong(numbers):
        raise ValueError(found)
    tz, ty, tx, rz, mz, my, mx = numbers
    return wave, (tz, ty, tx, rz, mz, my, mx)


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text[:60]!r}, not a number") from None
    if not isfinite(value):
        raise ValueError(f"{name} is {text[:60]!r}, not a number")
    return value


def _count(text: str, name: str, least: int, most: int) -> int:
    value = _number(text, name)
    if value != int(value) or not least <= value <= most:
        raise ValueError(f"{name} is {text[:60]!r}, not a whole number from {least} to {most}")
    return int(value)
