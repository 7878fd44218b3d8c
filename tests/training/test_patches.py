from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.calibration.warp import ChromaticModel
from livesr.catalog import NAMES
from livesr.errors import ConfigError
from livesr.simulator.imaging.camera import CameraModel
from livesr.training.labelled import LabelledStack
from livesr.training.plan import Augmentation, FieldPlan
from livesr.training.sampling.fields import (
    Field,
    field_of,
    made_fields,
    make_fields,
    pack,
    read_field,
    write_field,
)
from livesr.training.sampling.patches import PatchMaker, around_box, coverage, turned
from livesr.types import Grid, Normalisation

if TYPE_CHECKING:
    from pathlib import Path

PIXEL = 0.0668


def square_field(side: int = 120, planes: int = 8) -> Field:
    """A field with one bright square of lipid droplet in the middle of every plane."""
    photons = np.full((2, planes, side, side), 5, np.float16)
    truth = {name: np.zeros((planes, side, side), bool) for name in NAMES}
    middle = slice(side // 2 - 20, side // 2 + 20)
    truth["lipid_droplet"][:, middle, middle] = True
    photons[0][truth["lipid_droplet"]] = 500
    photons[1][truth["lipid_droplet"]] = 50
    centres = {name: [(side // 2, side // 2)] if mask.any() else [] for name, mask in truth.items()}
    grid = Grid((planes, side, side), (0.3, PIXEL, PIXEL))
    norm = Normalisation(100.0, 0.3)
    return Field(photons, pack(truth), grid, ChromaticModel.identity(), norm, centres)


def maker(augmentation: Augmentation, **changes: object) -> PatchMaker:
    sampling = {"lipid_droplet": 1.0, "golgi": 1.0}
    plain = PatchMaker((8, 32, 32), (0.3, 0.1, 0.1), augmentation, sampling, CameraModel())
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


def test_coverage_is_the_covered_share() -> None:
    words = np.zeros((1, 6, 6), np.uint16)
    words[0, :, :3] = 1 << 4
    words[0, 0, 0] |= 1 << 14
    cover = coverage(words, (4, 4))
    assert cover[4, 0, 0].tolist() == [255, 255, 0, 0]
    assert cover[14, 0, 0, 0] == round(255 / 2.25)
    assert cover[0].max() == 0


@pytest.mark.parametrize("fine", [7, 30, 31])
def test_coverage_keeps_areas(fine: int) -> None:
    rng = np.random.default_rng(60_000)
    words = (rng.random((2, fine, fine)) < 0.3).astype(np.uint16)
    cover = coverage(words, (5, 5))[0].astype(float) / 255
    assert cover.mean(axis=(1, 2)) == pytest.approx(words.mean(axis=(1, 2)), abs=0.003)


def test_target_lies_where_the_light_is() -> None:
    patch = maker(Augmentation.none()).draw(square_field(), np.random.default_rng(60_000))
    assert patch.features.shape == (2, 8, 32, 32)
    assert patch.target.shape == (15, 8, 32, 32)
    inside, outside = patch.target[0] == 255, patch.target[0] == 0
    assert inside.any()
    assert outside.any()
    assert patch.features[0][inside].min() > patch.features[0][outside].max()


def test_equal_generators_give_equal_patches_and_others_differ() -> None:
    draw = maker(Augmentation()).draw
    a, b, c = (draw(square_field(), np.random.default_rng(s)) for s in (60_000, 60_000, 60_001))
    assert np.array_equal(a.features, b.features)
    assert np.array_equal(a.target, b.target)
    assert not np.array_equal(a.features, c.features)


def test_exposure_leaves_the_features_alike() -> None:
    bright = replace(Augmentation.none(), exposure=(2.0, 2.0))
    rng = np.random.default_rng
    usual = maker(Augmentation.none()).draw(square_field(), rng(60_000))
    brighter = maker(bright).draw(square_field(), rng(60_000))
    inside = usual.target[0] == 255
    assert brighter.features[0][inside].mean() == pytest.approx(
        usual.features[0][inside].mean(), rel=0.05
    )


def test_ratio_dropout_leaves_zeros() -> None:
    without = replace(Augmentation.none(), no_ratio=1.0)
    patch = maker(without).draw(square_field(), np.random.default_rng(60_000))
    assert not patch.features[1].any()
    assert patch.features[0].any()


def test_a_recording_is_made_dimmer_with_the_noise_of_less_light() -> None:
    rng = np.random.default_rng(60_000)
    field = replace(square_field(), measured=True)
    clean = field.photons.astype(np.float32)
    clean += np.sqrt(clean) * rng.standard_normal(clean.shape, np.float32)
    field = replace(field, photons=np.maximum(clean, 0).astype(np.float16))
    dim = maker(replace(Augmentation.none(), exposure=(0.25, 0.25)))
    counts = dim._dimmed(np.maximum(clean, 0), 0.25, 1.0, rng).astype(float) - CameraModel().offset
    bright = field.truth[:] & 1 > 0
    electrons = counts[0][bright] * CameraModel().gain_e_per_adu
    expected = 500 * 0.25 * CameraModel().qe
    assert electrons.mean() == pytest.approx(expected, rel=0.02)
    assert electrons.var() == pytest.approx(expected, rel=0.1)
    assert dim.draw(field, rng).features[0].std() > 0


def test_a_recording_is_never_made_brighter() -> None:
    field = replace(square_field(), measured=True)
    make = maker(replace(Augmentation.none(), exposure=(2.0, 3.0)))
    assert make._exposure(field, np.random.default_rng(60_000)) == 1.0


def test_what_is_not_known_of_a_field_is_said() -> None:
    field = replace(square_field(), known=("lipid_droplet", "golgi"))
    patch = maker(Augmentation.none()).draw(field, np.random.default_rng(60_000))
    assert patch.known is not None
    assert [n for n, k in zip(NAMES, patch.known, strict=True) if k] == ["lipid_droplet", "golgi"]
    assert turned(patch, np.random.default_rng(0)).known is patch.known


def test_a_field_smaller_than_a_patch_is_refused_with_the_numbers() -> None:
    make = maker(Augmentation.none(), shape=(8, 96, 96))
    with pytest.raises(ConfigError, match=r"120 x 120 pixels .* too small .* 96 voxels"):
        make.draw(square_field(), np.random.default_rng(60_000))


def test_a_labelled_recording_becomes_a_field() -> None:
    rng = np.random.default_rng(60_000)
    camera = CameraModel()
    grid = Grid((5, 60, 60), (0.6, PIXEL, PIXEL))
    data = rng.poisson(40, (2, 5, 60, 60)).astype(np.uint16) + np.uint16(100)
    mask = np.zeros((5, 60, 60), bool)
    mask[2, 20:30, 30:40] = True
    stack = LabelledStack(
        data, grid, 100.0, ChromaticModel.identity(), {"golgi": mask}, name="mine"
    )
    field = field_of(stack, camera, rng)
    assert field.measured
    assert field.known == ("golgi",)
    golgi = (field.truth >> NAMES.index("golgi")) & 1
    assert golgi.shape == (9, 60, 60)  # planes of 0.3 µm between those of 0.6 µm
    assert [int(k) for k in np.flatnonzero(golgi.any(axis=(1, 2)))] == [3, 4, 5]
    electrons = field.photons.astype(float).mean() * camera.qe / camera.gain_e_per_adu
    assert electrons == pytest.approx(40, rel=0.01)
    assert all(20 <= y < 30 and 30 <= x < 40 for y, x in field.centres["golgi"])


def test_planes_may_be_fewer_and_apart() -> None:
    rng = np.random.default_rng(60_000)
    assert maker(Augmentation.none()).draw(square_field(), rng, 4).target.shape[1] == 4
    apart = maker(Augmentation.none(), shape=(3, 32, 32), planes_apart=True)
    assert apart.draw(square_field(), rng).target.shape[1] == 3


def test_turning_keeps_features_and_target_together() -> None:
    patch = maker(Augmentation.none()).draw(square_field(), np.random.default_rng(60_000))
    seen = set()
    for seed in range(40):
        other = turned(patch, np.random.default_rng(seed))
        seen.add(other.features.tobytes())
        inside = other.target[0] == 255
        assert other.features[0][inside].sum() == pytest.approx(
            patch.features[0][patch.target[0] == 255].sum(), rel=1e-5
        )
    assert len(seen) == 8


def test_chromatic_model_of_a_box_is_the_fields() -> None:
    affine = ((1.0, 0.0, 0.0, 0.2), (0.0, 1.001, 0.002, 0.1), (0.0, -0.002, 1.001, -0.15))
    bowl = tuple(tuple(0.05 * (t in (3, 5)) for t in range(6)) for _ in range(3))
    model = ChromaticModel(affine, bowl, 2, 30.0)
    field = replace(square_field(400), chromatic=model)
    box = (slice(40, 240), slice(150, 350))
    local = around_box(field, box, PIXEL)
    centre = [(e.start + (e.stop - e.start - 1) / 2 - 199.5) * PIXEL for e in box]
    for y, x in ((0.0, 0.0), (4.0, -3.0), (-6.5, 6.5)):
        expected = model.displacement(y + centre[0], x + centre[1])
        assert np.allclose(local.displacement(y, x), expected, atol=1e-6)


def test_fields_survive_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "field-60000"
    field = replace(square_field(), chromatic=ChromaticModel(radius_um=3.0))
    write_field(field, folder)
    back = read_field(folder)
    assert np.array_equal(back.photons, field.photons)
    assert np.array_equal(back.truth, field.truth)
    assert (back.grid, back.chromatic, back.norm) == (field.grid, field.chromatic, field.norm)
    assert back.centres["lipid_droplet"] == [[60, 60]]
    assert made_fields(folder.parent) == [folder]
    (folder / "field.json").unlink()
    assert made_fields(folder.parent) == []


def test_simulated_fields_hold_light_and_truth(tmp_path: Path) -> None:
    root = tmp_path
    plan = FieldPlan(shape=(96, 96), usual_z_step=0.0, z_step_um=(0.5, 0.6))
    make_fields(root, [60_000], plan)
    (folder,) = made_fields(root)
    field = read_field(folder)
    assert field.photons.shape[0] == 2
    assert field.photons.min() > 0
    assert field.truth.shape[0] >= 24  # enough of the networks' planes for a patch
    assert field.truth.shape[1:] == field.photons.shape[2:] == (96, 96)
    assert field.norm.intensity > 0
    before = (folder / "field.json").stat().st_mtime_ns
    make_fields(root, [60_000], plan)
    assert (folder / "field.json").stat().st_mtime_ns == before
