"""One stack that was tried: its masks and flags, and what a session of such stacks would take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.acquisition.clock import session_clock
from livesr.acquisition.microscope import MicroscopeSource
from livesr.acquisition.troubles import DEVICE_ERRORS
from livesr.session.promise import ROWS_A_PLANE, Promise, Tried, promise_of
from livesr.storage.journal import Event
from livesr.storage.ngff import GROUP_FILE
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session.plan import Plan
    from livesr.session.result import SessionResult
    from livesr.stop import StopToken
    from livesr.storage.image_reader import ImageReader
    from livesr.types import Frame, UInt8, UInt16

_BRIGHT = 80.0
"""Percentile of a plane above which bleaching is measured."""
_AFTER = 2
"""Pictures that are taken after the stack, to see what it bleached."""
_CUT = 0.15
"""Share of the cell's largest area that may lie in the last plane."""


class TrialSource(MicroscopeSource):
    """A microscope that takes one stack, remembers its middle plane, and looks at it once more.

    Attributes
    ----------
    stack_s : float
        From the beginning to the end of the last exposure, on the microscope's clock.
    light_ms : float
        Light of the stack.
    bleached : float or None
        Share of the light that it cost; None where it could not be measured.
    """

    stack_s = 0.0
    light_ms = 0.0
    bleached: float | None = None

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        """Take the stack."""
        planes = self.info.shape[1]
        middle: list[Frame] = []
        dose = 0.0
        frames = 0

        def remember(frame: Frame) -> None:
            nonlocal dose, frames
            frames += 1
            dose = float(frame.device.get("dose_ms", dose + frame.exposure_ms))
            if frame.z == planes // 2 and frame.c == 0:
                middle[:] = [frame]
            deliver(frame)

        super().run(remember, stop)
        self.stack_s = session_clock(self.core).now() if frames else 0.0
        self.light_ms = dose
        if middle and frames:
            self.bleached = self._bleached(middle[0], frames)

    def _bleached(self, frame: Frame, frames: int) -> float | None:
        """Return the share of light that a stack costs, from its middle plane seen once more."""
        core = self.core
        try:
            if core.getFocusDevice():
                core.setZPosition(frame.position_um[2])
                core.waitForSystem()
            self.light.on()
            again = []
            for _ in range(_AFTER):
                core.snapImage()
                again.append(core.getImage())
        except DEVICE_ERRORS:
            return None
        finally:
            self.light.off()
        left = light_left(frame.image, again)
        between = frames - frames // 2 + _AFTER / 2
        return None if left is None else 1.0 - left ** (frames / between)


def light_left(before: UInt16, after: list[UInt16]) -> float | None:
    """Return the share of the light that is left in the bright parts of a picture.

    Parameters
    ----------
    before : ndarray, (y, x), uint16
    after : list of ndarray, (y, x), uint16
        Of the same plane, later.
    """
    one = before.astype(np.float32)
    two = np.asarray(np.stack(after).mean(axis=0), np.float32)
    # chosen by both, or the noise of the first would make it brighter than it is
    chosen_by = cv2.GaussianBlur(one + two, (0, 0), 2.0)
    bright = chosen_by > np.percentile(chosen_by, _BRIGHT)
    dark = chosen_by < np.percentile(chosen_by, 10.0)
    if not (bright.any() and dark.any()):
        return None
    lights = [float(image[bright].mean() - image[dark].mean()) for image in (one, two)]
    if lights[0] < 1.0 or lights[1] <= 0.0:
        return None
    return min(lights[1] / lights[0], 1.0)


@dataclass(frozen=True, slots=True)
class Depth:
    """How the cell lies in the stack.

    Attributes
    ----------
    lowest, highest : int
        First and last plane with a good part of the cell.
    cut_above, cut_below : float
        The cell's area in the last and first plane, over its largest. A cell on the glass is
        widest in the lowest planes.
    needs_um : float
        From the first to the last plane with a good part of the cell.
    """

    lowest: int
    highest: int
    cut_above: float
    cut_below: float
    needs_um: float

    def lines(self, planes: int) -> list[str]:
        """Return what people read."""
        said = f"the cell fills planes {self.lowest} to {self.highest} of {planes}"
        lines = [f"{said}: {self.needs_um:.1f} µm"]
        if self.cut_above > _CUT:
            lines.append(f"{self.cut_above:.0%} of its area is still in the top plane: go higher")
        return lines


