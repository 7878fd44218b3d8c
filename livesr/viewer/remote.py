"""A session that a daemon on another computer serves: pictures come drawn, numbers as tables.

What the daemon does not draw (sections, the masks in space, objects under the mouse, counts and
contacts) needs the session's folder, and says so. No Qt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import cv2
import numpy as np

from livesr.client import Client
from livesr.errors import ConfigError, StorageError
from livesr.segmentation.trust import Flag
from livesr.storage.journal import Event
from livesr.storage.ledger import Ledger
from livesr.viewer import compose, state
from livesr.viewer.course import Course, CourseReader
from livesr.viewer.loader import Picture
from livesr.viewer.progress import Progress, notes_of, progress_of
from livesr.viewer.series import Series, Volumes, moment

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

    from livesr.types import UInt8
    from livesr.viewer.beside import Part, Point
    from livesr.viewer.state import Scene, View

MOST_LINES = 2000
"""Lines of a journal that are asked for at once."""
MOST_PIXELS = 2048
_DERIVED = (state.INTENSITY, state.RATIO)
NEEDS_FOLDER = "the session's folder is needed for this, a daemon does not send it"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session is served.

    Attributes
    ----------
    address : str
        ``http://HOST:PORT``.
    name : str
        Of the session; empty for the one that runs.
    """

    address: str
    name: str


def place_of(text: str) -> Place | None:
    """Return what ``http://HOST:PORT/NAME`` names; None if the text is no such address."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return None
    return Place(f"{parts.scheme}://{parts.netloc}", unquote(parts.path.strip("/")))


def open_remote(place: Place, token_file: Path | None = None) -> RemoteLoader:
    """Return what reads a served session.

    Raises
    ------
    ConfigError
        If nobody answers there, it asks for a token, or there is no such session.
    """
    client = Client(place.address, token_file)
    name = client.chosen(place.name or None)
    client.session(name)
    return RemoteLoader(client, name)


class RemoteLoader:
    """Asks a daemon for pictures of one session.

    Parameters
    ----------
    client : Client
    name : str
        Of the session.
    """

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self._client = client
        self._path = f"/api/sessions/{quote(name, safe='')}"
        self._entries: list[dict[str, Any]] = []
        self._ledger = Ledger()
        self._course = CourseReader()
        self._volumes = Volumes(self._rows)
        self.scenes: tuple[Scene, ...] = ()
        self.progress = Progress()
        self.course = Course()

    def refresh(self) -> None:
        """Ask for what is new.

        Raises
        ------
        ConfigError
            If the daemon does not answer.
        """
        status = self._client.session(self.name)
        self._read_journal()
        try:
            self.scenes = tuple(
                self._scene(number, said) for number, said in enumerate(status["images"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"the daemon's answer is not understood ({error!r})",
                where=self._client.address,
                fix="install the same livesr on both computers",
            ) from None
        self.progress = progress_of(self._ledger.status(), self._entries)
        self.course = self._course.update(self._entries)

    def relevel(self) -> None:
        """Levels are the daemon's."""

    def load(self, view: View) -> Picture | None:
        """Return the picture of a view as the daemon draws it; None if nothing is stored yet."""
        if view.image >= len(self.scenes):
            return None
        scene = self.scenes[view.image]
        t = state.time_of(view, scene)
        if t is None:
            return None
        z, channel = state.plane_of(view, scene), state.channel_of(view, scene)
        on = [name for name in scene.structures if view.labels and name in view.structures]
        asked: dict[str, object] = {
            "image": view.image,
            "t": t,
            "z": z,
            "channel": channel,
            "structures": ",".join(on) or "none",
            "size": min(max(scene.shape[3:]), MOST_PIXELS),
            "opacity": round(view.opacity, 2),
            "contour": view.contour,
            "mode": "masked" if view.masked and on else "overlay",
        }
        base = _decoded(self._client.content(f"{self._path}/overlay.png?{urlencode(asked)}"))
        field = (n * size for n, size in zip(scene.shape[3:], scene.voxel_um[1:], strict=True))
        dy, dx = (um / pixels for um, pixels in zip(field, base.shape[:2], strict=True))
        masks = np.zeros((1, 1), np.uint8) if t in scene.segmented else None
        values = base[..., 1].astype(np.uint16)
        return Picture(
            view.image, t, z, channel, base, (dy, dx), masks, (1.0, 1.0), values,
            compose.Levels(0.0, 1.0), masked=view.masked and bool(on), drawn=True,
        )  # fmt: skip

    def volume(self, image: int, t: int, name: str) -> float:
        """Return the volume of a structure from the session's table; NaN if it is not there."""
        self._volumes.refresh()
        return self._volumes.at(image, t, name)

    def wanted(self, view: View) -> Hashable:
        """Return what of a view the picture depends on: opacity too, for it comes drawn."""
        return replace(state.of_picture(view), opacity=round(view.opacity, 2), contrast=())

    def beside(self) -> RemoteBeside:
        """Return what makes the parts beside the picture."""
        return RemoteBeside(self, self._volumes)

    def _read_journal(self) -> None:
        while True:
            after = f"after={len(self._entries)}&most={MOST_LINES}"
            lines = self._client.get(f"{self._path}/journal?{after}")["lines"]
            self._ledger.update(lines)
            self._entries += lines
            if len(lines) < MOST_LINES:
                return

    def _rows(self, after: int, most: int) -> tuple[list[dict[str, Any]], int]:
        said = self._client.get(f"{self._path}/measurements?after={after}&most={most}")
        return list(said["rows"]), int(said["next"])

    def _scene(self, number: int, said: Mapping[str, Any]) -> Scene:
        ledger = self._ledger
        t, c, z, y, x = (int(n) for n in said["shape_tczyx"])
        dz, dy, dx = (float(um) for um in said["voxel_um"])
        began = {
            int(e["image"]): int(e["position"])
            for e in self._entries
            if e["event"] == Event.IMAGE_BEGUN
        }
        flags = ((index.t, odd) for index, odd in ledger.flags.items() if index.image == number)
        return state.Scene(
            name=str(said["name"]),
            shape=(t, c, z, y, x),
            voxel_um=(dz, dy, dx),
            channels=tuple(str(name) for name in said["channels"] if name not in _DERIVED),
            structures=tuple(str(name) for name in said["structures"]),
            stored=tuple(sorted(i.t for i in ledger.stored if i.image == number)),
            segmented=tuple(sorted(i.t for i in ledger.segmented if i.image == number)),
            unreliable=tuple(said["unreliable"]),
            simulated=bool(said["simulated"]),
            flagged=tuple((t, tuple(Flag.read(flag).words for flag in odd)) for t, odd in flags),
            notes=notes_of(self._entries, number),
            position=began.get(number, number),
        )


