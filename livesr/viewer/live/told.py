"""What the window of a preview shows beside the picture; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.acquisition.doubts import Doubt
    from livesr.config import Session
    from livesr.session.trial import Trial
    from livesr.viewer.loader import Picture


@dataclass(frozen=True, slots=True)
class Told:
    """What the window shows beside the picture.

    Attributes
    ----------
    session : Session
        Present settings.
    exposure_ms, power : float or None
        As far as known.
    z_um : float
    busy : str
        What is being done; empty if nothing is.
    note : str
        What was done last, or why it was not.
    bad : bool
        Whether the note tells of an error.
    doubts : tuple of Doubt
    trial : Trial or None
        The last stack that was tried.
    saved : Path or None
        The session file that was written.
    done : int
        Long wishes that were dealt with.
    click_to_masks_s : float or None
        What the last try took.
    picture : Picture or None
        A plane of the stack that was tried, with its masks.
    """

    session: Session
    exposure_ms: float = 0.0
    power: float | None = None
    z_um: float = 0.0
    busy: str = ""
    note: str = ""
    bad: bool = False
    doubts: tuple[Doubt, ...] = ()
    trial: Trial | None = None
    saved: Path | None = None
    done: int = 0
    click_to_masks_s: float | None = None
    picture: Picture | None = None
