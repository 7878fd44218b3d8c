"""Which channel tells which structure, and what of its light is foreground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from livesr.calibration.warp import Warp
from livesr.catalog import structure
from livesr.errors import ConfigError, nearest
from livesr.simulator.coloc import NILE_RED_SHARE
from livesr.training.labels.foreground import AUTOMATIC, foreground_mask, threshold_mask
from livesr.training.labels.probe import ProbedStack, empty_light, grown, probe_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.calibration.warp import ChromaticModel
    from livesr.training.labels.make import Networks
    from livesr.training.labels.sessions import SessionStack, SessionStacks
    from livesr.types import Bool, Float32

DROPLETS = "lipid_droplet"
GREEN = "green"
FG = "FG"
LARGE = frozenset({"nucleus", "cytosol", "extracellular"})
"""Structures that fill what FG-net, which learnt thin ones, takes for its surround."""
SMALL_FOREGROUND, LARGE_FOREGROUND = FG, "otsu"


@dataclass(frozen=True, slots=True)
class Probe:
    """What is compared.

    Attributes
    ----------
    structure, channel : str
    by : {"probe", "leak"}
    share : float
        Of yellow to subtract.
    foreground : str or float
        A package, a key of `AUTOMATIC`, or a number times the probe's brightness.
    """

    structure: str
    channel: str
    by: Literal["probe", "leak"]
    share: float
    foreground: str | float


@dataclass(frozen=True, slots=True)
class Told:
    """What a probe says of one stack, (z, y, x) on the camera's grid.

    Attributes
    ----------
    light : ndarray, float32
        Of the probe alone.
    yellow : ndarray, float32
        Counts above the empty field's.
    foreground : ndarray, bool
    """

    light: Float32
    yellow: Float32
    foreground: Bool


def choose_probes(
    session: SessionStacks,
    given: Iterable[str],
    share: float | None,
    foreground: str | None = None,
) -> list[Probe]:
    """Return what is to be compared in a session.

    Parameters
    ----------
    session : SessionStacks
    given : iterable of str
        ``CHANNEL=STRUCTURE``. A green channel without a probe tells lipid droplets.
    share : float, optional
        Nile Red's, if it is known; the paper's for a probe in green, none elsewhere.
    foreground : str, optional
        For all of them; what suits each by default.

    Raises
    ------
    ConfigError
        If a channel is not there, a structure has no masks, or there is nothing to compare.
    """
    channels: dict[str, str] = {}
    for text in given:
        channel, equals, name = text.partition("=")
        if not (channel and equals and name):
            raise ConfigError(
                f"{text!r} is not of the form CHANNEL=STRUCTURE",
                where="--probe",
                fix="for example: --probe green=mitochondria",
            )
        session.require(channel)
        structure(name)
        _require_masks(session, name)
        if channel in channels or name in channels.values():
            raise ConfigError(
                f"{text}: named twice", where="--probe", fix="one structure a channel, once each"
            )
        channels[channel] = name
    probes = [
        Probe(name, channel, "probe", _share(channel, share), _how(name, foreground))
        for channel, name in channels.items()
    ]
    told = DROPLETS in channels.values()
    if not probes or (GREEN in session.channels and GREEN not in channels and not told):
        session.require(GREEN)
        _require_masks(session, DROPLETS)
        probes.append(Probe(DROPLETS, GREEN, "leak", share or 0.0, _how(DROPLETS, foreground)))
    return probes


def tell(probe: Probe, stack: SessionStack, model: ChromaticModel, networks: Networks) -> Told:
    """Return what a probe says of a stack.

    Parameters
    ----------
    probe : Probe
    stack : SessionStack
        With the masks of lipid droplets, where they are set to zero.
    model : ChromaticModel
        Of the probe's channel.
    networks : Networks
        FG comes from them.
    """
    cut = cuts_droplets(probe) and DROPLETS in stack.masks
    droplets = grown(stack.masks[DROPLETS], stack.grid) if cut else None
    counts = np.stack([stack.channels["yellow"], stack.channels[probe.channel]])
    probed = ProbedStack(counts, stack.grid, stack.offset, model, droplets, probe.share)
    light, _ = probe_image(probed, stack.grid.voxel_um)
    yellow = Warp(stack.grid, stack.grid.voxel_um).apply(counts[:1], stack.offset)[0]
    yellow -= np.float32(empty_light(yellow, stack.grid))
    if isinstance(probe.foreground, float) or probe.foreground in AUTOMATIC:
        smooth = probe.foreground in AUTOMATIC
        return Told(light, yellow, threshold_mask(probed, probe.foreground, smooth=smooth))
    package, engine = networks.get(probe.foreground)
    return Told(light, yellow, foreground_mask(probed, package, engine))


def cuts_droplets(probe: Probe) -> bool:
    """Return whether lipid droplets are set to zero: they shine green by Nile Red alone."""
    return probe.channel == GREEN and probe.structure != DROPLETS


def _require_masks(session: SessionStacks, name: str) -> None:
    if name not in session.structures:
        raise ConfigError(
            f"the session has no masks of {name}",
            where=str(session.folder),
            fix=f"{nearest(name, session.structures)} Or record it with a package that gives "
            f"{name}, and `segmentation.structures: all`",
        )


def _share(channel: str, share: float | None) -> float:
    if channel != GREEN:
        return 0.0
    return NILE_RED_SHARE if share is None else share


def _how(name: str, foreground: str | None) -> str | float:
    if foreground is not None:
        return _read(foreground)
    return LARGE_FOREGROUND if name in LARGE else SMALL_FOREGROUND


def _read(foreground: str) -> str | float:
    try:
        return float(foreground)
    except ValueError:
        return foreground
