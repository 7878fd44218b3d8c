from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cellrecording import OFFSET, PIXEL_UM, STEP_UM, Recording

from livesr.calibration.warp import ChromaticModel
from livesr.catalog import NAMES
from livesr.errors import StorageError
from livesr.storage.reader import open_session
from livesr.viewer import compose, registration
from livesr.viewer.loader import Loader, Picture, flattened
from livesr.viewer.state import View

if TYPE_CHECKING:
    from pathlib import Path


def loader_of(folder: Path) -> Loader:
    loader = Loader(open_session(folder))
    loader.refresh()
    return loader


def picture_of(loader: Loader, view: View) -> Picture:
    picture = loader.load(view)
    assert picture is not None
    return picture


def test_the_scene_is_what_the_session_says(recorded: Path) -> None:
    (scene,) = loader_of(recorded).scenes
    assert scene.shape == (6, 2, 4, 120, 120)
    assert scene.voxel_um == pytest.approx((STEP_UM, PIXEL_UM, PIXEL_UM))
    assert scene.structures == NAMES
    assert scene.stored == scene.segmented == (0, 1, 2)
    assert scene.simulated


def test_a_slice_is_that_plane_in_grey(recorded: Path) -> None:
    picture = picture_of(loader_of(recorded), View(t=1, z=2, channel="red"))
    raw = open_session(recorded).images[0].raw(1, 1, 2)
    assert np.array_equal(picture.values, raw)
    assert np.array_equal(picture.base, compose.to_grey(raw, picture.levels))
    assert (picture.t, picture.z, picture.channel) == (1, 2, "red")


def test_the_projection_is_the_maximum_over_planes(recorded: Path) -> None:
    loader = loader_of(recorded)
    image = open_session(recorded).images[0]
    view = View(t=0, z="max", structures=frozenset({"nucleus"}))
    picture = picture_of(loader, view)
    assert np.array_equal(picture.values, image.raw(0, 0).max(axis=0))
    number = NAMES.index("nucleus") + 1
    assert picture.labels is not None
    assert np.array_equal(picture.labels == number, image.mask("nucleus", 0).max(axis=0) == 1)


def test_intensity_and_ratio_come_from_both_channels(recorded: Path) -> None:
    loader = loader_of(recorded)
    yellow, red = (open_session(recorded).images[0].raw(0, c, 1) for c in (0, 1))
    mean = picture_of(loader, View(t=0, z=1, channel="intensity"))
    assert np.abs(mean.values - (yellow / 2 + red / 2)).max() <= 0.5
    ratio = picture_of(loader, View(t=0, z=1, channel="ratio"))
    assert ratio.base.shape == (120, 120, 3)
    assert np.array_equal(ratio.values, compose.ratio_of(yellow, red, OFFSET))


def test_lipid_droplets_are_drawn_bluer_than_the_er(recorded: Path) -> None:
    ratio = picture_of(loader_of(recorded), View(t=0, z=1, channel="ratio"))
    image = open_session(recorded).images[0]
    masks = {name: image.mask(name, 0, 1) == 1 for name in NAMES}
    alone = masks["er"] & ~np.any([masks[n] for n in compose.PAINT_ORDER[6:]], axis=0)
    droplets, er = (
        ratio.base[m].astype(float).mean(axis=0) for m in (masks["lipid_droplet"], alone)
    )
    assert droplets[2] > droplets[0]
    assert er[0] / er.sum() > droplets[0] / droplets.sum()


def test_levels_stay_as_they_were_first_until_asked_anew(recorded: Path) -> None:
    loader = loader_of(recorded)
    first = picture_of(loader, View(t=0, z=1)).levels
    assert picture_of(loader, View(t=2, z=3)).levels == first
    loader.relevel()
    assert picture_of(loader, View(t=2, z=3)).levels != first


def test_structures_that_are_off_are_not_drawn(recorded: Path) -> None:
    loader = loader_of(recorded)
    on = picture_of(loader, View(t=0, structures=frozenset({"er"}))).labels
    assert on is not None
    assert set(np.unique(on)) == {0, NAMES.index("er") + 1}
    off = picture_of(loader, View(t=0, labels=False)).labels
    assert off is not None
    assert not off.any()


