"""What a package says of a labelled stack, on the networks' grid and on the camera's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.segmentation.segment import probabilities, probability_on
from livesr.training.labelled import features_of

if TYPE_CHECKING:
    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.labelled import LabelledStack
    from livesr.types import Bool, Features, UInt8


@dataclass(frozen=True, slots=True)
class Prediction:
    """Probabilities and masks of one stack.

    Attributes
    ----------
    features : Features
        What the network saw.
    raw : dict of str to ndarray, (z, y, x), uint8
        Each structure's probability, times 255, on the grid of the features.
    probability : dict of str to ndarray, (z, y, x), uint8
        The same on the camera's grid.
    masks : dict of str to ndarray, (z, y, x), bool
        Where it reaches the package's threshold, on the camera's grid.
    """

    features: Features
    raw: dict[str, UInt8]
    probability: dict[str, UInt8]
    masks: dict[str, Bool]


def predicted(
    stack: LabelledStack, package: Package, engine: Engine, *, without_ratio: bool = False
) -> Prediction:
    """Segment a stack as a session would.

    Parameters
    ----------
    stack : LabelledStack
    package : Package
    engine : Engine
        With the package loaded.
    without_ratio : bool
        Leave the ratio image out: the ablation.
    """
    features = features_of(stack, package, without_ratio=without_ratio)
    answer = probabilities(features, package, engine)
    raw = dict(zip(package.structures, answer, strict=True))
    volumes = {name: probability_on(stack.grid, p, features.grid) for name, p in raw.items()}
    masks = {name: p >= package.threshold(name) for name, p in volumes.items()}
    return Prediction(features, raw, volumes, masks)
