"""A label plan from a session that recorded a probe: nothing need be written by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from livesr.catalog import structure
from livesr.errors import ConfigError
from livesr.storage.folder import image_path
from livesr.training.labels.plan import REGISTERED, Channels, LabelPlan, ProbePlan, SamplePlan
from livesr.training.labels.sessions import SessionStacks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DROPLETS = "lipid_droplet"
USUAL_DROPLETS = "LD"


def session_plan(
    folder: Path, probes: Sequence[str], *, foreground: str = "FG", most: int = 20
) -> LabelPlan:
    """Return the plan that labels a session's stacks by its probe.

    Parameters
    ----------
    folder : Path
        Of the session.
    probes : sequence of str
        ``CHANNEL=STRUCTURE``, one.
    foreground : str
        A package, ``otsu``, ``triangle``, or a number times the probe's brightness.
    most : int
        Stacks of a longer session, evenly chosen.

    Raises
    ------
    ConfigError
        If the session has no such channel, or no structure is named.
    """
    if len(probes) != 1 or "=" not in probes[0]:
        raise ConfigError(
            f"a session is labelled by one probe, found {', '.join(probes) or 'none'}",
            where="--probe",
            fix="say what the probe marks: --probe green=mitochondria",
        )
    channel, _, name = probes[0].partition("=")
    structure(name)
    folder = folder.resolve()
    session = SessionStacks(folder)
    session.require(channel)
    places = {c: session.channels.index(c) for c in ("yellow", "red") if c in session.channels}
    indices = session.indices(most)
    stem = re.sub(r"[^\w.-]+", "-", folder.name).strip(".-") or "session"
    samples = []
    for index in indices:
        image = image_path(folder, index.image)
        whole = session.on_camera_grid(index.image)
        droplets = str(image / "labels" / DROPLETS) if whole else USUAL_DROPLETS
        probe = ProbePlan(foreground=_read(foreground), lipid_droplet=droplets)
        samples.append(
            SamplePlan(
                name=f"{stem}-{name}-{index.image}-{index.t}",
                image=(image,),
                channels=Channels(**places, green=session.channels.index(channel)),
                t=index.t,
                offset=session.offset,
                calibration=REGISTERED if session.calibration == "none" else session.calibration,
                colocalisation={name: probe},
            )
        )
    return LabelPlan(samples=tuple(samples))


def with_share(plan: LabelPlan, share: float) -> LabelPlan:
    """Return the plan with Nile Red's share for every probe that says none itself."""
    samples = []
    for sample in plan.samples:
        probes = {
            name: probe if "r" in probe.model_fields_set else probe.model_copy(update={"r": share})
            for name, probe in sample.colocalisation.items()
        }
        samples.append(sample.model_copy(update={"colocalisation": probes}))
    return plan.model_copy(update={"samples": tuple(samples)})


def _read(foreground: str) -> float | str:
    try:
        return float(foreground)
    except ValueError:
        return foreground
