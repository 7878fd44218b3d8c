"""`livesr.features.make_features` on a device: the same formulas in the same order."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from livesr.contrast import BEND
from livesr.features import MAX_RATIO, check_usable, softening_of

if TYPE_CHECKING:
    from torch import Tensor

    from livesr.types import Normalisation

_LOW = sqrt(BEND)
_SPAN = sqrt(1 + BEND) - _LOW


def make_features(channels: Tensor, norm: Normalisation) -> Tensor:
    """Return the networks' input.

    Parameters
    ----------
    channels : Tensor, (c, z, y, x), float32
        Registered counts above offset; one channel or two. Overwritten.
    norm : Normalisation

    Returns
    -------
    Tensor, (2, z, y, x), float32
        As `livesr.types.Features` holds them.

    Raises
    ------
    ValueError
        If the normalisation is not positive and finite.
    """
    check_usable(norm)
    intensity = float(np.float32(norm.intensity))
    if len(channels) == 1:
        data = channels.new_zeros((2, *channels.shape[1:]))
        data[0] = (channels[0] / intensity).add_(BEND).clamp_(min=0).sqrt_().sub_(_LOW).div_(_SPAN)
        return data
    softening = float(np.float32(softening_of(norm)))
    red_scale = float(np.float32(1) / np.float32(norm.ratio))
    half = float(np.float32(0.5) / np.float32(norm.intensity))
    yellow, red = channels
    contrast = (yellow + red).mul_(half).add_(BEND).clamp_(min=0).sqrt_().sub_(_LOW).mul_(1 / _SPAN)
    red.clamp_(min=0).mul_(red_scale).add_(softening)
    red.div_(yellow.clamp_(min=0).add_(softening)).clamp_(max=MAX_RATIO)
    yellow.copy_(contrast)
    return channels
