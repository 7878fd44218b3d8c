"""What other programs record: MetaMorph's files, and what pymmcore-plus writes."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import useq
import zarr

from livesr.errors import ConfigError, HardwareError
from livesr.offline import find_inputs
from livesr.storage.recording import open_recording

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(60_060)
Z, SIDE = 3, 16


def write_stk(path: Path, planes: np.ndarray, pixel_um: float = 0.065, z_um: float = 0.3) -> None:
    """Write a MetaMorph stack: pages in a row, sizes in tags of its own."""
    n = len(planes)
    fraction = (round(z_um * 1000), 1000, 0, 0, 0, 0)

    def write(end: int) -> int:
        unit = b"um\0"
        values = (4, end, 5, end + 8, 6, end + 16)  # XCalibration, YCalibration, units: offsets
        tags = [
            (33628, 4, 3, values, False),
            (33629, 5, n, tuple(v for _ in range(n) for v in _paired(fraction)), False),
        ]
        _write_first_page(path, planes, tags)
        with path.open("ab") as file:
            at = file.tell()
            number = (round(pixel_um * 10_000), 10_000)
            file.write(struct.pack("<4I", *number, *number))
            file.write(struct.pack("<I", len(unit)) + unit)
        return at

    write(write(8))


def _paired(fraction: tuple[int, ...]) -> tuple[int, ...]:
    return fraction


def _write_first_page(path: Path, planes: np.ndarray, tags: list[tuple]) -> None:
    """A TIFF of one directory whose strip is followed by the other planes."""
    height, width = planes.shape[1:]
    data = planes.astype("<u2").tobytes()
    n = len(planes)
    entries = [
        (256, 3, 1, struct.pack("<I", width)),
        (257, 3, 1, struct.pack("<I", height)),
        (258, 3, 1, struct.pack("<I", 16)),
        (259, 3, 1, struct.pack("<I", 1)),
        (262, 3, 1, struct.pack("<I", 1)),
        (273, 4, 1, struct.pack("<I", 8)),
        (277, 3, 1, struct.pack("<I", 1)),
        (278, 3, 1, struct.pack("<I", height)),
        (279, 4, 1, struct.pack("<I", height * width * 2)),
    ]
    tail, at = b"", 8 + len(data)
    for code, dtype, _, values, _ in tags:
        packed = struct.pack(f"<{len(values)}I", *values)
        count = n if dtype == 5 else len(values) // 2
        entries.append((code, dtype, count, struct.pack("<I", at + len(tail))))
        tail += packed
    directory = struct.pack("<H", len(entries))
    for code, dtype, count, value in sorted(entries):
        directory += struct.pack("<HHI", code, dtype, count) + value
    directory += struct.pack("<I", 0)
    path.write_bytes(struct.pack("<2sHI", b"II", 42, at + len(tail)) + data + tail + directory)


def write_nd(folder: Path, *, stages: int = 2, waves: int = 2, times: int = 2) -> dict:
    """Write a MetaMorph recording and return its stacks by (wave, stage, time)."""
    said = [
        '"NDInfoFile", Version 1.0',
        '"DoTimelapse", TRUE', f'"NTimePoints", {times}',
        '"DoStage", TRUE', f'"NStagePositions", {stages}', '"Stage1", "Cell 1"',
        '"DoWave", TRUE', f'"NWavelengths", {waves}', '"WaveName1", "561 yellow"',
        '"WaveName2", "561 red"', '"DoZSeries", TRUE', f'"NZSteps", {Z}', '"ZStepSize", 0.3',
        '"WaveInFileName", TRUE', '"EndFile"',
    ]  # fmt: skip
    (folder / "night.nd").write_text("\r\n".join(said))
    stacks = {}
    for w in range(1, waves + 1):
        for s in range(1, stages + 1):
            for t in range(1, times + 1):
                stacks[w, s, t] = RNG.integers(0, 900, (Z, SIDE, SIDE), dtype=np.uint16)
                name = f"night_w{w}561 {'yellow' if w == 1 else 'red'}_s{s}_t{t}.STK"
                write_stk(folder / name, stacks[w, s, t])
    return stacks


def test_a_metamorph_stack_says_its_scales(tmp_path: Path) -> None:
    planes = RNG.integers(0, 900, (Z, SIDE, SIDE), dtype=np.uint16)
    write_stk(tmp_path / "a.stk", planes)
    with tifffile.TiffFile(tmp_path / "a.stk") as file:
        assert file.is_stk
    with open_recording(tmp_path / "a.stk") as recording:
        assert recording.shape == (1, 1, Z, SIDE, SIDE)
        assert recording.pixel_um == pytest.approx(0.065)
        assert recording.z_step_um == pytest.approx(0.3)
        np.testing.assert_array_equal(recording.plane(0, 0, 2), planes[2])


def test_a_metamorph_recording_of_several_positions(tmp_path: Path) -> None:
    stacks = write_nd(tmp_path)
    found = find_inputs([tmp_path], tmp_path / "out")
    assert [one.name for one in found] == ["night-s1", "night-s2"], "no file of it stands alone"
    with open_recording(found[1].path) as recording:
        assert recording.shape == (2, 2, Z, SIDE, SIDE)
        assert recording.channels == ("561 yellow", "561 red")
        for t, c, z in np.ndindex(2, 2, Z):
            np.testing.assert_array_equal(recording.plane(t, c, z), stacks[c + 1, 2, t + 1][z])


def test_metamorph_recordings_that_lack_something(tmp_path: Path) -> None:
    write_nd(tmp_path)
    (tmp_path / "night_w2561 red_s2_t1.STK").unlink()
    with pytest.raises(HardwareError, match="files are missing: w2 t1"):
        open_recording(tmp_path / "night.nd" / "s2")
    open_recording(tmp_path / "night.nd").close()
    with pytest.raises(ConfigError, match="2 stage positions"):
        open_recording(tmp_path / "night.nd" / "s3")
    (tmp_path / "no.nd").write_text("hello")
    with pytest.raises(HardwareError, match="NDInfoFile"):
        open_recording(tmp_path / "no.nd")
    (tmp_path / "no.nd").write_text('"NDInfoFile", 1\n"DoTimelapse", TRUE\n"NTimePoints", 99999999')
    with pytest.raises(HardwareError, match="declares"):
        open_recording(tmp_path / "no.nd")


@pytest.mark.parametrize("suffix", ["ome.zarr", "ome.tiff"])
@pytest.mark.parametrize("positions", [1, 2])
def test_what_pymmcore_plus_records(tmp_path: Path, suffix: str, positions: int) -> None:
    ome_writers = pytest.importorskip("ome_writers", reason="what pymmcore-plus writes with")
    stages = [{"x": 0, "y": 0, "name": name} for name in "AB"[:positions]]
    plan = useq.MDASequence(
        axis_order="tpcz",
        channels=["yellow", "red"],
        time_plan={"interval": 0, "loops": 2},
        z_plan={"range": 0.6, "step": 0.3},
        stage_positions=stages if positions > 1 else (),
    )
    settings = ome_writers.AcquisitionSettings(
        root_path=str(tmp_path / f"night.{suffix}"),
        dtype="uint16",
        **ome_writers.useq_to_acquisition_settings(
            plan, image_width=SIDE, image_height=SIDE, pixel_size_um=0.1
        ),
    )
    frames = []
    with ome_writers.create_stream(settings) as stream:
        for event in plan:
            image = RNG.integers(0, 900, (SIDE, SIDE), dtype=np.uint16)
            frames.append((event.index, image))
            stream.append(image)
    found = find_inputs([tmp_path], tmp_path / "out")
    assert len(found) == positions
    for number, one in enumerate(found):
        with open_recording(one.path, pixel_um=0.1, z_step_um=0.3) as recording:
            assert recording.shape == (2, 2, 3, SIDE, SIDE)
            for index, image in frames:
                if index.get("p", 0) == number:
                    at = (index["t"], index["c"], index["z"])
                    np.testing.assert_array_equal(recording.plane(*at), image)


def test_older_pymmcore_plus_keeps_positions_in_one_group(tmp_path: Path) -> None:
    root, data = tmp_path / "night.ome.zarr", {}
    group = zarr.open_group(root, mode="w", zarr_format=2)
    for name in ("p0", "p1"):
        data[name] = RNG.integers(0, 900, (2, 3, SIDE, SIDE), dtype=np.uint16)
        group.create_array(name, data=data[name])
    axes = [{"name": "t", "type": "time"}] + [{"name": n, "type": "space"} for n in "zyx"]
    images = [{"version": "0.4", "name": n, "axes": axes, "datasets": [{"path": n}]} for n in data]
    (root / ".zattrs").write_text(json.dumps({"multiscales": images}))
    found = find_inputs([root], tmp_path / "out")
    assert [one.name for one in found] == ["night-p0", "night-p1"]
    for one, name in zip(found, data, strict=True):
        with open_recording(one.path, pixel_um=0.1, z_step_um=0.3) as recording:
            np.testing.assert_array_equal(recording.plane(1, 0, 2), data[name][1, 2])


def test_several_images_in_one_file(tmp_path: Path) -> None:
    images = RNG.integers(0, 900, (2, 2, Z, SIDE, SIDE), dtype=np.uint16)
    with tifffile.TiffWriter(tmp_path / "two.ome.tif") as writer:
        for image in images:
            writer.write(image, metadata={"axes": "CZYX", "PhysicalSizeX": 0.1})
    found = find_inputs([tmp_path / "two.ome.tif"], tmp_path / "out")
    assert [one.name for one in found] == ["two-i1", "two-i2"]
    with open_recording(found[1].path, pixel_um=0.1, z_step_um=0.3) as recording:
        np.testing.assert_array_equal(recording.plane(0, 1, 1), images[1, 1, 1])