class RemoteBeside:
    """Curves of volumes; the rest needs the folder.

    Parameters
    ----------
    loader : RemoteLoader
    volumes : Volumes
        From the daemon's table.
    """

    def __init__(self, loader: RemoteLoader, volumes: Volumes) -> None:
        self._loader, self._volumes = loader, volumes

    def wanted(self, view: View, point: Point) -> Mapping[Part, Hashable]:  # noqa: ARG002 - the folder's
        """Return which parts a view wants, and what each depends on."""
        scenes = self._loader.scenes
        found: dict[Part, Hashable] = {}
        if view.image < len(scenes) and view.over_time not in {"", "lives"}:
            found["series"] = view.over_time, view.image, view.structures, moment()
        if view.panes != "plane":
            found[view.panes] = view.panes
        if view.error:
            found["error"] = True
        return found

    def make(self, part: Part, view: View, point: Point) -> object:  # noqa: ARG002 - the folder's
        """Return a part.

        Raises
        ------
        ConfigError
            If it needs the session's folder.
        """
        if part != "series":
            raise ConfigError(NEEDS_FOLDER, where=part, fix="share or copy it: livesr view FOLDER")
        if view.over_time != "volume":
            return Series(view.over_time, "", (), NEEDS_FOLDER)
        self._volumes.refresh()
        scene = self._loader.scenes[view.image]
        names = [name for name in scene.structures if name in view.structures]
        return self._volumes.curves(view.image, names)


def _decoded(png: bytes) -> UInt8:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) if png else None
    if picture is None:
        raise StorageError(
            "the daemon sent no picture", where="overlay.png", fix="ask again; else see its log"
        )
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
