from __future__ import annotations

import json
import re
from dataclasses import FrozenInstanceError, asdict, fields, replace
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from livesr.errors import ConfigError
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.imaging.spectra import band_ratios
from livesr.simulator.parameters import PRESETS, Parameters, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

VESICLES = ("early_endosome", "late_endosome", "lysosome", "peroxisome", "lipid_droplet")
LEAF = re.compile(r"^\s*[\w.]+:\s*[^#\s]")
COMMENT = re.compile(r"  # [^;]+; [PRML]\b.*\.$")


def text(name: str) -> str:
    return (resources.files("livesr.simulator") / name).read_text(encoding="utf-8")


def leaves(tree: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


@pytest.mark.parametrize("name", ["parameters.yaml", "presets.yaml"])
def test_every_value_says_its_unit_and_source(name: str) -> None:
    bare = [
        line.strip()
        for line in text(name).splitlines()
        if LEAF.match(line) and not COMMENT.search(line) and not line.endswith("{}")
    ]
    assert not bare


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_build_and_their_values_are_those_of_the_file(preset: str) -> None:
    made = dict(leaves(asdict(parameters(preset))))
    expected = dict(leaves(yaml.safe_load(text("parameters.yaml"))))
    if preset != "standard":
        for name, value in yaml.safe_load(text("presets.yaml"))[preset].items():
            expected.update(leaves({name: value}))
    for name, value in expected.items():
        found = made[name]
        assert (list(found) if isinstance(found, tuple) else found) == value


def test_presets_are_those_of_the_file_and_all_differ() -> None:
    assert set(PRESETS) == {"standard", *yaml.safe_load(text("presets.yaml"))}
    hashes = {parameters(preset).hash() for preset in PRESETS}
    assert len(hashes) == len(PRESETS)
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in hashes)
    standard = parameters()
    assert standard.version == parameters("oil").version
    assert standard.hash() == replace(standard).hash()


def test_presets_do_not_repeat_what_is_standard() -> None:
    standard = dict(leaves(yaml.safe_load(text("parameters.yaml"))))
    for preset, changes in yaml.safe_load(text("presets.yaml")).items():
        for name, value in leaves(changes):
            assert standard[name] != value, f"{preset}: {name}"


def test_a_change_changes_that_value_and_the_hash() -> None:
    changed = parameters("oil", '{"er.mesh_um": [0.8, 1.2], "dye.er.peak_nm": 640}')
    assert changed.er.mesh_um == (0.8, 1.2)
    assert changed.dye.er.peak_nm == 640.0
    back = replace(
        changed,
        er=parameters().er,
        dye=parameters().dye,
    )
    assert back == parameters("oil")
    assert changed.hash() != parameters("oil").hash()
    assert parameters(changes="er.mesh_um: [0.8, 1.2]").er.mesh_um == (0.8, 1.2)  # YAML too
    assert parameters(changes="") == parameters()


def test_whole_numbers_stay_whole_and_reals_real() -> None:
    p = parameters(changes=json.dumps({"golgi.thickness_um": 1, "golgi.stacks": [5, 6.0]}))
    assert isinstance(p.golgi.thickness_um, float)
    assert p.golgi.stacks == (5, 6)
    assert all(isinstance(count, int) for count in p.golgi.stacks)


