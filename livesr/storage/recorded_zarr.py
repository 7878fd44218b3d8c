"""Recorded OME-Zarr, 0.4 or 0.5, read a plane at a time; also the images of livesr's sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from livesr.errors import HardwareError
from livesr.plain import read_json
from livesr.storage.folder import (
    JOURNAL_FILE,
    SESSION_FILE,
    image_number,
    image_path,
    is_plain_name,
)
from livesr.storage.image_reader import DAMAGE
from livesr.storage.journal import read_journal
from livesr.storage.ledger import Ledger
from livesr.storage.recorded_file import (
    Description,
    check_dtype,
    check_size,
    to_seconds,
    to_um,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from livesr.storage.recorded_file import DtypeCheck


_CODECS = frozenset(
    {"blosc", "zlib", "gzip", "bz2", "lzma", "lz4", "zstd", "shuffle", "delta", "bitround"}
)


class ZarrRecording:
    """One OME-Zarr image; of a session's folder its first.

    Parameters
    ----------
    path : Path
    check : callable
        Refuses pixels of the wrong kind: by default what is no camera counts.

    Raises
    ------
    HardwareError
        If it is no OME-Zarr image, is damaged, or has pixels of the wrong kind.
    """

    def __init__(self, path: Path, check: DtypeCheck = check_dtype) -> None:
        if (path / SESSION_FILE).is_file():
            path = image_path(path, 0)
        self.path = path
        try:
            multiscale, omero, group = _metadata(path)
            dataset = multiscale["datasets"][0]
            folder = _inside(group, dataset["path"])
            _check_codecs(folder)
            self._array: zarr.Array[Any] = zarr.open_array(folder, mode="r")
            check_size(self._array.shape, self._array.dtype, path)
            check_size(self._array.chunks, self._array.dtype, path)
            self._stored = _stored(path)
            self.description = _describe(multiscale, omero, self._played_shape())
        except DAMAGE as error:
            raise HardwareError(
                f"the recording is no OME-Zarr image that can be read: {error!r}",
                where=str(path),
                fix="give the folder of one image (of a plate or a series, one of those inside)",
            ) from error
        self.dtype = check(self._array.dtype, path)

    def read(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return the plane at an index of the axes before the last two."""
        try:
            return np.asarray(self._array[index])
        except DAMAGE as error:
            raise HardwareError(
                f"the plane at {index} of the recording is damaged: {error}",
                where=str(self.path),
                fix="copy the recording again from where it was made",
            ) from error

    def missing(self) -> list[tuple[int, ...]]:
        """Return, for a session's image, the planes of stacks that its journal does not list.

        Of other OME-Zarr nothing tells an absent plane from a dark one.
        """
        if self._stored is None:
            return []
        outer = self.description.shape[:-2]
        return [index for index in np.ndindex(outer) if index[0] not in self._stored]

    def close(self) -> None:
        """Nothing is held open."""

    def _played_shape(self) -> tuple[int, ...]:
        """Return the shape, of a session's image (t first) up to its last stored stack."""
        shape = self._array.shape
        if self._stored is None:
            return shape
        last = max(self._stored)
        if last >= shape[0]:
            raise ValueError(f"the journal lists t {last}, the image has {shape[0]}")
        return (last + 1, *shape[1:])


def _metadata(path: Path) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """Return a multiscale, the omero block, and their group, of 0.5 (``zarr.json``) or 0.4.

    Of a group with several images, as older versions of pymmcore-plus wrote positions, the path of
    an array in it names one; the group itself means the first.
    """
    if (path / ".zarray").is_file() and (path.parent / ".zattrs").is_file():
        attributes = read_json(path.parent / ".zattrs")
        images = {m["datasets"][0]["path"]: m for m in attributes["multiscales"]}
        return images[path.name], attributes.get("omero", {}), path.parent
    if (path / "zarr.json").is_file():
        group = read_json(path / "zarr.json")
        attributes = group["attributes"]["ome"]
    else:
        attributes = read_json(path / ".zattrs")
    return attributes["multiscales"][0], attributes.get("omero", {}), path


def several_images(path: Path) -> list[Path]:
    """Return the arrays of a group that holds several images; none of one image or anything else.

    Resolutions of one image are not images.
    """
    try:
        multiscales = read_json(path / ".zattrs")["multiscales"]
        arrays = [_inside(path, one["datasets"][0]["path"]) for one in multiscales]
    except DAMAGE:
        return []
    return arrays if len(arrays) > 1 else []


def _inside(folder: Path, name: Any) -> Path:
    """Return a path that metadata give, which must lie in the image's folder."""
    if not isinstance(name, str) or not all(map(is_plain_name, name.split("/"))):
        raise ValueError(f"its pixels lie at {name!r:.80}, which is no place in its folder")
    return folder / name


def _check_codecs(folder: Path) -> None:
    """Refuse codecs of OME-Zarr 0.4 that run what a file says: numcodecs has Python's pickle."""
    if not (folder / ".zarray").is_file():
        return
    said = read_json(folder / ".zarray")
    for codec in (said.get("compressor"), *(said.get("filters") or ())):
        if codec is not None and codec["id"] not in _CODECS:
            raise ValueError(f"the codec {codec['id']!r:.40} is not read")


def _describe(
    multiscale: dict[str, Any], omero: dict[str, Any], shape: tuple[int, ...]
) -> Description:
    names = [str(axis["name"]).upper() for axis in multiscale["axes"]]
    units = [axis.get("unit") for axis in multiscale["axes"]]
    transforms = multiscale["datasets"][0].get("coordinateTransformations", [])
    transforms = [*transforms, *multiscale.get("coordinateTransformations", [])]
    scale = np.ones(len(names))
    for transform in transforms:
        if transform["type"] == "scale":
            scale *= np.asarray(transform["scale"], dtype=float)
    size = {name: (float(s), unit) for name, s, unit in zip(names, scale, units, strict=True)}
    y, x, z = (to_um(*size[axis]) if size.get(axis, (0, None))[1] else None for axis in "YXZ")
    interval = to_seconds(*size["T"]) if size.get("T", (0, None))[1] else None
    labels = [channel.get("label") for channel in omero.get("channels", [])]
    return Description(
        "".join(names),
        shape,
        pixel_um=(y, x) if y and x else None,
        z_step_um=z,
        interval_s=interval,
        channels=tuple(map(str, labels)) if all(labels) else (),
    )


def _stored(path: Path) -> set[int] | None:
    """Return the time points that a session's journal lists, None if this is no session's image."""
    number = image_number(path)
    journal = path.parent / JOURNAL_FILE
    if number is None or not journal.is_file():
        return None
    ledger = Ledger()
    ledger.update(read_journal(journal))
    stored = {index.t for index in ledger.stored if index.image == number}
    if not stored:
        raise HardwareError(
            "the journal of this session lists no stack of the image",
            where=str(path),
            fix="give a session that stored something",
        )
    return stored
