"""Single stacks from files, for calibrations: with the channels that the light path gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.acquisition.layout import channel_names, split
from livesr.calibration.found import BeadStack
from livesr.calibration.profile import SIMULATED_MICROSCOPE, ValidFor
from livesr.config.layouts import (
    Layout,
    SplitterLayout,
    check_layout,
    halves,
    quadrants,
    side_by_side,
)
from livesr.errors import ConfigError
from livesr.plain import NotPlainError, read_yaml
from livesr.storage.recording import Recording, open_recording
from livesr.types import Frame, Grid, StackIndex

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from livesr.config.session import Session
    from livesr.types import UInt16

USUAL_NAMES = ("yellow", "red", "green")
SIMULATED_LAYOUTS = {"side-by-side": side_by_side, "quadrants": quadrants, "halves": halves}


@dataclass(frozen=True, slots=True)
class LightPath:
    """What a recording's file does not say of the microscope.

    Attributes
    ----------
    microscope, camera, objective : str
        Identity, compared with a session's when the calibration is used.
    layout : Layout or None
        Channel layout; None where the file has the channels.
    names : tuple of str
        Of the channels, where neither layout nor file names them.
    offset : float
        Camera counts without light.
    simulated : bool
        A recording of the simulated microscope.
    pixel_um, z_step_um : float or None
        Win over what the file says.
    """

    microscope: str = ""
    camera: str = ""
    objective: str = ""
    layout: Layout | None = None
    names: tuple[str, ...] = ()
    offset: float = 100.0
    simulated: bool = False
    pixel_um: float | None = None
    z_step_um: float | None = None


def light_path_of(session: Session) -> LightPath:
    """Return the light path that a session file describes."""
    source = session.recording or session.microscope
    return LightPath(
        microscope=source.name,
        camera=source.camera,
        objective=source.objective,
        layout=session.layout,
        names=channel_names(session.layout),
        offset=source.camera_offset,
        pixel_um=source.pixel_um,
    )


def valid_for(path: LightPath, stack: BeadStack) -> ValidFor:
    """Return the light path as a calibration file states it."""
    height, width = stack.field_um
    return ValidFor(
        microscope=path.microscope,
        camera=path.camera,
        objective=path.objective,
        pixel_um=stack.grid.voxel_um[2],
        field_um=(round(height, 3), round(width, 3)),
        layout="" if path.layout is None or path.simulated else path.layout.kind,
    )


def read_stacks(paths: Sequence[Path], path: LightPath) -> tuple[list[BeadStack], LightPath]:
    """Return one stack a recording, and the light path with what a simulated folder adds to it.

    Parameters
    ----------
    paths : sequence of Path
        Images, or folders that ``livesr simulate`` wrote. Files of one channel each are the
        channels of one recording, in their order.
    path : LightPath

    Raises
    ------
    ConfigError, HardwareError
        Files that are missing or damaged, or whose scales or channels are not known.
    """
    images = [image_in(one) for one in paths]
    for one in paths:
        path = with_simulated(one, path)
    if len(images) > 1 and not isinstance(path.layout, SplitterLayout) and _single(images):
        return [_read(images, path)], path
    return [_read([image], path) for image in images], path


def image_in(path: Path) -> Path:
    """Return the image of a folder that ``livesr simulate`` wrote; others as they are."""
    for name in ("image.ome.zarr", "image.ome.tiff", "image.ome.tif"):
        if (path / name).exists():
            return path / name
    return path


def with_simulated(folder: Path, path: LightPath) -> LightPath:
    """Return the light path with what stands beside a simulated recording."""
    notes = notes_in(folder / "parameters.yaml")
    setup = notes.get("setup") if "simulator" in notes else None
    if not isinstance(setup, dict):
        return path
    known = notes_in(folder / "calibration.yaml").get("valid_for")
    known = known if isinstance(known, dict) else {}
    layout = path.layout
    make = SIMULATED_LAYOUTS.get(str(setup.get("layout")))
    options = notes.get("options")
    if make and layout is None:
        height, width = setup["shape"]
        channels = options.get("channels", 2) if isinstance(options, dict) else 2
        layout = make(int(height), int(width), int(channels))
    return replace(
        path,
        microscope=path.microscope or SIMULATED_MICROSCOPE,
        camera=path.camera or str(known.get("camera", "")),
        objective=path.objective or str(known.get("objective", "")),
        layout=layout,
        simulated=True,
    )


def notes_in(path: Path) -> dict[str, Any]:
    """Return a sidecar's content; nothing where there is none or it is no mapping."""
    if not path.is_file():
        return {}
    try:
        content = read_yaml(path)
    except (OSError, NotPlainError):
        return {}
    return content if isinstance(content, dict) else {}


def _single(images: Sequence[Path]) -> bool:
    for image in images:
        with open_recording(image, pixel_um=1.0, z_step_um=1.0) as recording:
            if recording.shape[1] > 1:
                return False
    return True


def _read(images: Sequence[Path], path: LightPath) -> BeadStack:
    source = ", ".join(called(image) for image in images)
    with _opened(images, path) as recording:
        data = _planes(recording, path, source)
        names = names_of(recording, path, len(data), source)
        step = recording.z_step_um or 1.0
        voxel = (step, recording.pixel_um, recording.pixel_um)
    _, z, y, x = data.shape
    return BeadStack(source, data, names, Grid((z, y, x), voxel), path.offset)


def called(image: Path) -> str:
    """Return what a recording is called: a simulated one as its folder."""
    return image.parent.name if image.name.startswith("image.ome") else image.name


def _opened(images: Sequence[Path], path: LightPath) -> Recording:
    try:
        return open_recording(list(images), pixel_um=path.pixel_um, z_step_um=path.z_step_um)
    except ConfigError as error:
        fix = error.fix or ""
        if "recording." in fix:  # here no session file is asked
            fix = "give it on the command line: --pixel 0.0668, --z-step 0.2 (µm)"
        raise ConfigError(error.what, where=error.where, fix=fix) from None


def _planes(recording: Recording, path: LightPath, source: str) -> UInt16:
    """Return the first time point, (c, z, y, x), cut into channels where a splitter made them."""
    _, channels, planes, height, width = recording.shape
    layout = path.layout if isinstance(path.layout, SplitterLayout) else None
    if layout is None or channels > 1:
        return np.stack(
            [np.stack([recording.plane(0, c, z) for z in range(planes)]) for c in range(channels)]
        )
    check_layout(layout, (height, width), source)
    cut = []
    for z in range(planes):
        frame = Frame(recording.plane(0, 0, z), StackIndex(0, 0), z, 0, 0.0, (0.0, 0.0, 0.0), 0.0)
        cut.append([view for _, view in split(frame, layout)])
    return np.ascontiguousarray(np.array(cut).transpose(1, 0, 2, 3))


def names_of(recording: Recording, path: LightPath, channels: int, source: str) -> tuple[str, ...]:
    """Return the channels' names: those of the light path, or of the file, or the usual ones.

    Raises
    ------
    ConfigError
        If none are as many as there are channels.
    """
    for names in (path.names, recording.channels, USUAL_NAMES[:channels]):
        if len(names) == channels and len(set(names)) == channels:
            return tuple(names)
    raise ConfigError(
        f"{source} has {channels} channels, {len(path.names)} names are known",
        where=source,
        fix="--channels yellow,red in the order of the file",
    )
