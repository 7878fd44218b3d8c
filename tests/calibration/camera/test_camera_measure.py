"""Dark and lit frames of a simulated camera give its maps back, or a reason why they cannot."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.bench.camera_case import REGIONS, Errors, SimulatedFrames, Truth, instrument_of
from livesr.calibration.camera.found import Region
from livesr.calibration.camera.frames import flat_moments
from livesr.calibration.camera.measure import measure_camera
from livesr.config.layouts import Rectangle
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.calibration.camera.found import CameraCalibration

OPTICS, FIELD = 60_710, 128
LEVELS = ((50.0, 20), (1000.0, 20), (20_000.0, 20))


def frames(
    seed: int, *series: tuple[float, int], optics: int = OPTICS, fading: float = 0.0
) -> SimulatedFrames:
    return SimulatedFrames(instrument_of(seed, optics, FIELD), series, fading)


@dataclass
class Changed:
    """Frames that somebody spoilt."""

    of: SimulatedFrames
    add: float = 0.0
    times: np.ndarray | float = 1.0
    most: int = 65_535
    source: str = "spoilt.tif"
    shape: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.shape = self.of.shape

    def __iter__(self) -> Iterator[np.ndarray]:
        for frame in self.of:
            yield np.minimum(frame + np.rint(self.add * np.asarray(self.times)), self.most).astype(
                np.uint16
            )


@lru_cache
def darks() -> list[np.ndarray]:
    return list(frames(60_711, (0.0, 100)))


@lru_cache
def flats() -> list[np.ndarray]:
    return list(frames(60_712, *LEVELS))


@dataclass
class Kept:
    images: list[np.ndarray]
    source: str = "kept.tif"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.images[0].shape

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.images)


def measured(dark: object = None, flat: object = None) -> CameraCalibration:
    return measure_camera([dark or Kept(darks())], [flat or Kept(flats())], REGIONS)


def truth() -> Truth:
    return Truth.of(instrument_of(60_711, OPTICS, FIELD))


@pytest.fixture(scope="module")
def found() -> CameraCalibration:
    return measured()


def test_maps_are_the_cameras_own(found: CameraCalibration) -> None:
    errors = Errors.of(found, truth())
    # 100 darks: the square root of two worse than 200, which reach 0.2 counts in 95 of 100 pixels
    assert np.sqrt(np.mean(errors.offset**2)) < 0.15
    assert np.sqrt(np.mean(errors.offset**2)) == pytest.approx(found.offset_error, rel=0.1)
    assert np.mean(np.abs(errors.gain) < 0.01) > 0.999
    assert np.sqrt(np.mean(errors.gain**2)) == pytest.approx(found.response_error, rel=0.1)
    assert abs(errors.noise) < 0.03
    assert found.gain_e_per_adu == pytest.approx((1.2, 1.2), rel=0.01)
    assert max(map(abs, found.linearity)) < 0.02
    (warning,) = found.warnings
    assert "darks would make that 0.2" in warning


def test_light_is_told_from_pixels(found: CameraCalibration) -> None:
    light = truth().light
    even = found.maps.flat / (light / light.mean(axis=(1, 2), keepdims=True))
    assert np.abs(even - 1).max() < 0.003


def test_hot_pixels_are_found(found: CameraCalibration) -> None:
    offset = truth().offset
    hot = np.abs(offset - np.median(offset)) > 20
    assert hot.sum() >= 1
    assert found.maps.hot[hot].all()
    assert found.maps.hot.sum() < hot.sum() + 10


def test_ratio_is_even_after_correction(found: CameraCalibration) -> None:
    dim, bright = found.ratios
    assert dim.apart
    assert bright.after.std() < 0.4 * bright.before.std()
    assert dim.after.std() < dim.before.std()
    for one in (dim, bright):
        assert one.after.std() ** 2 - one.noise**2 < 0.01**2


def test_a_splitters_channels_are_cut_flipped_and_turned() -> None:
    """The same frames, as one sensor image: yellow turned, red mirrored below it."""

    def sensor(frame: np.ndarray) -> np.ndarray:
        yellow, red = np.rot90(frame[0], -1), frame[1][:, ::-1]
        return np.concatenate([yellow, red])[None]

    parts = (
        Rectangle(name="yellow", x=0, y=0, width=FIELD, height=FIELD, quarter_turns=1),
        Rectangle(name="red", x=0, y=FIELD, width=FIELD, height=FIELD, flip="horizontal"),
    )
    regions = [Region(part.name, 0, part) for part in parts]
    one, other = (Kept([sensor(frame) for frame in kept]) for kept in (darks(), flats()))
    found, wanted = measure_camera([one], [other], regions), measured()
    np.testing.assert_allclose(found.maps.flat, wanted.maps.flat, atol=1e-3)
    for c, region in enumerate(regions):
        for name in ("offset", "response"):
            mine = region.stored(region.cut(getattr(found.maps, name)))
            np.testing.assert_allclose(mine, getattr(wanted.maps, name)[c], atol=2e-3)


def test_a_lamp_that_fades_is_followed() -> None:
    fading = measured(flat=frames(60_712, *LEVELS, fading=0.1))
    errors = Errors.of(fading, truth())
    assert np.sqrt(np.mean(errors.gain**2)) < 1.3 * fading.response_error
    assert fading.gain_e_per_adu == pytest.approx((1.2, 1.2), rel=0.01)
    assert sum("lamp was not steady" in warning for warning in fading.warnings) == len(LEVELS)


def test_levels_are_told_apart_by_their_light() -> None:
    zero = np.full((2, FIELD, FIELD), 100.0, np.float32)
    levels = list(flat_moments(Kept(flats()), zero))
    assert [level.frames for level in levels] == [20, 20, 20]
    assert [level.first for level in levels] == [0, 20, 40]


def refused(match: str, dark: object = None, flat: object = None) -> CalibrationError:
    with pytest.raises(CalibrationError, match=match) as error:
        measured(dark, flat)
    assert error.value.where
    assert error.value.fix
    return error.value


def test_bad_darks_are_refused() -> None:
    refused("are too few", dark=Kept(darks()[:10]))
    refused("not dark: their means go from", dark=Kept([*darks()[:20], *flats()[-20:]]))
    refused("no brighter than the darks", dark=Kept(flats()[:20]), flat=Kept(darks()))
    light = truth().light / truth().light.mean()
    lit = frames(60_713, (80.0, 60))  # evenly, so that only the pixels' response tells
    assert "shutter" in refused("shows the pixels' response", dark=lit, flat=brighter()).fix
    shaped = 1 + 10 * (light - light.mean())
    leak = Changed(frames(60_713, (0.0, 60)), add=60.0, times=shaped, source="leak.tif")
    bowl = Changed(brighter(), add=500.0, times=shaped)
    assert refused("shaped as the flats", dark=leak, flat=bowl).where == "leak.tif"


def brighter() -> SimulatedFrames:
    return frames(60_714, (2000.0, 20), (20_000.0, 20))


def test_bad_flats_are_refused() -> None:
    refused("1 level of light", flat=frames(60_714, (2000.0, 20)))
    refused("too few, 8 are the least", flat=frames(60_714, (50.0, 20), (2000.0, 4)))
    refused("flats are too dim: at", flat=frames(60_714, (3.0, 20), (6.0, 20)))
    refused("too dim or too few: one", flat=frames(60_714, (20.0, 10), (60.0, 10)))
    full = Changed(frames(60_714, (50.0, 20), (20_000.0, 20)), most=12_000)
    refused("are saturated", flat=full)
    off = refused("no brighter", flat=frames(60_714, (0.0, 20), (2000.0, 20)))
    assert "from frame 0" in off.where


def test_frames_that_do_not_belong_together_are_refused() -> None:
    refused("another camera", flat=frames(60_714, *LEVELS, optics=60_719))
    small = Kept([frame[:, 1:] for frame in flats()])
    refused("2 × 127 × 128", flat=small)
    with pytest.raises(CalibrationError, match="3 channels are named"):
        measure_camera([Kept(darks())], [Kept(flats())], [*REGIONS, Region("green", 2)])


def test_a_camera_without_enough_darks_says_how_many_more() -> None:
    (warning,) = measured(dark=Kept(darks()[:40])).warnings
    assert "40 darks: the offset of one pixel in twenty" in warning


def test_one_channel_has_no_ratio() -> None:
    one, other = (Kept([frame[:1] for frame in kept]) for kept in (darks(), flats()))
    found = measure_camera([one], [other], [replace(REGIONS[0])])
    assert found.ratios == ()
    assert found.maps.flat.shape == (1, FIELD, FIELD)
