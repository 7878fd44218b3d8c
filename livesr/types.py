"""What travels through the program: frozen, with its axes and units.

Array axes are (c, z, y, x); lengths in micrometres, times in seconds since the session began on
the microscope's clock. Arrays inside these objects are never written to after they were handed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from livesr import channels

if TYPE_CHECKING:
    from collections.abc import Mapping

UInt8: TypeAlias = npt.NDArray[np.uint8]
UInt16: TypeAlias = npt.NDArray[np.uint16]
Float32: TypeAlias = npt.NDArray[np.float32]
Float64: TypeAlias = npt.NDArray[np.float64]
Int64: TypeAlias = npt.NDArray[np.int64]
Bool: TypeAlias = npt.NDArray[np.bool_]

ChannelOffset: TypeAlias = "Mapping[int, tuple[int, int, int]]"
"""Index of a channel to its translation (dz, dy, dx) beyond the stored calibration, in whole nm:
one value a stack, journalled."""
AS_CALIBRATED: ChannelOffset = MappingProxyType({})
"""No channel is moved."""


@dataclass(frozen=True, slots=True, order=True)
class StackIndex:
    """Which stack: image of the session (one for each position) and time point."""

    image: int
    t: int

    def __str__(self) -> str:
        """Return the name used in journals and messages."""
        return f"image {self.image}, t {self.t}"


@dataclass(frozen=True, slots=True)
class Grid:
    """A regular grid of voxels.

    Attributes
    ----------
    shape : tuple of int
        Voxels along (z, y, x).
    voxel_um : tuple of float
        Size of a voxel along (z, y, x), µm.
    """

    shape: tuple[int, int, int]
    voxel_um: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """One camera image of one exposure, with what its useq event says.

    Attributes
    ----------
    image : ndarray, (y, x), uint16
        The whole sensor, or the region that is read out.
    stack : StackIndex
        The stack it belongs to.
    z : int
        Plane within the stack.
    c : int
        Exposure within the plane: the channel for sequential channels, the camera for two cameras,
        0 for an image splitter (its channels share one exposure).
    time_s : float
        Start of the exposure, on the microscope's clock.
    position_um : tuple of float
        Stage (x, y, z), µm.
    exposure_ms : float
        Exposure time.
    device : mapping
        Device state worth keeping (camera, preset, hardware timestamps).
    attempt : int
        Which try at its stack it belongs to, from 0: one of a later try begins the stack anew.
    focus_um : float
        What of its height is not planned: added to follow the focus, or by autofocus.
    """

    image: UInt16
    stack: StackIndex
    z: int
    c: int
    time_s: float
    position_um: tuple[float, float, float]
    exposure_ms: float
    device: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 0
    focus_um: float = 0.0


@dataclass(frozen=True, slots=True)
class Stack:
    """All planes and channels of one time point and position.

    Attributes
    ----------
    data : ndarray, (c, z, y, x), uint16
        Camera counts; channels cropped, flipped and turned by the channel layout, never
        interpolated.
    index : StackIndex
    time_s : float
        Start of its first exposure.
    """

    data: UInt16
    index: StackIndex
    time_s: float


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What makes one day's light comparable with another's: one value a stack, journalled.

    Attributes
    ----------
    intensity : float
        Camera counts above offset that become intensity 1: the median over membrane foreground.
    ratio : float
        Red / yellow that becomes ratio 1: the median over membrane foreground; 1.0 without a ratio.
    """

    intensity: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Features:
    """The networks' input.

    Attributes
    ----------
    data : ndarray, (2, z, y, x), float32
        Intensity and ratio, registered and resampled once; the ratio is all zeros where there is
        none.
    grid : Grid
        The networks' grid.
    has_ratio : bool
    """

    data: Float32
    grid: Grid
    has_ratio: bool


@dataclass(frozen=True, slots=True)
class Masks:
    """One binary volume a structure.

    Attributes
    ----------
    volumes : mapping of str to ndarray, (z, y, x), uint8
        0 or 1, on ``grid``.
    grid : Grid
        The camera's grid, or the networks'.
    index : StackIndex
    """

    volumes: Mapping[str, UInt8]
    grid: Grid
    index: StackIndex


@dataclass(frozen=True, slots=True)
class Mode:
    """A way of taking stacks beside the session's own: a rule's, of another height.

    Attributes
    ----------
    name : str
        The rule's.
    planes : int
    timepoints : int
        The most that there can be of a position.
    """

    name: str
    planes: int
    timepoints: int


