"""The viewer looks at a session that a daemon serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.client import Client
from livesr.errors import ConfigError
from livesr.storage.reader import open_session
from livesr.viewer.loader import Loader, flattened
from livesr.viewer.remote import Place, RemoteLoader, open_remote, place_of
from livesr.viewer.state import View

if TYPE_CHECKING:
    from pathlib import Path

    from daemon_serving import Served


@pytest.fixture
def remote(shown: Served) -> RemoteLoader:
    loader = open_remote(Place(shown.address, "night"))
    loader.refresh()
    return loader


@pytest.fixture
def local(shown: Served) -> Loader:
    folder: Path = shown.daemon.data.session("night")
    loader = Loader(open_session(folder))
    loader.refresh()
    return loader


def test_an_address_is_told_from_a_folder() -> None:
    assert place_of("http://lab:8470/night") == Place("http://lab:8470", "night")
    assert place_of("https://lab/") == Place("https://lab", "")
    assert place_of("C:/data/night") is None
    assert place_of("/data/night") is None


def test_it_shows_what_the_folder_shows(remote: RemoteLoader, local: Loader) -> None:
    (scene,), (own,) = remote.scenes, local.scenes
    assert (scene.shape, scene.voxel_um, scene.stored) == (own.shape, own.voxel_um, own.stored)
    assert (scene.channels, scene.structures) == (own.channels, own.structures)
    assert scene.segmented == own.segmented
    assert remote.progress == local.progress
    assert remote.course == local.course
    view = View(t=1, z=2, structures=frozenset({"nucleus", "er"}), opacity=0.7)
    mine, theirs = remote.load(view), local.load(view)
    assert mine is not None
    assert theirs is not None
    assert np.array_equal(mine.base, flattened(theirs, 0.7))
    assert mine.pixel_um == pytest.approx(theirs.pixel_um)
    assert mine.drawn
    assert remote.wanted(View(opacity=0.2)) != remote.wanted(View(opacity=0.9))


def test_volumes_come_from_the_daemons_table(remote: RemoteLoader) -> None:
    assert remote.volume(0, 1, "golgi") != remote.volume(0, 1, "golgi")  # NaN: not in the table
    made = remote.beside().make("series", View(over_time="volume"), None)
    assert made.kind == "volume"  # type: ignore[attr-defined]


def test_what_needs_the_folder_says_so(remote: RemoteLoader) -> None:
    beside = remote.beside()
    view = View(panes="solid", error=True, over_time="count")
    assert set(beside.wanted(view, None)) == {"solid", "error", "series"}
    with pytest.raises(ConfigError, match="folder is needed"):
        beside.make("solid", view, None)
    assert "folder is needed" in beside.make("series", view, None).empty  # type: ignore[attr-defined]


def test_nobody_there_and_nothing_of_that_name_are_told(shown: Served) -> None:
    with pytest.raises(ConfigError):
        open_remote(Place(shown.address, "day"))
    with pytest.raises(ConfigError, match="no session runs"):
        open_remote(Place(shown.address, ""))
    with pytest.raises(ConfigError, match="no daemon answers"):
        Client("http://127.0.0.1:1").status()
    with pytest.raises(ConfigError, match="no address"):
        Client("file:///etc")


def test_a_daemon_that_goes_is_told_and_leaves_the_picture(remote: RemoteLoader) -> None:
    gone = RemoteLoader(Client("http://127.0.0.1:1"), "night")
    gone.scenes = remote.scenes
    with pytest.raises(ConfigError, match="no daemon answers"):
        gone.refresh()
    assert gone.scenes == remote.scenes
