"""Makes a movie of a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from livesr.catalog import NAMES
from livesr.errors import ConfigError, StorageError
from livesr.movie import files
from livesr.movie.drawn import Drawn
from livesr.movie.shots import shots_of
from livesr.report.told import Told
from livesr.viewer import state
from livesr.viewer.loader import Loader, flattened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from livesr.movie.shots import Shot
    from livesr.types import UInt8
    from livesr.viewer.loader import Picture
    from livesr.viewer.state import Plane, View

Mode = Literal["overlay", "masked", "ratio"]
OPACITY = 0.5


@dataclass(frozen=True, slots=True)
class Made:
    """A movie that was written.

    Attributes
    ----------
    path : Path
    frames : int
    seconds : float
        How long it plays.
    size : tuple of int
        Height and width, pixels.
    bar_um : float
        Length of its scale bar.
    """

    path: Path
    frames: int
    seconds: float
    size: tuple[int, int]
    bar_um: float


def make_movie(
    session: Path,
    out: Path,
    *,
    structures: Sequence[str] | None = None,
    mode: Mode = "masked",
    z: Plane = "max",
    fps: float = 8.0,
    size: int = 800,
    position: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Made:
    """Write a movie of one position of a session: a frame a stack, in the order of their times.

    Parameters
    ----------
    session : Path
    out : Path
        ``.mp4`` or ``.gif``.
    structures : sequence of str, optional
        Drawn in colours; default: all but cytosol and extracellular space. In a ratio movie: where
        the ratio is shown.
    mode : {"masked", "overlay", "ratio"}
        Structures' own light in their colours; structures over the light; the ratio as hue.
    z : int or "max"
        Plane, or the maximum projection.
    fps : float
        Stacks a second.
    size : int
        Longer side of the picture, pixels; never larger than recorded.
    position : int, optional
        Default: the one with the most stacks.
    progress : callable
        Told after each frame how many are done, of how many.

    Raises
    ------
    ConfigError
        If the view cannot be, or MP4 needs a package that is missing.
    StorageError
        If the session has no stacks, is damaged, or the movie cannot be written.
    """
    files.check(out)
    told = Told(session)
    shots = shots_of(told, position)
    loader = Loader(told.reader)
    loader.refresh()
    view = _view(structures, mode, z)
    for image in {shot.image for shot in shots}:
        _check(view, mode, loader, image)
    first = _picture(loader, view, shots[0])
    drawn = Drawn(
        first.base.shape[:2],
        first.pixel_um,
        size,
        [] if mode == "ratio" else _coloured(loader, view, shots),
        first.levels if mode == "ratio" else None,
    )

    def draw(shot: Shot) -> UInt8:
        return drawn.frame(flattened(_picture(loader, view, shot), OPACITY), shot)

    title = f"{told.begun.get('name') or told.folder.name}: livesr, {mode}"
    files.write(out, [partial(draw, shot) for shot in shots], fps, title, progress)
    return Made(out, len(shots), files.seconds(out, len(shots), fps), drawn.size, drawn.bar_um)


def _view(structures: Sequence[str] | None, mode: Mode, z: Plane) -> View:
    """Return what is shown of every stack."""
    view = state.initial(z=z, structures=structures, opacity=OPACITY, masked=mode == "masked")
    if mode == "ratio":
        on = structures is not None
        return replace(view, channel=state.RATIO, labels=on, masked=on)
    return view


def _check(view: View, mode: Mode, loader: Loader, image: int) -> None:
    """Refuse what an image does not have.

    Raises
    ------
    ConfigError
        If there is no such plane, or no ratio.
    """
    scene = loader.scenes[image]
    state.check(view, scene)
    if mode == "masked" and not scene.segmented:
        raise ConfigError(
            "there are no masks to multiply with", where="--mode masked",
            fix="--mode overlay or ratio; livesr process makes masks of what is stored",
        )  # fmt: skip


def _picture(loader: Loader, view: View, shot: Shot) -> Picture:
    scene = loader.scenes[shot.image]
    channel = view.channel
    if channel is None and state.INTENSITY in scene.pictures:
        channel = state.INTENSITY
    picture = loader.load(replace(view, image=shot.image, t=shot.t, channel=channel))
    if picture is None:
        raise StorageError("a stack is gone", where=f"image {shot.image}, t {shot.t}")
    return picture


def _coloured(loader: Loader, view: View, shots: Sequence[Shot]) -> list[str]:
    """Return the structures that the legend names."""
    stored = {name for shot in shots for name in loader.scenes[shot.image].structures}
    return [name for name in NAMES if name in stored & view.structures]