@dataclass(frozen=True, slots=True)
class CellMeasures:
    """One cell of one stack, measured from its masks alone.

    Attributes
    ----------
    label : int
        Instance in this stack, from 1.
    centre_um : tuple of float
        Centroid (z, y, x), µm from the stack's first voxel.
    low_um, high_um : tuple of float
        Bounding box (z, y, x), µm.
    on_border : bool
        It touches the field's lateral edge.
    cut : bool
        It touches the first or last plane.
    values : mapping of str to float
        Features by name; NaN where the masks do not allow it.
    """

    label: int
    centre_um: tuple[float, float, float]
    low_um: tuple[float, float, float]
    high_um: tuple[float, float, float]
    on_border: bool
    cut: bool
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CellState:
    """What the mitosis decoder believes of one cell now.

    Attributes
    ----------
    cell : int
        Identity over the session, from 1; one series for each position.
    parent : int
        The cell it came from, 0 if none.
    stage : str
        interphase, prophase, prometaphase, metaphase, anaphase or telophase.
    probability : float
        Of that stage, 0 to 1.
    since_s : float
        Session time at which the stage began.
    measures : CellMeasures
        What it was read from.
    """

    cell: int
    parent: int
    stage: str
    probability: float
    since_s: float
    measures: CellMeasures


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule made of a cell's state.

    Attributes
    ----------
    rule : str
        Its name.
    cell : int
        The cell it is about.
    cause : str
        Why, in plain words.
    action : mapping
        What it asks of the acquisition.
    acted : bool
        False in shadow mode or if refused; the cause then says why.
    """

    rule: str
    cell: int
    cause: str
    action: Mapping[str, object]
    acted: bool


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What a source of frames says of itself before the first frame.

    Attributes
    ----------
    channels : tuple of str
        Names of the stored channels, in their order in the array.
    shape : tuple of int
        (c, z, y, x) of each stack after the channel layout.
    timepoints, positions : int
        Planned; a source may stop earlier.
    pixel_um, z_step_um : float
        Size of a voxel, µm; ``z_step_um`` is 0 for a single plane.
    interval_s : float
        Planned time between stacks of one position; 0 if they follow at once.
    camera_offset : float
        Camera counts without light.
    microscope, camera, objective : str
        Identity, compared with the calibration's.
    simulated : bool
        True only for the simulated microscope.
    modes : tuple of Mode
        Further ways of taking stacks that rules may change to. Mode 0 is the session's own, the
        first of these is mode 1.
    steered : bool
        Rules may change what is taken: time points are the most that there can be.
    extra : mapping
        Whatever else stands in the session's metadata.
    position_names : tuple of str
        Of each position, in the order of the images; empty where none has a name.
    """

    channels: tuple[str, ...]
    shape: tuple[int, int, int, int]
    timepoints: int
    positions: int
    pixel_um: float
    z_step_um: float
    interval_s: float
    camera_offset: float
    microscope: str
    camera: str
    objective: str
    simulated: bool
    modes: tuple[Mode, ...] = ()
    steered: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    position_names: tuple[str, ...] = ()

    @property
    def seen(self) -> int:
        """How many of the first channels the networks see."""
        return channels.seen(self.channels)

    @property
    def beside(self) -> dict[int, str]:
        """Places and names of the channels that no network sees."""
        return channels.beside(self.channels)

    def in_mode(self, number: int) -> RecordingInfo:
        """Return what there is to say of the stacks of one mode."""
        if not number:
            return replace(self, modes=())
        mode = self.modes[number - 1]
        c, _, y, x = self.shape
        shape = (c, mode.planes, y, x)
        return replace(self, modes=(), shape=shape, timepoints=mode.timepoints)

    @property
    def tallest(self) -> tuple[int, int, int, int]:
        """(c, z, y, x) that holds a stack of any mode."""
        c, z, y, x = self.shape
        return (c, max(z, *(mode.planes for mode in self.modes)) if self.modes else z, y, x)

    @property
    def stacks(self) -> int:
        """Planned, of all positions."""
        return self.timepoints * self.positions

    @property
    def grid(self) -> Grid:
        """The camera's grid: that of one stored channel."""
        _, z, y, x = self.shape
        return Grid((z, y, x), (self.z_step_um or 1.0, self.pixel_um, self.pixel_um))
