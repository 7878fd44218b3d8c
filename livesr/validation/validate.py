"""Validate a session: each probe beside the masks, pooled over stacks, into a record."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import label

from livesr import __version__
from livesr.calibration.profile import SIMULATED_MICROSCOPE
from livesr.errors import ConfigError
from livesr.training.labels.make import Networks
from livesr.training.labels.sessions import YELLOW, SessionStacks
from livesr.training.labels.unmixing import control_share
from livesr.validation.agreement import Agreement, intervals, pooled
from livesr.validation.orientation import orientation
from livesr.validation.probes import DROPLETS, Probe, choose_probes, cuts_droplets, tell
from livesr.validation.record import LEAST_F1, Made, StructureRecord, Unmixed, Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from livesr.training.labels.sessions import SessionStack
    from livesr.training.labels.unmixing import Unmixing
    from livesr.types import Bool
    from livesr.validation.probes import Told

NUCLEUS = "nucleus"
NUCLEUS_UM3 = 100.0
"""Smaller parts of the nucleus' mask are no nucleus."""
LEAST_FOREGROUND = 50
"""Voxels that a probe's foreground needs in all stacks together."""


@dataclass(slots=True)
class Validated:
    """A record, and what a report shows beside it.

    Attributes
    ----------
    record : Validation
    unmixing : Unmixing or None
        Of the control, if there was one.
    each : mapping of str to list of Agreement
        Of each structure in each stack.
    """

    record: Validation
    unmixing: Unmixing | None
    each: dict[str, list[Agreement]] = field(default_factory=dict)

    @property
    def orientation(self) -> tuple[str, ...]:
        """What the same comparison gives on simulated cells, a line a structure."""
        return tuple(
            line for name in self.record.structures if (line := orientation(name)) is not None
        )


