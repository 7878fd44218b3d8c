"""livesr from Python: masks of an array, and sessions on disk.

What is done to a stack is what a session does to it, so that masks made here are those that the
microscope would have had. ``examples/`` has a script for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.acquisition.images import Images
from livesr.config import session_from
from livesr.errors import ConfigError
from livesr.offline.sources import AtRest
from livesr.ordered import Followers
from livesr.pipeline import Segmentation
from livesr.pipeline import segment as segment_stack
from livesr.session.job import Job
from livesr.session.planning import plan_on
from livesr.session.segmenter import load_tools
from livesr.storage.folder import MEASUREMENTS_FILE, PLANES_FILE
from livesr.storage.reader import SessionReader
from livesr.storage.reader import open_session as _reader
from livesr.storage.tables import read_table
from livesr.types import Masks, RecordingInfo, Stack, StackIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.config import Session
    from livesr.types import Normalisation, UInt16

__all__ = ["Masks", "OpenSession", "Segmenter", "open_session", "segment"]

_ONE_CHANNEL, _ALL_AXES = 3, 4


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an array cannot say of itself."""

    channels: tuple[str, ...]
    pixel_um: float
    z_step_um: float

    def info(self, data: UInt16, session: Session) -> RecordingInfo:
        """Return what a recording would say of itself."""
        c, z, y, x = data.shape
        names = self.channels[:c] if c == 1 else self.channels
        if len(names) != c:
            raise ConfigError(
                f"the stack has {c} channels, {len(names)} are named",
                where="livesr.segment",
                fix="channels=('yellow', 'red', …) in the stack's order",
            )
        if not self.pixel_um > 0 or (z > 1 and not self.z_step_um > 0):
            raise ConfigError(
                "the size of a voxel is not known",
                where="livesr.segment",
                fix="pixel_um=0.0668, z_step_um=0.3 (µm)",
            )
        recording = session.recording
        assert recording is not None  # noqa: S101 - it is made with one
        return RecordingInfo(
            channels=names,
            shape=(c, z, y, x),
            timepoints=1,
            positions=1,
            pixel_um=self.pixel_um,
            z_step_um=self.z_step_um if z > 1 else 0.0,
            interval_s=0.0,
            camera_offset=recording.camera_offset,
            microscope=recording.name,
            camera=recording.camera,
            objective=recording.objective,
            simulated=False,
        )


