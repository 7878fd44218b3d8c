"""The simulator's numbers: read from ``parameters.yaml``, changed by presets and by hand.

`standard` is the file as it is; the other presets stand in ``presets.yaml`` as differences from it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, get_type_hints

import yaml

from livesr.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

Range = tuple[float, float]
"""Lowest and highest value."""
Counts = tuple[int, int]
"""Lowest and highest count."""


@dataclass(frozen=True, slots=True)
class SamplingParameters:
    """Voxels of a recording."""

    pixel_um: Range
    z_step_um: Range
    spacing_um: float


@dataclass(frozen=True, slots=True)
class SampleParameters:
    """What stands on the cover slip."""

    field_um: float
    most_cells: int
    gap_um: float
    dividing: float
    rounding: float
    window_min: Range


@dataclass(frozen=True, slots=True)
class CellParameters:
    """Outline and height of a spread cell."""

    volume_um3: Range
    elongation: Range
    footprint_um2: Range
    lobes: float
    edge_height_um: Range
    roof_um: Range
    relief: float
    creep_um_min: Range
    sway_um: float


@dataclass(frozen=True, slots=True)
class NucleusParameters:
    """Nucleus and nucleoli."""

    share: Range
    least_um3: float
    half_height_um: Range
    half_length_um: Range
    half_width_um: Range
    floor_um: Range
    drift_um_min: float
    wobble: float
    nucleoli: Counts
    nucleolus_radius_um: Range
    nucleolus_dimness: Range


@dataclass(frozen=True, slots=True)
class NuclearMembraneParameters:
    """Envelope and its invaginations."""

    thickness_um: float
    folds: Counts
    fold_length_um: Range
    fold_width_um: Range
    fold_depth_um: Range


@dataclass(frozen=True, slots=True)
class NuclearReticulumParameters:
    """Tubes that run into the nucleus."""

    count: Counts
    diameter_um: Range
    length_um: Range
    lifetime_min: float


@dataclass(frozen=True, slots=True)
class ErParameters:
    """Tubular network and sheets."""

    tube_diameter_um: Range
    mesh_um: Range
    level_um: float
    missing: float
    risers: float
    volume_share: Range
    junction_um_s: Range
    junction_reach_um: float
    tip_um_s: Range
    turnover_min: float


@dataclass(frozen=True, slots=True)
class MitochondriaParameters:
    """Tubes that branch, move, split and fuse."""

    count: Counts
    diameter_um: Range
    length_um: Range
    median_length_um: float
    length_spread: float
    branching: float
    unit_um: float
    moving: Range
    speed_um_s: Range
    events_per_min: Range
    gap_um: float


@dataclass(frozen=True, slots=True)
class GolgiParameters:
    """Ribbon of stacks."""

    stacks: Counts
    ribbon_um: Range
    stack_length_um: Range
    stack_width_um: Range
    thickness_um: float
    diffusion_um2_s: float


@dataclass(frozen=True, slots=True)
class VesicleParameters:
    """One kind of vesicle."""

    count: Counts
    diameter_um: Range
    median_um: float
    spread: float
    aspect: Range
    diffusion_um2_s: Range
    runners: float
    run_um_s: Range
    place: str
    reach_um: float = 0.0
    hollow: float = 0.0
    cluster_um: float = 0.0


@dataclass(frozen=True, slots=True)
class PlasmaMembraneParameters:
    """Plasma membrane and ruffles."""

    thickness_um: float
    ruffles: Counts
    ruffle_height_um: Range
    ruffle_length_um: Range
    ruffle_lifetime_s: float


@dataclass(frozen=True, slots=True)
class FilopodiaParameters:
    """Thin tubes at the ventral edge."""

    count: Counts
    diameter_um: Range
    length_um: Range
    speed_um_s: Range


@dataclass(frozen=True, slots=True)
class MitosisParameters:
    """Durations and figures of a division."""

    volume_um3: Range
    prophase_min: Range
    prometaphase_min: Range
    metaphase_min: Range
    anaphase_a_min: Range
    anaphase_b_min: Range
    telophase_min: Range
    spreading_min: Range
    breakdown_min: Range
    reformation_min: Range
    furrow_min: Range
    neck_um: Range
    footprint_loss: float
    height_um: Range
    swelling: Range
    stretch: Range
    plate_diameter_um: float
    plate_thickness_um: Range
    spindle_um: Range
    plate_distance_um: Range
    golgi_bits: Counts
    golgi_return_min: Range
    fragment_um: Range
    daughter_nucleus: float
    rounded_min: Range


@dataclass(frozen=True, slots=True)
class StainParameters:
    """The dye's emission in one compartment."""

    peak_nm: float
    fwhm_nm: float
    brightness: Range


