"""The truth of a simulated stack, asked for after the session."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from livesr.simulator.microscope.scene import Scene
from livesr.simulator.microscope.settings import SceneSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.types import Bool


def truth_of(
    properties: Mapping[str, object],
    times_s: Sequence[float],
    z_um: Sequence[float],
    xy_um: tuple[float, float] = (0.0, 0.0),
) -> dict[str, Bool]:
    """Return where each of the fifteen structures was in a simulated stack.

    Parameters
    ----------
    properties : mapping of str
        Properties of the simulated camera, as the session keeps them
        (``info.extra["camera_properties"]``).
    times_s, z_um : sequence of float
        Start of exposure (s) and stage height (µm) of each plane, as in ``planes.parquet``.
    xy_um : tuple of float
        Stage position (x, y), µm.

    Returns
    -------
    dict of str to ndarray, (z, y, x), bool
        On the pixels of the yellow channel; structures may overlap.
    """
    return _scene(SceneSettings.from_properties(properties)).truth(times_s, z_um, xy_um)


@lru_cache(maxsize=1)
def _scene(settings: SceneSettings) -> Scene:
    return Scene(settings)
