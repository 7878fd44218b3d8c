"""The parts of a stored calibration: what stands in its file."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from livesr.calibration.datafile import Record
from livesr.calibration.warp import IDENTITY, MAX_DEGREE, ChromaticModel, Row, exponents

LARGEST_UM = 1e5
"""Ten centimetres: no field, shift or stack of a microscope is larger."""
LARGEST_NM = 1e8
MOST_MAGNIFIED = 0.5
"""By how much a channel's axes may be longer or turned, against the reference's."""
Micrometres = Annotated[float, Field(ge=-LARGEST_UM, le=LARGEST_UM)]
PositiveMicrometres = Annotated[float, Field(gt=0, le=LARGEST_UM)]


class Polynomial(Record):
    """What a channel deviates from the affine: `ChromaticModel.polynomial` with its scale.

    Attributes
    ----------
    coefficients : tuple, (3, terms)
        Rows dz, dy, dx, µm; terms in the order of `livesr.calibration.warp.exponents`:
        1, y, x, y², yx, x², …, each coordinate divided by ``radius_um``.
    """

    degree: int = Field(ge=0, le=MAX_DEGREE)
    radius_um: float = Field(ge=1e-3, le=LARGEST_UM)
    coefficients: tuple[tuple[Micrometres, ...], tuple[Micrometres, ...], tuple[Micrometres, ...]]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        terms = len(exponents(self.degree))
        if any(len(row) != terms for row in self.coefficients):
            raise ValueError(f"degree {self.degree} has {terms} coefficients a row")
        return self


class ChannelTransform(Record):
    """Where a point of the reference channel appears in this one."""

    affine: tuple[Row, Row, Row] = IDENTITY
    polynomial: Polynomial | None = None

    @model_validator(mode="after")
    def _moves_little(self) -> Self:
        for axis, row in enumerate(self.affine):
            *linear, shift = row
            far = max(abs(value - (k == axis)) for k, value in enumerate(linear))
            if far > MOST_MAGNIFIED or abs(shift) > LARGEST_UM:
                raise ValueError(f"{list(row)} is no shift, small turn and small magnification")
        return self

    def model(self) -> ChromaticModel:
        """Return the transform as the warp takes it."""
        if self.polynomial is None:
            return ChromaticModel(self.affine)
        p = self.polynomial
        return ChromaticModel(self.affine, p.coefficients, p.degree, p.radius_um)

    @classmethod
    def of(cls, model: ChromaticModel) -> ChannelTransform:
        """Return the transform of a fitted or simulated model."""
        if not model.polynomial:
            return cls(affine=model.affine)
        z, y, x = model.polynomial
        polynomial = Polynomial(
            degree=model.degree, radius_um=model.radius_um, coefficients=(z, y, x)
        )
        return cls(affine=model.affine, polynomial=polynomial)


class ValidFor(Record):
    """The light path that was measured; an empty name is not compared.

    Attributes
    ----------
    field_um : tuple of float
        Extent (y, x) of one channel's image that the calibration covers.
    layout : str
        Kind of channel layout: ``splitter``, ``sequential``, ``cameras``.
    """

    microscope: str = ""
    camera: str = ""
    objective: str = ""
    pixel_um: float = Field(ge=1e-4, le=1e3)
    field_um: tuple[PositiveMicrometres, PositiveMicrometres]
    layout: str = ""


class Provenance(Record):
    """Where the numbers come from."""

    made: str
    by: str
    source: str
    beads: int = Field(0, ge=0)
    software: str


class Nanometres(Record):
    """A registration error (root mean square), nm."""

    xy: float = Field(ge=0, le=LARGEST_NM)
    z: float = Field(ge=0, le=LARGEST_NM)


class RegistrationError(Record):
    """Fiducial and target registration error; the reason where one is not known."""

    fre_nm: Nanometres | None
    tre_nm: Nanometres | None
    reason: str = ""

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if None in (self.fre_nm, self.tre_nm) and not self.reason:
            raise ValueError("an error that is null needs a reason")
        return self


class Measured(Record):
    """What is behind one channel's transform.

    Attributes
    ----------
    points : int
        Beads, or tiles of cells, in the fit.
    lateral, axial : str
        The rung of the ladder of models that they supported.
    fre_nm, tre_nm : Nanometres
        Of points in the fit, and of points left out; their own noise is in both.
    model_nm : Nanometres
        Expected error of the transform itself, over the field that the points cover.
    heldout_nm : Nanometres or None
        Of the points of another recording, if one was given.
    z_um : tuple of float
        Range of the points along z in their recording.
    hull_um : tuple
        Corners (y, x) of the part of the field that the points cover.
    coverage : float
        Its share of the field.
    """

    points: int = Field(ge=0)
    lateral: str
    axial: str
    fre_nm: Nanometres
    tre_nm: Nanometres
    model_nm: Nanometres
    heldout_nm: Nanometres | None = None
    z_um: tuple[Micrometres, Micrometres]
    hull_um: tuple[tuple[Micrometres, Micrometres], ...]
    coverage: float = Field(ge=0, le=1)


class PointSpread(Record):
    """Full widths at half maximum of a point's image, µm, the beads' own size taken off."""

    lateral_um: PositiveMicrometres
    axial_um: PositiveMicrometres
