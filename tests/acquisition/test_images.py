"""Images of a session: one a position, and one more for each further mode of it."""

from __future__ import annotations

from livesr.acquisition.images import Images
from livesr.types import Mode, RecordingInfo

INFO = RecordingInfo(
    channels=("yellow", "red"), shape=(2, 24, 64, 64), timepoints=9, positions=2, pixel_um=0.1,
    z_step_um=0.3, interval_s=60.0, camera_offset=100.0, microscope="", camera="", objective="",
    simulated=True, modes=(Mode("division", 54, 99),), steered=True,
)  # fmt: skip


def test_numbers_are_given_as_images_begin() -> None:
    images, begun = Images(INFO), []
    images.on_begin = lambda *one: begun.append(one)
    assert [images.number(p, 0) for p in range(2)] == [0, 1]
    assert images.number(1, 1) == 2
    assert images.number(1, 1) == 2
    assert images.number(0, 1) == 3
    assert begun == [(2, 1, 1), (3, 0, 1)]
    assert [images.position(n) for n in range(len(images))] == [0, 1, 1, 0]
    again = Images(INFO, [(1, 1)])
    assert (again.position(2), again.mode(2)) == (1, 1)


def test_each_image_has_its_shape() -> None:
    images = Images(INFO)
    images.number(0, 1)
    assert images.info(1).shape == (2, 24, 64, 64)
    assert images.info(2).shape == INFO.tallest == (2, 54, 64, 64)
    assert (images.info(1).timepoints, images.info(2).timepoints) == (9, 99)
