"""Raw that a session stored already is linked, not written again, where disks allow it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from livesr.errors import StorageError
from livesr.offline.sources import SessionStacks
from livesr.plain import read_json
from livesr.storage.ngff import GROUP_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.offline.sources import Stacks
    from livesr.storage.image import ImageWriter
    from livesr.types import StackIndex

_LAYOUT = ("zarr_format", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs")


def link_raw(stacks: Stacks, index: StackIndex, image: ImageWriter) -> bool:
    """Give the shards of a stored stack a second name, and say whether that was possible.

    A shard is never changed once it is written, only replaced, so that two sessions may share it:
    deleting one leaves the other whole. Not possible across disks, or where an older version
    stored it in another way.
    """
    if not isinstance(stacks, SessionStacks):
        return False
    array, names = stacks.raw_files(index)
    target = image.path / "0"
    if not _alike(array, target):
        return False
    linked: list[Path] = []
    try:
        for name in names:
            if not (array / name).is_file():
                continue  # a dark shard has no file
            (target / name).unlink(missing_ok=True)
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(array / name, target / name)
            linked.append(target / name)
    except OSError:
        for path in linked:
            path.unlink(missing_ok=True)
        return False
    return True


def _alike(one: Path, other: Path) -> bool:
    try:
        said = [read_json(path / GROUP_FILE) for path in (one, other)]
    except (OSError, ValueError, StorageError):
        return False
    return all(said[0].get(key) == said[1].get(key) for key in _LAYOUT)
