"""What is shown: a frozen description, and the steps that a key, a slider or a click takes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from livesr.catalog import NAMES
from livesr.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Plane: TypeAlias = int | Literal["max"]
Panes: TypeAlias = Literal["plane", "sections", "solid"]
OverTime: TypeAlias = Literal["", "lives", "volume", "count", "contacts"]

INTENSITY = "intensity"
RATIO = "ratio"
FILLING = ("cytosol", "extracellular")
"""Structures that fill the field and would hide what is in them: off until asked for."""
LAG = 5
"""Stacks by which the newest masks may trail the newest raw stack and still be followed."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to show of one image of the session.

    Attributes
    ----------
    name : str
        Name of the image.
    shape : tuple of int
        (t, c, z, y, x).
    voxel_um : tuple of float
        (z, y, x), µm.
    channels, structures : tuple of str
        What is stored.
    stored, segmented : tuple of int
        Time points with raw data, and with masks, ascending.
    unreliable : tuple of str
        Structures that were told apart without the ratio that they need.
    simulated : bool
        Whether the microscope was.
    calibrated : bool
        Whether the channels were laid over each other with a calibration.
    flagged : tuple of (int, tuple of str)
        Time points that are unlike what the package was trained on, each with what is.
    notes : tuple of (int, str)
        What people noted, each with the first time point after it.
    position : int
        Stage position that the image is of; several modes may be of one.
    """

    name: str
    shape: tuple[int, int, int, int, int]
    voxel_um: tuple[float, float, float]
    channels: tuple[str, ...]
    structures: tuple[str, ...]
    stored: tuple[int, ...]
    segmented: tuple[int, ...]
    unreliable: tuple[str, ...] = ()
    simulated: bool = False
    calibrated: bool = True
    flagged: tuple[tuple[int, tuple[str, ...]], ...] = ()
    notes: tuple[tuple[int, str], ...] = ()
    position: int = 0

    @property
    def pictures(self) -> tuple[str, ...]:
        """What can be drawn in grey or colour: the channels, their mean, their ratio."""
        both = {"yellow", "red"} <= set(self.channels)
        return (*self.channels, INTENSITY, RATIO) if both else self.channels

    @property
    def planes(self) -> int:
        """Planes of a stack."""
        return self.shape[2]


@dataclass(frozen=True, slots=True)
class View:
    """What is shown.

    Attributes
    ----------
    image : int
        Image of the session.
    t : int or None
        Time point; None follows the newest.
    z : int, "max" or None
        Plane, or the maximum projection; None is the default plane.
    channel : str or None
        One of `Scene.pictures`; None is the first of them.
    structures : frozenset of str
        Structures that are on.
    labels : bool
        Whether any structure is drawn at all.
    contour : bool
        Outlines instead of filled areas.
    masked : bool
        Masks × intensity: the structures' own light in their colours, and nothing else.
    opacity : float
        Of the structures, 0 to 1.
    panes : {"plane", "sections", "solid"}
        The plane alone, with the sections across it, or the masks in space.
    cursor : tuple of float or None
        Where the sections meet, (y, x), µm; None is the middle of the field.
    turn : tuple of float
        From where the masks in space are seen: around the optical axis, and away from it, degrees.
    contrast : tuple of (str, float, float)
        Levels that were set by hand: the channel, and what is drawn as the ends of its scale.
    error : bool
        Whether the calibration's expected error lies over the picture.
    tour : bool
        Whether the newest stack of all positions and modes is followed, not of one.
    over_time : str
        What the drawer below shows: nothing, lives of cells, volumes, counts or contacts.
    """

    image: int = 0
    t: int | None = None
    z: Plane | None = None
    channel: str | None = None
    structures: frozenset[str] = frozenset(NAMES) - frozenset(FILLING)
    labels: bool = True
    contour: bool = False
    masked: bool = False
    opacity: float = 0.5
    panes: Panes = "plane"
    cursor: tuple[float, float] | None = None
    turn: tuple[float, float] = (30.0, 50.0)
    contrast: tuple[tuple[str, float, float], ...] = ()
    error: bool = False
    tour: bool = False
    over_time: OverTime = ""


def of_picture(view: View) -> View:
    """Return a view with all that the picture of the plane does not depend on as by default."""
    plain = View()
    return replace(
        view,
        opacity=plain.opacity,
        panes=plain.panes,
        cursor=plain.cursor,
        turn=plain.turn,
        error=plain.error,
        tour=plain.tour,
        over_time=plain.over_time,
    )


def initial(
    *,
    t: int | None = None,
    z: Plane | None = None,
    channel: str | None = None,
    structures: Sequence[str] | None = None,
    opacity: float = 0.5,
    masked: bool = False,
    image: int = 0,
    panes: Panes = "plane",
    over_time: OverTime = "",
    error: bool = False,
) -> View:
    """Return the view that a command line asks for.

    Raises
    ------
    ConfigError
        If a structure is unknown or the opacity is not 0 to 1.
    """
    if not 0 <= opacity <= 1:
        raise ConfigError(f"opacity {opacity} is not 0 to 1", where="--opacity")
    for name in structures or ():
        if name not in NAMES:
            raise ConfigError(
                f"no structure {name!r}", where="--structures", fix=nearest(name, NAMES)
            )
    on = View().structures if structures is None else frozenset(structures)
    return View(
        image=image,
        t=t,
        z=z,
        channel=channel,
        structures=on,
        opacity=opacity,
        masked=masked,
        panes=panes,
        over_time=over_time,
        error=error,
    )


def read_plane(text: str | None, where: str) -> Plane | None:
    """Return the plane that a command line names: its number, or max.

    Raises
    ------
    ConfigError
        If it names none.
    """
    if text is None or text == "max":
        return "max" if text else None
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"-z {text!r} is no plane", where=where, fix="-z 5, or -z max")
    return int(text)


def check(view: View, scene: Scene) -> None:
    """Refuse a view of what the session does not have.

    Raises
    ------
    ConfigError
        If the channel, the plane or the time point is not there.
    """
    where = f"image {scene.name}"
    if view.channel is not None and view.channel not in scene.pictures:
        fix = nearest(view.channel, scene.pictures)
        raise ConfigError(f"no channel {view.channel!r}", where=where, fix=fix)
    if isinstance(view.z, int) and not 0 <= view.z < scene.planes:
        fix = f"planes are 0 to {scene.planes - 1}, or max"
        raise ConfigError(f"no plane {view.z}", where=where, fix=fix)
    if view.t is not None and scene.stored and view.t not in scene.stored:
        fix = f"stored are {len(scene.stored)} time points, {scene.stored[0]} to {scene.stored[-1]}"
        raise ConfigError(f"no stack at t {view.t}", where=where, fix=fix)


def channel_of(view: View, scene: Scene) -> str:
    """Return the channel shown, one that the scene has; masks are multiplied with intensity."""
    if view.channel is not None and view.channel in scene.pictures:
        return view.channel
    return INTENSITY if view.masked and INTENSITY in scene.pictures else scene.pictures[0]


def plane_of(view: View, scene: Scene) -> Plane:
    """Return the plane shown; by default a third up, where most organelles of a cell lie."""
    if view.z == "max":
        return "max"
    last = scene.planes - 1
    return last // 3 if view.z is None else max(0, min(view.z, last))


def flags_of(scene: Scene, t: int | None) -> tuple[str, ...]:
    """Return what of a stack is unlike the package's training; empty if nothing is."""
    return dict(scene.flagged).get(-1 if t is None else t, ())