@pytest.mark.parametrize(
    ("preset", "changes", "what", "fix"),
    [
        ("standart", "{}", "standart", "standard"),
        ("standard", '{"er.mesh": [1, 2]}', "er.mesh", "er.mesh_um"),
        ("standard", '{"er.mesh_um.low": 1}', "er.mesh_um.low", "er.mesh_um"),
        ("standard", '{"er.mesh_um": 1.0}', "er.mesh_um", "a pair"),
        ("standard", '{"er.mesh_um": [1, 2, 3]}', "er.mesh_um", "a pair"),
        ("standard", '{"er.mesh_um": [2.0, 1.0]}', "er.mesh_um", "low ≤ high"),
        ("standard", '{"er.mesh_um": ["a", 1.0]}', "er.mesh_um", "a number"),
        ("standard", '{"er.missing": true}', "er.missing", "a number"),
        ("standard", '{"golgi.stacks": [5.5, 7]}', "golgi.stacks", "a whole number"),
        ("standard", '{"er": 3}', "er", "a section"),
        ("standard", '{"dye.er": {"peak": 3}}', "dye.er", "a section"),
        ("standard", "[1, 2]", "not a mapping", "er.mesh_um"),
        ("standard", "{er.mesh_um: [1", "cannot be read", "er.mesh_um"),
    ],
)
def test_wrong_names_and_forms_say_what_and_how_to_mend_it(
    preset: str, changes: str, what: str, fix: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parameters(preset, changes)
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert caught.value.where


def test_parameters_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        parameters().er.missing = 0.5  # type: ignore[misc]
    assert {field.name for field in fields(Parameters)} >= {"cell", "dye", "optics", "camera"}


@pytest.mark.parametrize("preset", PRESETS)
def test_ranges_make_sense_together(preset: str) -> None:
    p = parameters(preset)
    for name in VESICLES:
        kind = p.vesicle(name)
        assert kind.diameter_um[0] < kind.median_um < kind.diameter_um[1]
        assert kind.count[0] > 0
        assert 0.0 <= kind.runners <= 1.0
        assert kind.aspect[0] >= 1.0
    mitochondria = p.mitochondria
    assert mitochondria.length_um[0] < mitochondria.median_length_um < mitochondria.length_um[1]
    assert p.cell.elongation[0] >= 1.0
    bands = [*p.bands.green_nm, *p.bands.yellow_nm, *p.bands.red_nm]
    assert all(low < high for low, high in pairwise(bands))
    assert 0.0 <= p.optics.pedestal < 0.2
    assert 0.0 < p.optics.axial_scale <= p.optics.axial_scale_deep <= 1.0
    assert 0.0 < p.camera.qe <= 1.0
    assert 0.0 <= p.optics.vignette[1] < 0.5
    for width in (p.optics.lateral_fwhm_nm, p.optics.axial_fwhm_nm):
        assert min(width.green, width.yellow, width.red) > 30.0
    assert p.optics.lateral_fwhm_nm.yellow < p.optics.axial_fwhm_nm.yellow


@pytest.mark.parametrize("preset", PRESETS)
def test_compartments_keep_the_order_of_their_ratios(preset: str) -> None:
    p = parameters(preset)
    order = ("lipid_droplet", "plasma_membrane", "early_endosome", "lysosome", "golgi")
    order += ("peroxisome", "mitochondria", "er", "cytosol")
    stains = [p.dye.stain(name) for name in order]
    red = [band_ratios(stain.peak_nm, stain.fwhm_nm, p.bands)[0] for stain in stains]
    assert red == sorted(red)


def test_shifted_lies_outside_the_standard_ranges() -> None:
    standard, shifted = parameters(), parameters("shifted")
    assert shifted.cell == standard.cell
    assert shifted.light.er_photons[1] < standard.light.er_photons[0]
    assert shifted.light.background_photons[0] >= standard.light.background_photons[1]
    assert shifted.camera.read_noise_e > standard.camera.read_noise_e
    wider = shifted.optics.lateral_fwhm_nm.yellow / standard.optics.lateral_fwhm_nm.yellow
    assert 1.15 <= wider <= 1.25
    for seed in range(60_400, 60_410):
        one, other = (Optics.from_seed(seed, p.optics) for p in (standard, shifted))
        assert other.lateral_fwhm_um[0] > 1.1 * one.lateral_fwhm_um[0]
        assert other.drift_um_s != 0.0 == one.drift_um_s


def test_foreign_is_another_cell_on_the_same_microscope() -> None:
    standard, foreign = parameters(), parameters("foreign")
    assert foreign.optics == standard.optics
    assert foreign.camera == standard.camera
    assert foreign.dye == standard.dye
    assert foreign.cell.elongation[0] > standard.cell.elongation[1]
    assert foreign.mitochondria.median_length_um < standard.mitochondria.length_um[1] / 4
    assert foreign.early_endosome.count[1] < standard.early_endosome.count[0]
    assert foreign.lysosome.count[0] > standard.lysosome.count[1]
    assert foreign.nucleus.share[0] > standard.nucleus.share[1]


@pytest.mark.parametrize(
    ("preset", "lateral", "axial"),
    [("sim", (100, 120), (300, 350)), ("sted", (60, 70), (500, 600))],
)
def test_other_modalities_are_as_sharp_as_published(
    preset: str, lateral: tuple[float, float], axial: tuple[float, float]
) -> None:
    optics = parameters(preset).optics
    assert lateral[0] <= optics.lateral_fwhm_nm.yellow <= lateral[1]
    assert axial[0] <= optics.axial_fwhm_nm.yellow <= axial[1]
    assert parameters(preset).cell == parameters().cell