def validate(
    folder: Path,
    probes: Sequence[str] = (),
    *,
    share: float | None = None,
    control: Path | None = None,
    foreground: str | None = None,
    least_f1: float = LEAST_F1,
    engine: str = "auto",
    look: Callable[[Probe, SessionStack, Told], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Validated:
    """Compare a session's masks with its probes.

    Parameters
    ----------
    folder : Path
        Of the session.
    probes : sequence of str
        ``CHANNEL=STRUCTURE``; without any the green light of lipid droplets.
    share : float, optional
        Nile Red's in green.
    control : Path, optional
        Session without a probe, to measure it on.
    foreground : str, optional
        A package, ``otsu``, ``triangle``, or a number times the probe's brightness; what suits the
        structure by default.
    least_f1 : float
        From which on a structure counts as validated.
    engine : str
    look : callable, optional
        Given each probe, stack, and what the probe says of it.
    say : callable
        Given a line of progress.

    Raises
    ------
    LivesrError
        If the session, its channels, masks or the control do not do.
    """
    session = SessionStacks(folder)
    unmixing = None
    if control is not None:
        say("the control")
        unmixing = control_share(SessionStacks(control))
        share = unmixing.share
    chosen = choose_probes(session, probes, share, foreground)
    with closing(Networks(engine)) as networks:
        each, cells = _compare(session, chosen, networks, look, say)
        weights = {p.structure: networks.sha256(str(p.foreground)) for p in chosen}
    for probe in chosen:
        _check_told(probe, each[probe.structure], folder)
    record = Validation(
        made=dt.datetime.now(tz=dt.UTC).date(),
        software=f"livesr {__version__}",
        simulated=_simulated(session),
        microscope=_made(session),
        session=str(folder.resolve()),
        stacks=len(session.indices()),
        cells=cells,
        unmixing=Unmixed(
            source="control" if unmixing else "usual" if share is None else "given",
            control=str(control.resolve()) if control else "",
            error=unmixing.error if unmixing else None,
        ),
        structures={
            p.structure: _structure(p, session, each[p.structure], weights[p.structure], least_f1)
            for p in chosen
        },
    )
    return Validated(record, unmixing, each)


def _compare(
    session: SessionStacks,
    chosen: Sequence[Probe],
    networks: Networks,
    look: Callable[[Probe, SessionStack, Told], None] | None,
    say: Callable[[str], None],
) -> tuple[dict[str, list[Agreement]], int]:
    """Return what each stack says of each structure, and how many nuclei there are."""
    channels = list(dict.fromkeys((YELLOW, *(probe.channel for probe in chosen))))
    needed = {probe.structure for probe in chosen} | {NUCLEUS}
    if any(cuts_droplets(probe) for probe in chosen):
        needed.add(DROPLETS)
    structures = [name for name in session.structures if name in needed]
    each: dict[str, list[Agreement]] = {probe.structure: [] for probe in chosen}
    nuclei: dict[int, int] = {}
    total = len(session.indices())
    for number, stack in enumerate(session.stacks(channels, structures), start=1):
        say(f"stack {number} of {total}")
        position = stack.index.image
        nuclei.setdefault(position, count_nuclei(stack))
        for probe in chosen:
            told = tell(probe, stack, session.model(probe.channel), networks)
            mask = stack.masks[probe.structure]
            found = Agreement.of(position, mask, told.foreground, told.light, told.yellow)
            each[probe.structure].append(found)
            if look:
                look(probe, stack, told)
    return each, sum(nuclei.values())


def count_nuclei(stack: SessionStack) -> int:
    """Return how many nuclei a stack shows; 0 where there are no masks of them."""
    if NUCLEUS not in stack.masks:
        return 0
    coarse: Bool = stack.masks[NUCLEUS][::2, ::4, ::4]
    parts, count = label(coarse)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    voxel_um3 = prod(stack.grid.voxel_um) * 32
    return int(np.count_nonzero(sizes * voxel_um3 >= NUCLEUS_UM3))


def _check_told(probe: Probe, each: Sequence[Agreement], folder: Path) -> None:
    found = sum(one.probe for one in each)
    if found >= LEAST_FOREGROUND:
        return
    raise ConfigError(
        f"{probe.channel} shows nothing of {probe.structure}: {found:.0f} voxels of foreground in "
        f"{len(each)} stacks",
        where=str(folder),
        fix="lipid droplets are few in starved cells, and leak little: record longer exposures, or "
        "add a probe (--probe)"
        if probe.by == "leak"
        else "is the probe in this channel, and brighter than Nile Red there? see --unmixing",
    )


def _structure(
    probe: Probe, session: SessionStacks, each: list[Agreement], sha256: str, least_f1: float
) -> StructureRecord:
    scores = pooled(each)
    ci95, drawn = intervals(each)
    package, package_sha256 = _package(session, probe.structure)
    return StructureRecord(
        by=probe.by,
        channel=probe.channel,
        share=probe.share,
        foreground=str(probe.foreground),
        foreground_sha256=sha256,
        registered=probe.channel in session.models,
        package=package,
        package_sha256=package_sha256,
        scores=scores,
        ci95=ci95,
        drawn=drawn,
        least_f1=least_f1,
        passed=bool(ci95) and scores.f1 >= least_f1,
    )


def _package(session: SessionStacks, name: str) -> tuple[str, str]:
    """Return the package whose masks of a structure they are, and its checksum."""
    known: dict[str, Any] = session.notes.get("package_sha256") or {}
    owner = (session.notes.get("package_of") or {}).get(name)
    if owner is None and len(known) == 1:  # sessions of one package need not say whose masks
        owner = next(iter(known))
    if owner not in known:
        raise ConfigError(
            f"the session does not say which package gave the masks of {name}",
            where=str(session.folder),
            fix="segment it again with this version of livesr",
        )
    return str(owner), str(known[owner])


def _simulated(session: SessionStacks) -> bool:
    said = session.started
    return bool(said.get("simulated")) or said.get("microscope") == SIMULATED_MICROSCOPE


def _made(session: SessionStacks) -> Made:
    said = session.started
    return Made(
        microscope=str(said.get("microscope", "")),
        camera=str(said.get("camera", "")),
        objective=str(session.source.get("objective", "")),
        pixel_um=session.voxel_um[2],
        calibration=session.calibration,
    )