@dataclass(frozen=True, slots=True)
class Trial:
    """What one stack showed.

    Attributes
    ----------
    folder : Path
        A session of that stack.
    flags : tuple of str
        What of it is unlike the package's training.
    volumes_um3 : dict of str to float
        Of each structure.
    depth : Depth or None
    promise : Promise
        Of the whole session.
    tried : Tried
    engine : str
    warnings : tuple of str
        Of the session's plan.
    """

    folder: Path
    flags: tuple[str, ...]
    volumes_um3: dict[str, float]
    depth: Depth | None
    promise: Promise
    tried: Tried
    engine: str
    warnings: tuple[str, ...]
    planes: int

    def as_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        depth = self.depth
        return {
            "engine": self.engine,
            "flags": list(self.flags),
            "volumes_um3": {name: round(v, 3) for name, v in self.volumes_um3.items()},
            "z_range": None
            if depth is None
            else {
                "lowest_plane": depth.lowest,
                "highest_plane": depth.highest,
                "cut_above": round(depth.cut_above, 3),
                "cut_below": round(depth.cut_below, 3),
                "needs_um": round(depth.needs_um, 2),
            },
            "stack_s": round(self.tried.stack_s, 4),
            "segment_s": self.tried.segment_s,
            "light_ms": round(self.tried.light_ms, 3),
            "bleached": None if self.tried.bleached is None else round(self.tried.bleached, 5),
            "promise": self.promise.as_dict(),
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[str]:
        """Return what people read."""
        said = self.promise.lines()
        lines = ["one stack was tried; a session with these settings means:"]
        lines += [f"  {line}" for line in said]
        if self.depth is not None:
            lines += self.depth.lines(self.planes)
        lines += [f"unlike the training: {flag}" for flag in self.flags]
        if self.volumes_um3 and not self.flags:
            lines.append("the stack is like what the networks were trained on")
        if self.tried.segment_s is not None:
            found = sum(volume > 0 for volume in self.volumes_um3.values())
            seconds = self.tried.segment_s
            lines.append(f"masks of {found} structures in {seconds:.1f} s by {self.engine}")
        return lines + [f"warning: {warning}" for warning in self.warnings]


def trial_of(plan: Plan, result: SessionResult, source: TrialSource) -> Trial:
    """Return what a session of one stack says of the whole session.

    Parameters
    ----------
    plan : Plan
        Of the whole session.
    result : SessionResult
        Of the one stack.
    source : TrialSource

    Raises
    ------
    LivesrError
        What ended the session early.
    """
    if result.error is not None:
        raise result.error
    fixed, each = weighed(result.folder, plan.info.shape[1])
    seconds = result.seconds[0] if result.seconds else None
    tried = Tried(
        stack_s=source.stack_s,
        light_ms=source.light_ms,
        fixed_bytes=fixed,
        stack_bytes=each,
        segment_s=round(sum(seconds.values()), 3) if seconds else None,
        bleached=source.bleached,
    )
    reader = open_session(result.folder)
    image = reader.images[0]
    segmented = [e for e in reader.journal() if e["event"] == Event.STACK_SEGMENTED]
    flags = segmented[0].get("flags", []) if segmented else []
    masks = {name: image.mask(name, 0) for name in image.structures} if segmented else {}
    return Trial(
        folder=result.folder,
        flags=_flag_words(flags),
        volumes_um3=_volumes(masks, image),
        depth=_depth(masks, plan.info.z_step_um),
        promise=promise_of(plan, tried),
        tried=tried,
        engine=result.engine,
        warnings=plan.warnings,
        planes=plan.info.shape[1],
    )


def weighed(folder: Path, planes: int) -> tuple[int, int]:
    """Return the bytes of a session of one stack: what any takes, and what each stack adds."""
    fixed = each = 0
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        size = file.stat().st_size
        if file.name == GROUP_FILE or file.parent == folder:
            fixed += size
        else:
            each += size
    return fixed, each + planes * ROWS_A_PLANE


def _flag_words(flags: list[dict[str, object]]) -> tuple[str, ...]:
    from livesr.segmentation.trust import Flag

    return tuple(Flag.read(flag).words for flag in flags)


def _volumes(masks: dict[str, UInt8], image: ImageReader) -> dict[str, float]:
    if not masks:
        return {}
    name, mask = next(iter(masks.items()))
    voxel = float(np.prod(image.mask_grid(name).voxel_um)) if mask.size else 0.0
    return {name: voxel * float(np.count_nonzero(mask)) for name, mask in masks.items()}


def _depth(masks: dict[str, UInt8], z_step_um: float) -> Depth | None:
    """Return how the cell lies in the stack, from the masks; None without them."""
    if not masks or z_step_um <= 0:
        return None
    if "extracellular" in masks:
        cell = masks["extracellular"] == 0
    else:
        cell = np.any(np.stack([mask != 0 for mask in masks.values()]), axis=0)
    areas = cell.reshape(len(cell), -1).mean(axis=1)
    largest = float(areas.max())
    if largest <= 0:
        return None
    good = np.flatnonzero(areas > _CUT * largest)
    lowest, highest = int(good[0]), int(good[-1])
    return Depth(
        lowest,
        highest,
        float(areas[-1]) / largest,
        float(areas[0]) / largest,
        (highest - lowest + 1) * z_step_um,
    )
