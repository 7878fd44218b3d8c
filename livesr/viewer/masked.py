"""Masks × intensity, the display of the paper: each structure's own light, in its own colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.catalog import NAMES, STRUCTURES
from livesr.viewer import compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livesr.types import Float32, UInt8, UInt16
    from livesr.viewer.planes import Planes
    from livesr.viewer.state import Plane

BRIGHTEST = 97.0
"""Percentile of a structure's light that is drawn fully bright: plasma membrane and lipid droplets
differ by more than a screen can show, so each structure has a scale of its own."""
GAMMA = 0.65
"""Below 1, so that dim parts of a structure are seen too."""


class MaskedLight:
    """Draws masks × intensity of a session, each structure on a scale that stays.

    Parameters
    ----------
    planes : Planes
        Of the session.
    """

    def __init__(self, planes: Planes) -> None:
        self._planes = planes
        self._brightest: dict[tuple[int, str, str, bool], float] = {}

    def relevel(self) -> None:
        """Forget the scales: the next picture sets them anew."""
        self._brightest.clear()

    def draw(
        self,
        image: int,
        t: int,
        z: Plane,
        channel: str,
        names: Sequence[str],
        labels: UInt8,
        scale: tuple[float, float],
    ) -> UInt8:
        """Return the picture (y, x, 3).

        Parameters
        ----------
        image, t, z, channel
            What is shown.
        names : sequence of str
            The structures.
        labels : ndarray, (y, x), uint8
            Which of them lies on top, on the picture's pixels.
        scale : tuple of float
            The masks' pixels for each of the picture along (y, x).
        """
        if z == "max":
            light = self._projections(image, t, channel, scale)
            counts = assembled({name: light[name] for name in names}, labels)
        else:
            counts = self._planes.counts(image, t, z, channel)
            light = dict.fromkeys(names, counts)
        for name in names:
            key = (image, channel, name, z == "max")
            if not np.isfinite(self._brightest.get(key, np.nan)):
                self._brightest[key] = self._bright(image, t, z, name, light[name], scale)
        brightest = {name: self._brightest[image, channel, name, z == "max"] for name in names}
        return to_picture(counts, labels, self._planes.offset, brightest)

    def _bright(
        self, image: int, t: int, z: Plane, name: str, counts: UInt16, scale: tuple[float, float]
    ) -> float:
        mask = compose.resampled(self._planes.mask(image, t, z, name), counts.shape, scale)
        return brightest_of(counts, mask, self._planes.offset)

    def _projections(
        self, image: int, t: int, channel: str, scale: tuple[float, float]
    ) -> dict[str, UInt16]:
        """Return the maximum projection of each structure's light; the last stacks' are kept."""
        structures = self._planes.structures(image)

        def project() -> UInt16:
            return np.stack(list(projected(self._masked_planes(image, t, channel, scale)).values()))

        light = self._planes.keep(("light", image, t, channel), project)
        return dict(zip(structures, light, strict=True))

    def _masked_planes(
        self, image: int, t: int, channel: str, scale: tuple[float, float]
    ) -> Iterator[tuple[UInt16, Mapping[str, UInt8]]]:
        """Yield each plane's counts, and the masks on its pixels."""
        for z in range(self._planes.count(image)):
            counts = self._planes.counts(image, t, z, channel)
            masks = {
                name: compose.resampled(self._planes.mask(image, t, z, name), counts.shape, scale)
                for name in self._planes.structures(image)
            }
            yield counts, masks


def brightest_of(counts: UInt16, mask: UInt8, offset: float) -> float:
    """Return the light of a structure, counts above the offset, that is drawn fully bright.

    Not a number where there is nothing of it.
    """
    light = counts[mask != 0]
    return float(np.percentile(light, BRIGHTEST)) - offset if light.size else float("nan")


def projected(planes: Iterator[tuple[UInt16, Mapping[str, UInt8]]]) -> dict[str, UInt16]:
    """Return the maximum projection of each structure's counts, (y, x), 0 where it never is.

    Parameters
    ----------
    planes : iterator of (ndarray, mapping)
        For each plane the counts (y, x) and the masks on the same pixels, 0 or 1.
    """
    highest: dict[str, UInt16] = {}
    for counts, masks in planes:
        for name, mask in masks.items():
            inside = cv2.bitwise_and(counts, counts, mask=mask)
            highest[name] = cv2.max(highest[name], inside) if name in highest else inside
    return highest


def assembled(light: Mapping[str, UInt16], labels: UInt8) -> UInt16:
    """Return counts (y, x) in which each pixel is the light of the structure that lies on top."""
    out = np.zeros(labels.shape, np.uint16)
    for name, counts in light.items():
        np.copyto(out, counts, where=labels == NAMES.index(name) + 1)
    return out


def to_picture(
    counts: UInt16, labels: UInt8, offset: float, brightest: Mapping[str, float]
) -> UInt8:
    """Return the picture (y, x, 3): structures' colours as bright as their light, on black.

    Parameters
    ----------
    counts : ndarray, (y, x), uint16
    labels : ndarray, (y, x), uint8
        See `compose.label_image`, on the picture's pixels.
    offset : float
        Camera counts without light.
    brightest : mapping of str to float
        Counts above the offset that are drawn fully bright.
    """
    scales = np.ones(256, np.float32)
    for name, value in brightest.items():
        scales[NAMES.index(name) + 1] = max(value, 1.0) if np.isfinite(value) else 1.0
    light: Float32 = (counts.astype(np.float32) - np.float32(offset)) / scales[labels]
    shade = np.clip(light, 0, 1) ** np.float32(GAMMA)
    colours = compose.colour_table(1.0)[:, :3].astype(np.float32)
    colours[len(STRUCTURES) + 1 :] = 0
    picture: UInt8 = np.rint(colours[labels] * shade[..., None]).astype(np.uint8)
    return picture


def cut_out(base: UInt8, labels: UInt8) -> UInt8:
    """Return a colour picture (y, x, 3) that is black where there is no structure."""
    picture: UInt8 = base * (labels != 0)[..., None]
    return picture