class Segmenter:
    """Networks that are loaded once, for stacks of one kind.

    Stacks come in the order in which they were recorded: intensity and ratio are compared with
    those of the stacks before, and the offset between the channels is followed, as in a session.
    Use it in a ``with`` block, or call `close`.

    Parameters
    ----------
    pixel_um : float
        Size of a camera's pixel in the sample, µm.
    z_step_um : float
        Distance of the planes, µm; not asked for of a single plane.
    channels : sequence of str
        Names of the stack's channels in their order; yellow and red are what the networks see.
    package : str or sequence of str
        Networks, by name or folder; ``auto`` is ALL, or ALL2D for a single plane.
    structures : sequence of str, optional
        Those that get masks; all that the networks know by default.
    camera_offset : float
        Camera counts without light.
    calibration : str
        Of the channels against each other: a file, a name in ``calibration/``, or none.
    microscope, camera, objective : str
        What the calibration is compared with.
    engine : str
    threads : int, optional
        Of the processor; all by default.

    Raises
    ------
    livesr.errors.ConfigError
        From the first call, if something does not fit; `~livesr.errors.ModelError` if the networks
        cannot be loaded.
    """

    def __init__(
        self,
        *,
        pixel_um: float,
        z_step_um: float = 0.0,
        channels: Sequence[str] = ("yellow", "red"),
        package: str | Sequence[str] = "auto",
        structures: Sequence[str] | None = None,
        camera_offset: float = 100.0,
        calibration: str | Path = "none",
        microscope: str = "",
        camera: str = "",
        objective: str = "",
        engine: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._kind = _Kind(tuple(channels), pixel_um, z_step_um)
        self._session = session_from(
            {
                "name": "from Python",
                "recording": {
                    "paths": ["array"],
                    "camera_offset": camera_offset,
                    "name": microscope,
                    "camera": camera,
                    "objective": objective,
                },
                "calibration": str(calibration),
                "segmentation": {
                    "package": [package] if isinstance(package, str) else list(package),
                    "structures": "all" if structures is None else list(structures),
                    "engine": engine,
                    "threads": threads,
                },
            },
            where="livesr.Segmenter",
        )
        self._loaded: _Loaded | None = None
        self._count = 0

    def __call__(self, stack: npt.ArrayLike, normalisation: Normalisation | None = None) -> Masks:
        """Return the masks of the next stack.

        Parameters
        ----------
        stack : array_like, (c, z, y, x) or (z, y, x), uint16 or uint8
            Camera counts; three axes are the planes of one channel.
        normalisation : Normalisation, optional
            Intensity and ratio that count as one; followed from stack to stack by default.

        Returns
        -------
        Masks
            ``volumes`` has an array (z, y, x), uint8, 0 or 1, for each structure, on the camera's
            grid.

        Raises
        ------
        livesr.errors.ConfigError
            If the array is no such stack, or of another shape than the first.
        """
        data = _counts(stack)
        if self._loaded is None:
            self._loaded = _Loaded(self._session, self._kind.info(data, self._session))
        masks = self._loaded.segment(data, self._count, normalisation).masks
        self._count += 1
        return masks

    def close(self) -> None:
        """Give back the networks' memory and threads."""
        if self._loaded is not None:
            self._loaded.close()
        self._loaded = None

    def __enter__(self) -> Segmenter:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class _Loaded:
    """The networks, for stacks of one shape."""

    def __init__(self, session: Session, info: RecordingInfo) -> None:
        plan = plan_on(session, AtRest(info))
        self._info = info
        self._followers = Followers(info, Images(info), plan.followed, None, plan.camera.correction)
        self._tools, _ = load_tools(Job.of(plan, Path()))

    def segment(self, data: UInt16, t: int, normalisation: Normalisation | None) -> Segmentation:
        if data.shape != self._info.shape:
            raise ConfigError(
                f"the stack is {data.shape} (c, z, y, x), the first one was {self._info.shape}",
                where="livesr.Segmenter",
                fix="make another Segmenter for stacks of another shape",
            )
        index = StackIndex(0, t)
        followed = self._followers.update(index, data)
        return segment_stack(
            Stack(data, index, 0.0),
            normalisation or followed.normalisation,
            self._tools,
            followed.channel_offset,
        )

    def close(self) -> None:
        for engine in self._tools.engines:
            engine.close()


def segment(
    stack: npt.ArrayLike, *, normalisation: Normalisation | None = None, **settings: Any
) -> Masks:
    """Return the masks of one stack.

    Loads the networks anew each time: for several stacks use `Segmenter`.

    Parameters
    ----------
    stack : array_like, (c, z, y, x) or (z, y, x), uint16 or uint8
        Camera counts.
    normalisation : Normalisation, optional
        Intensity and ratio that count as one; estimated from the stack by default.
    **settings
        As for `Segmenter`; ``pixel_um`` is needed, ``z_step_um`` of more than one plane.

    Returns
    -------
    Masks

    Raises
    ------
    livesr.errors.LivesrError
        If the array, a setting or the networks do not do.
    """
    with Segmenter(**settings) as segmenter:
        return segmenter(stack, normalisation)


class OpenSession(SessionReader):
    """A session on disk: running, interrupted or finished. Nothing is ever written to it.

    ``images`` has one reader for each position; ``images[0].raw(t, c)`` and ``.mask(name, t)``
    are arrays (z, y, x), ``.structures``, ``.channels`` and ``.voxel_um`` say what there is,
    ``.stored()`` and ``.segmented()`` which time points.
    """

    def measurements(self) -> list[dict[str, Any]]:
        """Return a row a structure and stack, once the session is closed; else none."""
        return self._table(MEASUREMENTS_FILE)

    def planes(self) -> list[dict[str, Any]]:
        """Return a row a frame: true time, stage position, exposure; as `measurements`."""
        return self._table(PLANES_FILE)

    def _table(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        return list(read_table(path)) if path.is_file() else []


def open_session(path: str | Path) -> OpenSession:
    """Open a session for reading.

    Parameters
    ----------
    path : str or Path
        Its folder, or something in it.

    Raises
    ------
    livesr.errors.StorageError
        If this is no session, or its books are damaged.
    """
    return OpenSession(_reader(Path(path)).folder)


def _counts(stack: npt.ArrayLike) -> UInt16:
    data = np.asarray(stack)
    if data.ndim == _ONE_CHANNEL:
        data = data[None]
    if data.ndim != _ALL_AXES or data.dtype.name not in ("uint8", "uint16") or not data.size:
        raise ConfigError(
            f"a stack is (c, z, y, x) of uint16 or uint8, this is {data.dtype} {data.shape}",
            where="livesr.segment",
            fix="give the camera's own counts, with all four axes",
        )
    return np.ascontiguousarray(data, np.uint16)
