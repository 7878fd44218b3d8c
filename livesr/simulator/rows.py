"""Rows of the truth: what is where, what touches what, and what stage each cell is in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object at one time.

    Attributes
    ----------
    cell : int
        Number of its cell: 10, 20, …; of daughters 11 and 12, 21 and 22, ….
    structure : str
    identity : int
        Of one object in the whole sample, at all times.
    z_um, y_um, x_um : float
        Centre.
    volume_um3 : float
        Of the object itself, not of its image.
    diameter_um : float
        Across: of a vesicle or tube its width, of a sheet its thickness, of Golgi stacks and nuclei
        that of a ball of their volume.
    ratio : float
        Red over yellow photons.
    """

    cell: int
    structure: str
    identity: int
    z_um: float
    y_um: float
    x_um: float
    volume_um3: float
    diameter_um: float
    ratio: float


@dataclass(frozen=True, slots=True)
class ContactRow:
    """Two objects of one cell that are near each other.

    Attributes
    ----------
    cell : int
    structure_a, structure_b : str
        In the catalog's order.
    identity_a, identity_b : int
    distance_um : float
        Between their surfaces; 0 where they overlap. Good to 0.05 µm.
    """

    cell: int
    structure_a: str
    identity_a: int
    structure_b: str
    identity_b: int
    distance_um: float


@dataclass(frozen=True, slots=True)
class CellStage:
    """One cell at one time.

    Attributes
    ----------
    cell : int
    stage : str
        interphase, prophase, prometaphase, metaphase, anaphase or telophase.
    detail : str
        spread, rounded (a cell that rounds up without dividing), A, B, spreading (daughters).
    since_s, until_s : float
        When the stage begins and ends; infinite for the first and the last.
    y_um, x_um : float
        Centre of the cell's body.
    radius_um, height_um : float
        Largest distance of its edge from there, and its height.
    volume_um3 : float
    footprint_um2 : float
    envelope : float
        Share of the nuclear envelope that there is.
    nuclei : int
        With an envelope.
    plate_distance_um : float
        Between the two sets of chromosomes; 0 before anaphase.
    """

    cell: int
    stage: str
    detail: str
    since_s: float
    until_s: float
    y_um: float
    x_um: float
    radius_um: float
    height_um: float
    volume_um3: float
    footprint_um2: float
    envelope: float
    nuclei: int
    plate_distance_um: float