@dataclass(frozen=True, slots=True)
class DyeParameters:
    """The dye in every compartment."""

    cell_jitter: float
    object_jitter: float
    day_gain: Range
    lipid_droplet: StainParameters
    plasma_membrane: StainParameters
    filopodia: StainParameters
    early_endosome: StainParameters
    late_endosome: StainParameters
    lysosome: StainParameters
    golgi: StainParameters
    peroxisome: StainParameters
    mitochondria: StainParameters
    er: StainParameters
    nuclear_membrane: StainParameters
    nuclear_reticulum: StainParameters
    cytosol: StainParameters
    nucleoplasm: StainParameters

    def stain(self, name: str) -> StainParameters:
        """Return the stain of a compartment."""
        stain: StainParameters = getattr(self, name)
        return stain


@dataclass(frozen=True, slots=True)
class BandParameters:
    """Emission filters, lowest and highest wavelength."""

    green_nm: Range
    yellow_nm: Range
    red_nm: Range


@dataclass(frozen=True, slots=True)
class LightParameters:
    """Photons, background and what light does to the dye."""

    er_photons: Range
    background_photons: Range
    background_ratio: Range
    bleaching_stacks: Range
    exchange_min: Range


@dataclass(frozen=True, slots=True)
class ThreeBands:
    """A number a channel."""

    green: float
    yellow: float
    red: float


@dataclass(frozen=True, slots=True)
class OpticsParameters:
    """From the sample to the camera."""

    lateral_fwhm_nm: ThreeBands
    axial_fwhm_nm: ThreeBands
    width_spread: float
    pedestal: float
    pedestal_sigma_um: float
    magnification: Range
    rotation_deg: float
    shift_px: float
    shift_z_um: Range
    bowl_um: float
    waves_px: float
    axial_scale: float
    axial_scale_deep: float
    axial_knee_um: float
    vignette: Range
    vignette_tilt_um: float
    vignette_spread: float
    drift_nm_min: float


@dataclass(frozen=True, slots=True)
class CameraParameters:
    """The sensor."""

    offset: float
    gain_e_per_adu: float
    read_noise_e: float
    qe: float
    full_well_e: float
    dark_e_per_s: float
    offset_sigma: float
    gain_sigma: float
    noise_spread: float
    hot_share: float
    hot_adu: float
    port_sigma: float
    line_time_us: float


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every number of the simulated microscope; see ``parameters.yaml`` for units and sources."""

    version: int
    sampling: SamplingParameters
    sample: SampleParameters
    cell: CellParameters
    nucleus: NucleusParameters
    nuclear_membrane: NuclearMembraneParameters
    nuclear_reticulum: NuclearReticulumParameters
    er: ErParameters
    mitochondria: MitochondriaParameters
    golgi: GolgiParameters
    early_endosome: VesicleParameters
    late_endosome: VesicleParameters
    lysosome: VesicleParameters
    peroxisome: VesicleParameters
    lipid_droplet: VesicleParameters
    plasma_membrane: PlasmaMembraneParameters
    filopodia: FilopodiaParameters
    mitosis: MitosisParameters
    dye: DyeParameters
    bands: BandParameters
    light: LightParameters
    optics: OpticsParameters
    camera: CameraParameters

    def vesicle(self, name: str) -> VesicleParameters:
        """Return the parameters of one kind of vesicle."""
        kind: VesicleParameters = getattr(self, name)
        return kind

    def hash(self) -> str:
        """Return a hash of all values (SHA-256, first 16 hexadecimal digits)."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


