"""Raw stacks to OME-Zarr against ome-writers, and against a plain file: the disk itself."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from livesr.bench import peer
from livesr.bench.engines.way import info_of
from livesr.bench.rows import Row
from livesr.storage.folder import image_path
from livesr.storage.image import ImageWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from livesr.bench.engines.way import Raw
    from livesr.types import UInt16


def rows(raw: Raw, *, stacks: int = 6) -> Iterator[Row]:
    """Write the same stacks in each way, until they are durable.

    Parameters
    ----------
    raw : Raw
    stacks : int
    """
    absent = peer.missing("ome_writers")
    ours = _rate(_livesr, raw.data, stacks)
    theirs = None if absent else _rate(_ome_writers, raw.data, stacks)
    plain = _rate(_plain, raw.data, stacks)
    yield Row(
        "raw stacks to OME-Zarr, durable",
        ours,
        "MB/s",
        peer="ome-writers (tensorstore), same compression, one chunk a plane",
        peer_value=theirs,
        ratio=ours / theirs if theirs else None,
        bound=f"{plain:.0f} MB/s: the same bytes, uncompressed, into a plain file",
        attained=ours / plain,
        detail=f"{stacks} stacks of {raw.data.nbytes / 1e6:.0f} MB, of raw bytes"
        + (f"; {absent}" if absent else "; the peer's files are synchronised at its end"),
    )


def _rate(write: Callable[[Path, UInt16, int], None], data: UInt16, stacks: int) -> float:
    """Return the rate of raw bytes, MB/s."""
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        began = time.perf_counter()
        write(Path(folder), data, stacks)
        return stacks * data.nbytes / 1e6 / (time.perf_counter() - began)


def _livesr(folder: Path, data: UInt16, stacks: int) -> None:
    _, z, y, x = data.shape
    info = info_of((z, y, x), stacks)
    writer = ImageWriter.create(image_path(folder, 0), info, name="bench")
    for t in range(stacks):
        writer.write_raw(t, data)
    writer.close()


def _ome_writers(folder: Path, data: UInt16, stacks: int) -> None:
    import ome_writers

    sizes = dict(zip("tczyx", (stacks, *data.shape), strict=True))
    settings = ome_writers.AcquisitionSettings(
        root_path=str(folder / "image.ome.zarr"),
        dimensions=ome_writers.dims_from_standard_axes(sizes),
        dtype="uint16",
        format={"name": "ome-zarr", "backend": "tensorstore"},
        compression="blosc-lz4",
    )
    with ome_writers.create_stream(settings) as stream:
        for _ in range(stacks):
            for channel in data:
                for plane in channel:
                    stream.append(plane)
    for path in folder.rglob("*"):
        if path.is_file():
            _synchronise(path)


def _plain(folder: Path, data: UInt16, stacks: int) -> None:
    with (folder / "plain").open("wb") as file:
        for _ in range(stacks):
            file.write(data.data)
            file.flush()
            os.fsync(file.fileno())


def _synchronise(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())