def time_of(view: View, scene: Scene) -> int | None:
    """Return the time point shown, or None if nothing is stored.

    The newest means the newest with masks, so that raw and masks are seen together, unless masks
    trail by more than `LAG` stacks.
    """
    if not scene.stored:
        return None
    newest = scene.stored[-1]
    if view.t is not None:
        return min(scene.stored, key=lambda t: (abs(t - (view.t or 0)), t))
    if view.labels and scene.segmented and newest - scene.segmented[-1] <= LAG:
        return scene.segmented[-1]
    return newest


def step_time(view: View, scene: Scene, steps: int) -> View:
    """Go to an earlier or later stored stack; it stays there."""
    now = time_of(view, scene)
    if now is None:
        return view
    at = scene.stored.index(now) + steps
    return replace(view, t=scene.stored[max(0, min(at, len(scene.stored) - 1))])


def step_plane(view: View, scene: Scene, steps: int) -> View:
    """Go up or down; from the projection to the default plane first."""
    now = plane_of(view, scene)
    if now == "max":
        return replace(view, z=None)
    return replace(view, z=max(0, min(now + steps, scene.planes - 1)))


def freeze_or_follow(view: View, scene: Scene) -> View:
    """Stay at the stack shown, or follow the newest again."""
    return replace(view, t=time_of(view, scene) if view.t is None else None)


def contrast_of(view: View, channel: str) -> tuple[float, float] | None:
    """Return the levels of a channel that were set by hand, if they were."""
    return next(((low, high) for name, low, high in view.contrast if name == channel), None)


def with_contrast(view: View, channel: str, levels: tuple[float, float] | None) -> View:
    """Set the levels of a channel, or leave them to the picture again."""
    others = tuple(one for one in view.contrast if one[0] != channel)
    mine = () if levels is None else ((channel, *levels),)
    return replace(view, contrast=others + mine)


def place_of(view: View, scene: Scene) -> tuple[int, int]:
    """Return the camera pixel (row, column) where the sections meet."""
    rows, columns = scene.shape[3:]
    _, dy, dx = scene.voxel_um
    y, x = view.cursor or (rows * dy / 2, columns * dx / 2)
    return max(0, min(int(y / dy), rows - 1)), max(0, min(int(x / dx), columns - 1))


def step_image(view: View, images: int, steps: int) -> View:
    """Go to another position or mode, the first after the last; its newest stack is shown."""
    if images < 2:
        return view
    return replace(view, image=(view.image + steps) % images, t=None, tour=False)


def switch(view: View, names: Collection[str], on: bool) -> View:
    """Turn structures on or off."""
    chosen = view.structures | set(names) if on else view.structures - set(names)
    return replace(view, structures=frozenset(chosen))