PRESETS = ("standard", "shifted", "foreign", "sim", "sted", "oil")
"""Names of the sets of parameters that travel with livesr."""


@lru_cache(maxsize=64)
def parameters(preset: str = "standard", changes: str = "{}") -> Parameters:
    """Return a preset, with changes.

    Parameters
    ----------
    preset : str
        One of `PRESETS`.
    changes : str
        JSON or YAML mapping of dotted names to values, ``{"er.mesh_um": [0.8, 1.2]}``.

    Raises
    ------
    ConfigError
        An unknown preset or name, or a value of another form.
    """
    if preset not in PRESETS:
        raise ConfigError(
            f"no such preset of the simulator: {preset!r}",
            where="simulator preset",
            fix=nearest(preset, PRESETS),
        )
    tree = _document("parameters.yaml")
    if preset != "standard":
        for name, value in _document("presets.yaml")[preset].items():
            _change(tree, name, value)
    for name, value in _changes(changes).items():
        _change(tree, name, value)
    made: Parameters = _build(Parameters, tree, "")
    return made


def _changes(text: str) -> Mapping[str, Any]:
    try:
        given = _loaded(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(
            f"the simulator's changed parameters cannot be read: {error}",
            where="simulator parameters",
            fix='write them like {"er.mesh_um": [0.8, 1.2]}',
        ) from error
    if not isinstance(given, dict):
        raise ConfigError(
            f"the simulator's changed parameters are {given!r}, not a mapping",
            where="simulator parameters",
            fix='write them like {"er.mesh_um": [0.8, 1.2]}',
        )
    return given


def _loaded(text: str) -> Any:
    """Return JSON or YAML: YAML alone would take JSON's 1e3 for a word."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return yaml.safe_load(text)


def _document(name: str) -> dict[str, Any]:
    text = (resources.files("livesr.simulator") / name).read_text(encoding="utf-8")
    tree: dict[str, Any] = yaml.safe_load(text)
    return tree


def _change(tree: dict[str, Any], name: str, value: object) -> None:
    """Set one dotted name of the tree."""
    *way, last = str(name).split(".")
    place: Any = tree
    for key in way:
        place = place.get(key) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place:
        raise ConfigError(
            f"the simulator has no parameter {name!r}",
            where="simulator parameters",
            fix=nearest(str(name), sorted(_names(tree))),
        )
    place[last] = value


def _names(tree: Mapping[str, Any], before: str = "") -> list[str]:
    names = []
    for key, value in tree.items():
        if isinstance(value, dict):
            names += _names(value, f"{before}{key}.")
        else:
            names.append(f"{before}{key}")
    return names


def _build(kind: Any, value: Any, where: str) -> Any:
    """Return ``value`` as ``kind``: a dataclass, a range, a number or a word."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        known = {field.name for field in fields(kind)}
        if not isinstance(value, dict) or set(value) - known:
            raise _misfit(where, value, "a section")
        parts = {key: _build(hints[key], one, f"{where}{key}.") for key, one in value.items()}
        return kind(**parts)  # type: ignore[operator]
    place = where.rstrip(".")
    if kind in (Range, Counts):
        number = int if kind == Counts else float
        if not isinstance(value, list) or len(value) != 2:
            raise _misfit(place, value, "a pair [low, high]")
        low, high = (_build(number, one, where) for one in value)
        if low > high:
            raise _misfit(place, value, "a pair [low, high] with low ≤ high")
        return (low, high)
    if kind is str:
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _misfit(place, value, "a number")
    if kind is int and value != int(value):
        raise _misfit(place, value, "a whole number")
    return kind(value)


def _misfit(where: str, value: object, wanted: str) -> ConfigError:
    return ConfigError(
        f"the simulator's parameter {where} is {value!r}",
        where="simulator parameters",
        fix=f"give {wanted}",
    )
