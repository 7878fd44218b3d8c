"""Frames of a camera, one after the other, summed up pixel by pixel: no stack of them in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from livesr.types import Float32, Float64, UInt16

NEW_LEVEL = 0.25
"""A frame whose light differs by this share from the first of its level begins another."""


class Frames(Protocol):
    """Images of one or several cameras (or of one in several channels), frame by frame."""

    @property
    def source(self) -> str:
        """File, for people."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(i, y, x) of each frame: i images."""

    def __iter__(self) -> Iterator[UInt16]:
        """Yield frames, (i, y, x), uint16."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance of every pixel over frames.

    Attributes
    ----------
    frames : int
    mean, variance : ndarray, (i, y, x), float32
        Counts and counts²; the variance's divisor is ``frames - 1``.
    per_frame : ndarray, (frames, i), float64
        Mean counts of each frame, as the camera gave them.
    full : float
        Share of pixels that stand at the highest count that any has, in the frame with the most.
    source : str
    first : int
        Number of its first frame there.
    """

    frames: int
    mean: Float32
    variance: Float32
    per_frame: Float64
    full: float
    source: str
    first: int = 0

    @property
    def drift(self) -> float:
        """Relative change of light from the first to the last tenth of the frames."""
        tenth = max(1, self.frames // 10)
        first, last = (self.per_frame[part].mean() for part in (np.s_[:tenth], np.s_[-tenth:]))
        return float(last / first - 1.0) if first > 0 else 0.0

    @property
    def flicker(self) -> float:
        """Relative standard deviation of light from frame to frame."""
        light = self.per_frame.mean(axis=1)
        return float(np.diff(light).std() / np.sqrt(2) / light.mean()) if self.frames > 2 else 0.0


@dataclass(slots=True)
class _Sums:
    """Sums over frames that are being read, about the first of them."""

    source: str
    first: int
    about: Float32
    one: Float64
    two: Float64
    light: list[Float64] = field(default_factory=list)
    full: float = 0.0

    @classmethod
    def at(cls, source: str, first: int, shape: tuple[int, ...]) -> _Sums:
        zeros = np.zeros(shape)
        return cls(source, first, np.zeros(shape, np.float32), zeros, zeros.copy())

    def add(self, frame: UInt16, offset: Float32, scale: Float64, light: Float64) -> None:
        """Add a frame as ``(frame - offset) * scale``, one scale an image."""
        begins = not self.light
        for i, image in enumerate(frame):
            _add(
                np.ascontiguousarray(image).reshape(-1),
                offset[i].reshape(-1),
                np.float32(scale[i]),
                self.about[i].reshape(-1),
                self.one[i].reshape(-1),
                self.two[i].reshape(-1),
                begins,
            )
        self.light.append(light)
        self.full = max(self.full, float(np.mean(frame == frame.max())))

    def done(self, scale: Float64) -> Moments:
        """Return the moments of what was added, times ``scale``, one an image."""
        n = len(self.light)
        wide = scale[:, None, None]
        mean = (self.about + self.one / n) * wide
        variance = (self.two - self.one**2 / n) / max(n - 1, 1) * wide**2
        return Moments(
            n,
            mean.astype(np.float32),
            np.maximum(variance, 0.0).astype(np.float32),
            np.array(self.light),
            self.full,
            self.source,
            self.first,
        )


def dark_moments(sources: Sequence[Frames]) -> Moments:
    """Return mean and variance of frames without light, all together."""
    shape = sources[0].shape
    none, one = np.zeros(shape, np.float32), np.ones(shape[0])
    sums = _Sums.at(", ".join(frames.source for frames in sources), 0, shape)
    for frames in sources:
        for frame in frames:
            sums.add(frame, none, one, frame.mean(axis=(1, 2), dtype=np.float64))
    return sums.done(one)


def flat_moments(frames: Frames, offset: Float32) -> Iterator[Moments]:
    """Yield the levels of light of a recording, in its order; ``offset`` is taken off.

    A lamp that drifts between frames of a level is followed: each frame is divided by its own
    mean, and multiplied by the level's. Frames without light, of which nothing can be said, come as
    levels of their own.
    """
    dark = offset.mean(axis=(1, 2), dtype=np.float64)
    sums: _Sums | None = None
    for number, frame in enumerate(frames):
        light = frame.mean(axis=(1, 2), dtype=np.float64) - dark
        if sums is None or _is_another(sums.light[0], light):
            if sums is not None:
                yield sums.done(_relative(sums.light))
            sums = _Sums.at(frames.source, number, frames.shape)
        first = sums.light[0] if sums.light else light
        scale = np.where(light > 0, first / np.where(light > 0, light, 1.0), 1.0)
        sums.add(frame, offset, scale, light)
    if sums is not None:
        yield sums.done(_relative(sums.light))


def _is_another(first: Float64, light: Float64) -> bool:
    return bool(np.any(np.abs(light - first) > NEW_LEVEL * np.maximum(np.abs(first), 1.0)))


def _relative(light: Sequence[Float64]) -> Float64:
    """Return the mean light beside the first frame's, to which all frames were scaled."""
    first = light[0]
    mean = np.mean(light, axis=0)
    return np.where(first > 0, mean / np.where(first > 0, first, 1.0), 1.0)


def _add_frame(
    frame: UInt16,
    offset: Float32,
    scale: np.float32,
    about: Float32,
    one: Float64,
    two: Float64,
    begins: bool,
) -> None:
    for i in range(frame.size):
        value = (np.float32(frame[i]) - offset[i]) * scale
        if begins:
            about[i] = value
        away = np.float64(value - about[i])
        one[i] += away
        two[i] += away * away


_add: Callable[[UInt16, Float32, np.float32, Float32, Float64, Float64, bool], None] = numba.njit(
    nogil=True, cache=True
)(_add_frame)
