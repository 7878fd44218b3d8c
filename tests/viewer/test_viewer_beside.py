from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.analysis.objects.columns import COLUMNS
from livesr.analysis.objects.measure import find_all, measure_objects
from livesr.catalog import BY_NAME, NAMES
from livesr.errors import CalibrationError
from livesr.storage.folder import OBJECTS_FILE
from livesr.storage.parts import PartsWriter, StackRows, merge
from livesr.storage.reader import open_session
from livesr.types import Masks, StackIndex
from livesr.viewer import compose, solid, state
from livesr.viewer.beside import BesideFolder
from livesr.viewer.error_map import error_picture, plasma
from livesr.viewer.histogram import BINS, histogram_of
from livesr.viewer.loader import Loader
from livesr.viewer.pointed import Pointed, Pointer
from livesr.viewer.sections import Sections
from livesr.viewer.state import View

if TYPE_CHECKING:
    from pathlib import Path

    from cellrecording import Recording


@pytest.fixture
def loader(recorded: Path) -> Loader:
    loader = Loader(open_session(recorded))
    loader.refresh()
    return loader


def sections(loader: Loader, view: View) -> Sections:
    beside = loader.beside()
    assert list(beside.wanted(view, None)) == ["sections"]
    made = beside.make("sections", view, None)
    assert isinstance(made, Sections)
    return made


def test_sections_cut_the_planes_that_are_stored(loader: Loader) -> None:
    pixel = loader.scenes[0].voxel_um[1]
    view = View(t=1, z=2, panes="sections", cursor=(31.5 * pixel, 70.5 * pixel), channel="red")
    made = sections(loader, view)
    picture = loader.load(view)
    assert picture is not None
    raw = loader.session.images[0].raw(1, 1)
    assert np.array_equal(made.xz.base, compose.to_grey(raw[:, 31], picture.levels))
    assert np.array_equal(made.yz.base, compose.to_grey(raw[:, :, 70], picture.levels))
    assert made.xz.base[2].tolist() == picture.base[31].tolist()
    assert made.xz.extent_um == pytest.approx((4 * 0.3, 120 * pixel))
    assert made.at_um == pytest.approx((0.75, 31.5 * pixel, 70.5 * pixel))


def test_labels_in_sections_are_those_of_the_plane(loader: Loader) -> None:
    made = sections(loader, View(t=0, z=1, panes="sections"))
    picture = loader.load(View(t=0, z=1))
    assert picture is not None
    assert picture.labels is not None
    assert made.xz.labels is not None
    assert made.yz.labels is not None
    assert np.array_equal(made.xz.labels[1], picture.labels[60])
    assert np.array_equal(made.yz.labels[1], picture.labels[:, 60])


def test_the_ratio_is_cut_too(loader: Loader) -> None:
    made = sections(loader, View(t=0, panes="sections", channel="ratio"))
    assert made.xz.base.shape == (4, 120, 3)
    assert np.ptp(made.xz.base.astype(int), axis=-1).max() > 40


def block(z: slice, y: slice, x: slice, name: str = "lysosome") -> solid.Solid:
    labels = np.zeros((10, 40, 40), np.uint8)
    labels[z, y, x] = NAMES.index(name) + 1
    return solid.Solid(labels, (0.3, 0.1, 0.1))


def middle_of(picture: solid.SolidPicture, name: str) -> tuple[float, float]:
    """Return the middle (x, y) of what has a structure's hue, from the picture's own."""
    colour = np.array(list(bytes.fromhex(BY_NAME[name].color)), float)
    light = picture.image.astype(float)
    shade = light @ colour / (colour @ colour)
    y, x = np.nonzero((shade > 0.3) & (np.abs(light - shade[..., None] * colour).max(-1) < 6))
    assert len(y) > 20
    return float(x.mean()) - picture.image.shape[1] / 2, float(y.mean()) - len(picture.image) / 2


def test_what_is_right_above_and_high_is_seen_there() -> None:
    place = slice(2, 6), slice(4, 12), slice(28, 36)  # above and right in the plane, low
    x, y = middle_of(solid.draw(block(*place), (0.0, 0.0), 200), "lysosome")
    assert x > 20
    assert y < -20
    high = slice(8, 10), slice(16, 24), slice(16, 24)
    x, y = middle_of(solid.draw(block(*high), (0.0, 90.0), 200), "lysosome")
    assert abs(x) < 4
    assert y < -20


def test_the_nearer_hides_the_farther_and_glass_does_not() -> None:
    near, far = slice(7, 9), slice(2, 4)
    wide, small = slice(8, 32), slice(16, 24)
    both = block(far, small, small)
    both.labels[near, wide, wide] = NAMES.index("golgi") + 1
    middle = solid.draw(both, (0.0, 0.0), 200).image[100, 100].astype(int)
    golgi = np.array(list(bytes.fromhex(BY_NAME["golgi"].color)))
    assert np.abs(middle - golgi).max() < 40
    both.labels[near, wide, wide] = NAMES.index("plasma_membrane") + 1
    through = solid.draw(both, (0.0, 0.0), 200).image[100, 100].astype(int)
    lysosome = np.array(list(bytes.fromhex(BY_NAME["lysosome"].color)))
    assert np.abs(through - lysosome).max() < 60


