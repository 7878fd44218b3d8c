"""Recorded images as a camera: axes and scales of each format, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import zarr
from storage_helpers import make_info, make_stack, real_data

from livesr.errors import ConfigError, HardwareError, LivesrError
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, image_path
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal
from livesr.storage.recording import Recording, open_recording
from livesr.types import StackIndex

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"T": 3, "C": 2, "Z": 4, "Y": 24, "X": 32}
RNG = np.random.default_rng(62_000)
DATA = RNG.integers(0, 65_535, tuple(SIZES[a] for a in "TCZYX"), dtype=np.uint16)
PIXEL = 0.0668


def ordered(axes: str, data: np.ndarray = DATA) -> np.ndarray:
    """The data (t, c, z, y, x) with its axes in another order; absent axes at index 0."""
    kept = data[tuple(slice(None) if axis in axes else 0 for axis in "TCZYX")]
    present = [axis for axis in "TCZYX" if axis in axes]
    return np.ascontiguousarray(kept.transpose([present.index(axis) for axis in axes]))


def write_ome(path: Path, axes: str, data: np.ndarray = DATA, **options: object) -> None:
    metadata = {
        "axes": axes, "PhysicalSizeX": 66.8, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 66.8,
        "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 0.3, "TimeIncrement": 12_500,
        "TimeIncrementUnit": "ms",
    }  # fmt: skip
    tifffile.imwrite(path, ordered(axes, data), metadata=metadata, **options)


def write_imagej(path: Path, axes: str, data: np.ndarray = DATA) -> None:
    metadata = {"axes": axes, "spacing": 0.3, "unit": "um", "finterval": 12.5}
    resolution = (1 / PIXEL, 1 / PIXEL)
    tifffile.imwrite(
        path, ordered(axes, data), imagej=True, resolution=resolution, metadata=metadata
    )


def write_plain(path: Path, planes: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as writer:
        for plane in planes:
            writer.write(plane, metadata=None, contiguous=False)


def write_ngff(path: Path, axes: str, version: str) -> None:
    units = {"T": "millisecond", "C": None, "Z": "micrometer", "Y": "nanometer", "X": "nanometer"}
    kinds = {"T": "time", "C": "channel"}
    scales = {"T": 12_500.0, "C": 1.0, "Z": 0.3, "Y": 66.8, "X": 66.8}
    entries = [{"name": a.lower(), "type": kinds.get(a, "space"), "unit": units[a]} for a in axes]
    transform = {"type": "scale", "scale": [scales[a] for a in axes]}
    dataset = {"path": "0", "coordinateTransformations": [transform]}
    block = {"multiscales": [{"version": version, "axes": entries, "datasets": [dataset]}]}
    v3 = version == "0.5"
    group = zarr.open_group(path, mode="w", zarr_format=3 if v3 else 2)
    group.attrs.update({"ome": block} if v3 else block)
    group.create_array("0", data=ordered(axes), chunks=(1,) * (len(axes) - 2) + (24, 32))


def check(recording: Recording, axes: str) -> None:
    """The recording is DATA, as far as its axes go."""
    sizes = [SIZES[axis] if axis in axes else 1 for axis in "TCZYX"]
    assert recording.shape == tuple(sizes)
    assert recording.pixel_um == pytest.approx(PIXEL)
    assert recording.z_step_um == pytest.approx(0.3 if "Z" in axes else 0.0)
    assert recording.interval_s == pytest.approx(12.5 if "T" in axes else 0.0)
    for t, c, z in np.ndindex(*sizes[:3]):
        plane = recording.plane(t, c, z)
        assert plane.dtype == np.uint16
        assert plane.flags.owndata
        assert np.array_equal(plane, DATA[t, c, z])


@pytest.mark.parametrize("axes", ["TCZYX", "TZCYX", "CTZYX", "ZTCYX", "TCYX", "TZYX", "CZYX", "YX"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_ome_tiff(tmp_path: Path, axes: str, compression: str | None, byteorder: str) -> None:
    path = tmp_path / "r.ome.tif"
    write_ome(path, axes, compression=compression, byteorder=byteorder)
    with open_recording(path) as recording:
        check(recording, axes)


@pytest.mark.parametrize("axes", ["TZCYX", "TZYX", "ZCYX", "TYX"])
def test_imagej_tiff(tmp_path: Path, axes: str) -> None:
    write_imagej(tmp_path / "r.tif", axes)
    with open_recording([tmp_path / "r.tif"]) as recording:
        check(recording, axes)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["TCZYX", "ZYX", "CTZYX"])
def test_ome_zarr(tmp_path: Path, axes: str, version: str) -> None:
    write_ngff(tmp_path / "r.zarr", axes, version)
    with open_recording(str(tmp_path / "r.zarr")) as recording:
        check(recording, axes)


def test_plain_tiff_needs_its_axes_and_scales(tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    write_plain(path, DATA[0, 0])
    with pytest.raises(ConfigError, match=r"shape is \(4, 24, 32\)") as caught:
        open_recording(path)
    assert "recording.axes" in caught.value.fix
    with pytest.raises(ConfigError, match="does not say its pixel_um"):
        open_recording(path, axes="zyx")
    with pytest.raises(ConfigError, match="does not say its z_step_um"):
        open_recording(path, axes="zyx", pixel_um=0.1)
    with open_recording(path, axes="zyx", pixel_um=0.1, z_step_um=0.5) as recording:
        assert recording.shape == (1, 1, 4, 24, 32)
        assert (recording.pixel_um, recording.z_step_um) == (0.1, 0.5)
        assert np.array_equal(recording.plane(0, 0, 3), DATA[0, 0, 3])
    with open_recording(path, axes="TXY", pixel_um=0.1) as recording:
        assert recording.shape == (4, 1, 1, 32, 24)
        assert np.array_equal(recording.plane(2, 0, 0), DATA[0, 0, 2].T)


@pytest.mark.parametrize("axes", ["zy", "tzyx", "zzx", "syx", "yxz", "zxx", "qyx"])
def test_axes_that_do_not_fit_are_refused(tmp_path: Path, axes: str) -> None:
    path = tmp_path / "plain.tif"
    write_plain(path, DATA[0, 0])
    with pytest.raises(ConfigError, match="do not describe"):
        open_recording(path, axes=axes, pixel_um=0.1, z_step_um=0.3)


def test_what_the_session_says_wins_over_the_file(tmp_path: Path) -> None:
    write_imagej(tmp_path / "r.tif", "ZYX")
    options = {"pixel_um": 0.2, "interval_s": 7.0}
    with open_recording(tmp_path / "r.tif", axes="tyx", **options) as recording:
        assert recording.shape == (4, 1, 1, 24, 32)
        assert (recording.pixel_um, recording.interval_s) == (0.2, 7.0)


def test_a_pair_of_files_is_one_channel_each(tmp_path: Path) -> None:
    paths = [tmp_path / "yellow.tif", tmp_path / "red.tif"]
    for c, path in enumerate(paths):
        write_imagej(path, "TZYX", DATA[:, [c]])
    with open_recording(paths) as recording:
        check(recording, "TCZYX")
    with open_recording(paths[::-1]) as recording:
        assert np.array_equal(recording.plane(1, 0, 2), DATA[1, 1, 2])


def test_a_pair_of_unlike_files_is_refused(tmp_path: Path) -> None:
    write_imagej(tmp_path / "a.tif", "TZYX")
    write_imagej(tmp_path / "b.tif", "TZYX", DATA[:2])
    write_imagej(tmp_path / "c.tif", "TZCYX")
    for other in ("b.tif", "c.tif"):
        with pytest.raises(ConfigError, match="one channel each") as caught:
            open_recording([tmp_path / "a.tif", tmp_path / other])
        assert other in caught.value.what


def test_uint8_is_widened(tmp_path: Path) -> None:
    small = (DATA >> 8).astype(np.uint8)
    write_ome(tmp_path / "r.ome.tif", "TCZYX", small)
    with open_recording(tmp_path / "r.ome.tif") as recording:
        assert recording.dtype == np.uint8
        plane = recording.plane(1, 1, 1)
        assert plane.dtype == np.uint16
        assert np.array_equal(plane, small[1, 1, 1])


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint32", "float64", "int8"])
def test_pixels_that_are_no_camera_counts_are_refused(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "r.tif", DATA[0, 0, 0].astype(dtype))
    with pytest.raises(HardwareError, match=dtype):
        open_recording(tmp_path / "r.tif")
    zarr.save_array(tmp_path / "r.zarr" / "0", DATA[0].astype(dtype))
    axes = [{"name": name} for name in "czyx"]
    block = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": block}}
    (tmp_path / "r.zarr" / "zarr.json").write_text(json.dumps(group))
    with pytest.raises(HardwareError, match=dtype):
        open_recording(tmp_path / "r.zarr")


def test_colour_images_are_refused(tmp_path: Path) -> None:
    data = np.zeros((4, 24, 32, 3), np.uint8)
    tifffile.imwrite(tmp_path / "rgb.ome.tif", data, metadata={"axes": "ZYXS"}, photometric="rgb")
    with pytest.raises(ConfigError, match="do not describe"):
        open_recording(tmp_path / "rgb.ome.tif", pixel_um=0.1, z_step_um=0.3)


def test_oblong_pixels_are_refused(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.2, "PhysicalSizeZ": 1.0}
    tifffile.imwrite(tmp_path / "r.ome.tif", DATA[0, 0], metadata=metadata)
    with pytest.raises(ConfigError, match=r"0.2 × 0.1 µm, not square"):
        open_recording(tmp_path / "r.ome.tif")
    with open_recording(tmp_path / "r.ome.tif", pixel_um=0.1) as recording:
        assert recording.pixel_um == 0.1


def test_missing_planes_are_named(tmp_path: Path) -> None:
    """An OME-TIFF whose TiffData stops before its planes do."""
    write_ome(tmp_path / "whole.ome.tif", "TZCYX")
    with tifffile.TiffFile(tmp_path / "whole.ome.tif") as file:
        xml = file.ome_metadata.replace('PlaneCount="24"', 'PlaneCount="21"')
    path = tmp_path / "r.ome.tif"
    with tifffile.TiffWriter(path) as writer:
        for k, plane in enumerate(ordered("TZCYX").reshape(-1, 24, 32)[:21]):
            text = xml.encode() if k == 0 else None
            writer.write(plane, metadata=None, contiguous=False, description=text)
    with pytest.raises(HardwareError, match="misses 3 of its planes") as caught:
        open_recording(path)
    assert "t 2 z 2 c 1, t 2 z 3 c 0, t 2 z 3 c 1" in caught.value.what


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.95, 0.999])
@pytest.mark.parametrize("kind", ["ome", "ome-zlib", "imagej", "plain"])
def test_a_file_cut_short_is_never_played(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / ("r.ome.tif" if kind.startswith("ome") else "r.tif")
    if kind == "imagej":
        write_imagej(path, "TZCYX")
    elif kind == "plain":
        write_plain(path, DATA[0, 0])
    else:
        write_ome(path, "TZCYX", compression="zlib" if kind == "ome-zlib" else None)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(HardwareError, match=r"damaged or cut short|misses"):
        open_recording(path, axes="zyx" if kind == "plain" else None, pixel_um=0.1, z_step_um=0.3)


def test_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such recording"):
        open_recording(tmp_path / "absent.tif")
    with pytest.raises(ConfigError, match="no recording is named"):
        open_recording([])
    with pytest.raises(HardwareError, match="no OME-Zarr image"):
        open_recording(tmp_path)
    (tmp_path / "r.tif").write_text("not a TIFF at all")
    with pytest.raises(HardwareError, match="damaged"):
        open_recording(tmp_path / "r.tif")


def test_damage_met_while_playing_is_told(tmp_path: Path) -> None:
    write_ome(tmp_path / "r.ome.tif", "TZCYX", compression="zlib")
    with tifffile.TiffFile(tmp_path / "r.ome.tif") as file:
        at = file.series[0].pages[5].dataoffsets[0]
    data = bytearray((tmp_path / "r.ome.tif").read_bytes())
    data[at : at + 200] = bytes(200)
    (tmp_path / "r.ome.tif").write_bytes(data)
    with open_recording(tmp_path / "r.ome.tif") as recording:
        assert np.array_equal(recording.plane(0, 0, 0), DATA[0, 0, 0])
        with pytest.raises(HardwareError, match="page 5"):
            recording.plane(0, 1, 2)


def test_a_codec_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ome(tmp_path / "r.ome.tif", "TCZYX", compression="zlib")

    def lacks(page: object, **options: object) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", lacks)
    with pytest.raises(HardwareError, match="one more package") as caught:
        open_recording(tmp_path / "r.ome.tif")
    assert caught.value.fix == "python -m pip install imagecodecs"


def test_planes_outside_the_recording_are_an_error(tmp_path: Path) -> None:
    write_ome(tmp_path / "r.ome.tif", "TZCYX")
    with open_recording(tmp_path / "r.ome.tif") as recording:
        for plane in ((3, 0, 0), (0, 2, 0), (0, 0, -1)):
            with pytest.raises(IndexError):
                recording.plane(*plane)


def make_session(folder: Path, stored: list[int]) -> None:
    writer = ImageWriter.create(image_path(folder, 0), make_info(), name="s")
    (folder / SESSION_FILE).write_text("name: s\n")
    with Journal(folder / JOURNAL_FILE) as journal:
        for t in stored:
            writer.write_raw(t, make_stack(t))
            journal.append(Event.STACK_STORED, StackIndex(0, t))


def test_a_session_is_a_recording_of_its_stored_stacks(tmp_path: Path) -> None:
    make_session(tmp_path, [0, 1, 2])
    for path in (tmp_path, tmp_path / "image.ome.zarr"):
        with open_recording(path) as recording:
            assert recording.shape == (3, 2, 3, 24, 32)  # of five planned
            assert recording.channels == ("yellow", "red")
            assert recording.interval_s == 30.0
            assert np.array_equal(recording.plane(2, 1, 1), make_stack(2)[1, 1])


@pytest.mark.parametrize(("stored", "message"), [([0, 2], "t 1 c 0 z 0"), ([], "no stack")])
def test_a_session_with_a_gap_or_nothing(tmp_path: Path, stored: list[int], message: str) -> None:
    make_session(tmp_path, stored)
    with pytest.raises(LivesrError, match=message):
        open_recording(tmp_path)


def test_two_emissions_of_nile_red() -> None:
    folder = real_data("nile_red_two_emission")
    paths = [folder / "donor.tif", folder / "acceptor.tif"]
    with pytest.raises(ConfigError, match="pixel_um"):
        open_recording(paths)
    with open_recording(paths, pixel_um=0.24) as recording:
        assert recording.shape == (1, 2, 1, 512, 1024)
        assert recording.dtype == np.uint8
        assert (recording.z_step_um, recording.interval_s) == (0.0, 0.0)
        yellow, red = recording.plane(0, 0, 0), recording.plane(0, 1, 0)
        assert np.array_equal(yellow, tifffile.imread(paths[0]))
        assert not np.array_equal(yellow, red)


def test_yeast_mitochondria() -> None:
    (path,) = real_data("yeast_mitochondria").glob("*.ome.tif")
    with open_recording(path) as recording:
        assert recording.shape == (10, 1, 17, 192, 279)
        assert (recording.pixel_um, recording.z_step_um) == (0.0655, 0.25)
        assert recording.interval_s == pytest.approx(4.5356)
        assert np.array_equal(recording.plane(9, 0, 16), tifffile.imread(path)[9, 16])


def test_the_real_file_cut_short(tmp_path: Path) -> None:
    (path,) = real_data("yeast_mitochondria").glob("*.ome.tif")
    whole = path.read_bytes()
    for share in (0.5, 0.99):
        (tmp_path / "cut.ome.tif").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(HardwareError, match="damaged or cut short"):
            open_recording(tmp_path / "cut.ome.tif")