def test_masks_on_the_networks_grid_lie_on_the_same_place(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "coarse", mask_um=2 * PIXEL_UM).add(1)
    view = View(t=0, z=1, structures=frozenset({"nucleus"}))
    picture = picture_of(loader_of(recording.finish().folder), view)
    assert picture.labels is not None
    assert picture.labels.shape == (60, 60)
    assert picture.label_pixel_um == pytest.approx((2 * PIXEL_UM, 2 * PIXEL_UM))
    drawn = flattened(picture, 1.0)
    nucleus = recording.cells[0].masks["nucleus"][1] == 1
    colour = (drawn == compose.colour_table(1.0)[NAMES.index("nucleus") + 1, :3]).all(axis=-1)
    assert (colour != nucleus).mean() < 0.02


def test_volumes_are_voxels_times_their_size(recorded: Path) -> None:
    volume = loader_of(recorded).volume(0, 1, "nucleus")
    voxels = np.count_nonzero(open_session(recorded).images[0].mask("nucleus", 1))
    assert volume == pytest.approx(voxels * STEP_UM * PIXEL_UM**2)


def test_nothing_stored_gives_no_picture(growing: Recording) -> None:
    loader = loader_of(growing.folder)
    assert loader.load(View()) is None
    assert not loader.progress.finished


def test_a_growing_session_is_followed(growing: Recording) -> None:
    loader = loader_of(growing.folder)
    growing.add(1)
    loader.refresh()
    assert picture_of(loader, View()).t == 0
    growing.store()
    loader.refresh()
    assert picture_of(loader, View()).t == 0
    unmasked = picture_of(loader, View(t=1))
    assert (unmasked.t, unmasked.labels) == (1, None)
    growing.segment(1)
    loader.refresh()
    assert picture_of(loader, View()).labels is not None


def test_one_channel_and_few_structures_are_enough(tmp_path: Path) -> None:
    recording = Recording(
        tmp_path / "single",
        channels=("yellow",),
        structures=("er", "nucleus"),
        unreliable=("golgi",),
    ).add(1)
    loader = loader_of(recording.finish().folder)
    assert loader.scenes[0].pictures == ("yellow",)
    assert loader.scenes[0].unreliable == ("golgi",)
    assert picture_of(loader, View(channel="ratio")).channel == "yellow"


def test_a_folder_that_is_gone_is_said_so(growing: Recording) -> None:
    loader = loader_of(growing.add(1).folder)
    growing.close()
    shutil.rmtree(growing.folder)
    with pytest.raises(StorageError, match="gone"):
        loader.refresh()


def test_a_damaged_stack_is_an_error_and_the_others_are_shown(growing: Recording) -> None:
    growing.add(2)
    for shard in (growing.folder / "image.ome.zarr" / "0" / "c" / "1").rglob("*"):
        if shard.is_file():
            shard.write_bytes(b"not a shard")
    loader = loader_of(growing.folder)
    with pytest.raises(StorageError):
        loader.load(View(t=1))
    assert picture_of(loader, View(t=0)).t == 0


def test_red_is_drawn_where_yellow_is(recorded: Path) -> None:
    (scene,) = loader_of(recorded).scenes
    shift = ChromaticModel(
        ((1.0, 0, 0, STEP_UM), (0, 1.0, 0, 3 * PIXEL_UM), (0, 0, 1.0, -2 * PIXEL_UM))
    )
    found = registration.register(shift, scene)
    assert [found.plane(z) for z in (0, 1, 3)] == [1, 2, 3]
    red = np.random.default_rng(60_003).integers(0, 900, (120, 120)).astype(np.uint16)
    moved = found.apply(red)
    assert np.array_equal(moved[:-3, 2:], red[3:, :-2])


def test_the_sessions_calibration_is_used_for_the_ratio(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Profile:
        def models(self) -> dict[str, ChromaticModel]:
            rows = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.2), (0.0, 0.0, 1.0, 0.0))
            return {"red": ChromaticModel(rows)}

    monkeypatch.setattr(registration, "load_profile", lambda _: Profile())
    session = open_session(recorded)
    session.settings["calibration"] = "somewhere"
    loader = Loader(session)
    loader.refresh()
    view = View(t=0, z=1, channel="ratio")
    with_it, without = picture_of(loader, view), picture_of(loader_of(recorded), view)
    assert not np.array_equal(with_it.values, without.values)


def test_a_calibration_that_cannot_be_read_is_done_without(recorded: Path) -> None:
    session = open_session(recorded)
    session.settings["calibration"] = "no/such/profile.yaml"
    loader = Loader(session)
    loader.refresh()
    assert picture_of(loader, replace(View(), channel="ratio")).base.shape == (120, 120, 3)