def test_a_large_field_is_made_coarser_and_thin_structures_stay() -> None:
    labels = np.full((2, 1, 600), NAMES.index("cytosol") + 1, np.uint8)
    labels[0, 0, 301] = NAMES.index("lysosome") + 1
    small = solid.coarse(labels, (0.3, 0.1, 0.1))
    assert small.labels.shape == (2, 1, 200)
    assert small.voxel_um == pytest.approx((0.3, 0.3, 0.3))
    assert small.labels[0, 0, 100] == NAMES.index("lysosome") + 1
    assert (small.labels[1] == NAMES.index("cytosol") + 1).all()


def test_the_object_under_the_mouse_is_the_tables(growing: Recording) -> None:
    growing.add(1)
    loader = Loader(open_session(growing.folder))
    loader.refresh()
    image = loader.session.images[0]
    masks = Masks(
        {"nucleus": image.mask("nucleus", 0)}, image.mask_grid("nucleus"), StackIndex(0, 0)
    )
    found = find_all(masks, structures=["nucleus"], least_um3={})
    rows = dict(measure_objects(masks, found))
    view = View(t=0, z=1, structures=frozenset({"nucleus"}))
    middle = (60.5 * image.voxel_um[1], 60.5 * image.voxel_um[2])
    before = BesideFolder(loader).make("pointed", view, middle)
    assert isinstance(before, Pointed)
    assert (before.structure, before.from_table) == ("nucleus", False)
    if before.label:
        rows["volume_um3"] = np.array([123.4])
        PartsWriter(growing.folder / OBJECTS_FILE, COLUMNS).write(StackIndex(0, 0), rows)
        after = BesideFolder(loader).make("pointed", view, middle)
        assert isinstance(after, Pointed)
        assert after.from_table
        assert ("volume", "123 µm³") in after.numbers
    assert BesideFolder(loader).make("pointed", view, (0.1, 0.1)) is None
    assert BesideFolder(loader).make("pointed", view, (-5.0, 1.0)) is None


def test_a_point_of_a_projection_is_found_in_its_topmost_plane(loader: Loader) -> None:
    pointer = Pointer(loader.planes, loader.session.folder)
    mask = loader.session.images[0].mask("mitochondria", 0)
    _, y, x = (int(k[0]) for k in np.nonzero(mask))
    labels = compose.label_image({"mitochondria": mask.max(axis=0)}, mask.shape[1:], contour=False)
    pixel = loader.scenes[0].voxel_um[1:]
    place = (y + 0.5) * pixel[0], (x + 0.5) * pixel[1]
    pointed = pointer.at(0, 0, "max", labels, pixel, place)
    assert pointed is not None
    assert pointed.structure == "mitochondria"
    assert ("speck" in pointed.title) == (pointed.label == 0)


def test_tables_are_read_stack_by_stack_in_parts_and_closed(tmp_path: Path) -> None:
    table, columns = tmp_path / OBJECTS_FILE, COLUMNS[:5]
    writer = PartsWriter(table, columns)
    rows = StackRows(table, ("time_s", "structure"))
    assert list(rows.new()) == []
    assert rows.of(StackIndex(0, 0)) == {"time_s": [], "structure": []}
    for t, names in ((0, ["er"]), (1, ["er", "golgi"])):
        many = len(names)
        writer.write(StackIndex(0, t), {
            "image": np.zeros(many, int), "t": np.full(many, t), "time_s": np.full(many, 2.0 * t),
            "structure": np.array(names), "label": np.arange(many) + 1,
        })  # fmt: skip
    assert dict(rows.new())[StackIndex(0, 1)]["structure"] == ["er", "golgi"]
    assert list(rows.new()) == []
    merge(table, columns, [StackIndex(0, 0), StackIndex(0, 1)])
    assert [index.t for index, _ in rows.new()] == [0, 1]
    assert rows.of(StackIndex(0, 1)) == {"time_s": [2.0, 2.0], "structure": ["er", "golgi"]}


def test_the_error_map_lies_over_the_field(loader: Loader) -> None:
    scene = loader.scenes[0]
    error = error_picture({"calibration": "simulated"}, scene)
    assert error.extent_um == pytest.approx((120 * 0.0668, 120 * 0.0668))
    assert 0 < error.low_nm <= error.high_nm
    assert {tuple(c) for c in error.rgba[::9, ::9, :3].reshape(-1, 3)} <= set(map(tuple, plasma()))
    with pytest.raises(CalibrationError, match="no calibration"):
        error_picture({"calibration": "none"}, scene)


def test_the_histogram_counts_pixels() -> None:
    values = np.full((60, 60), 100, np.uint16)
    values[:, 30:] = 900
    found = histogram_of(values, compose.Levels(100, 900))
    assert found.heights.shape == (BINS,)
    assert np.count_nonzero(found.heights) == 2
    assert found.heights.max() == pytest.approx(1 + np.log10(0.5) / 5)
    assert found.low < 100
    assert found.high > 900


def test_contrast_by_hand_is_kept_by_channel(loader: Loader) -> None:
    view = state.with_contrast(View(t=0, z=1, channel="red"), "red", (150.0, 160.0))
    picture = loader.load(view)
    assert picture is not None
    assert picture.levels == compose.Levels(150.0, 160.0)
    assert np.array_equal(picture.base, compose.to_grey(picture.values, picture.levels))
    other = loader.load(View(t=0, z=1, channel="yellow", contrast=view.contrast))
    assert other is not None
    assert other.levels != picture.levels
    assert state.with_contrast(view, "red", None).contrast == ()
