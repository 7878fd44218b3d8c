"""A session from its first frame to its closed folder, and what must survive when it goes wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from memory_source import PLANES, SIDE, MemorySource, splitter_frame

from livesr.errors import ConfigError, HardwareError, StorageError
from livesr.flow import StopToken
from livesr.pipeline import segment
from livesr.session import run_session
from livesr.session import segmenter as guests
from livesr.session.job import Job
from livesr.storage.folder import PLANES_FILE
from livesr.storage.image import ImageWriter
from livesr.storage.reader import open_session
from livesr.storage.spool import SpoolReader
from livesr.storage.tables import read_table
from livesr.types import Normalisation, Stack, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session import Plan

RAW_ONLY = {"segmentation": {"enabled": False}}


def events(folder: Path, name: str) -> list[dict]:
    return [line for line in open_session(folder).journal() if line["event"] == name]


def assert_raw(folder: Path, stacks: int) -> None:
    """Every stored stack holds the frames that the source delivered."""
    image = open_session(folder).images[0]
    assert image.stored() == set(range(stacks))
    for t in range(stacks):
        for z in range(PLANES):
            frame = splitter_frame(StackIndex(0, t), z)
            np.testing.assert_array_equal(image.raw(t, 0, z), frame[:, :SIDE])
            np.testing.assert_array_equal(image.raw(t, 1, z), frame[:, SIDE:])


def test_a_whole_session(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    source, folder = MemorySource(timepoints=3), tmp_path / "s"
    result = run_session(plan_of(source), folder)
    assert result.exit_code == 0
    assert source.closed
    assert len(result.outcome.live) + len(result.outcome.later) == 3
    assert_raw(folder, 3)
    reader = open_session(folder)
    assert reader.status().finished
    assert reader.images[0].segmented() == {0, 1, 2}
    assert len(reader.images[0].structures) == 15
    assert len(read_table(folder / PLANES_FILE)) == 3 * PLANES
    assert {path.name for path in folder.iterdir()} >= {
        "session.yaml",
        "image.ome.zarr",
        "journal.jsonl",
        "planes.parquet",
        "measurements.parquet",
    }
    assert not (folder / "spool").exists()


def test_masks_do_not_depend_on_when_they_are_made(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan, folder = plan_of(MemorySource(timepoints=2)), tmp_path / "s"
    run_session(plan, folder)
    reader = open_session(folder)
    image = reader.images[0]
    job = Job(
        info=plan.info,
        packages=(str(plan.networks.first.folder),),
        engine="auto",
        precision="auto",
        threads=None,
        calibration="none",
        models={},
        structures=plan.structures,
        unreliable=(),
        on_camera_grid=True,
        folder=folder,
    )
    tools, _ = guests.load_tools(job)
    for line in events(folder, "stack_stored"):
        t = line["index"]["t"]
        data = np.stack([image.raw(t, c) for c in range(2)])
        norm = Normalisation(**line["normalisation"])
        masks = segment(Stack(data, StackIndex(0, t), 0.0), norm, tools).masks
        for name in plan.structures:
            np.testing.assert_array_equal(masks.volumes[name], image.mask(name, t))
    for engine in tools.engines:
        engine.close()


def test_existing_folder_is_never_written_over(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(StorageError, match="exists already"):
        run_session(plan_of(MemorySource(), **RAW_ONLY), tmp_path / "s")
    assert not list((tmp_path / "s").iterdir())


def test_stop_ends_after_the_present_stack(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    def stop_at_2(index: StackIndex, stop: StopToken) -> None:
        if index.t == 2:
            stop.stop("enough")

    source, folder = MemorySource(timepoints=5, before=stop_at_2), tmp_path / "s"
    result = run_session(plan_of(source), folder)
    assert len(result.outcome.stored) == 2
    assert result.exit_code == 6
    assert_raw(folder, 2)
    image = open_session(folder).images[0]
    assert image.shape[0] == 2, "arrays end where the recording ended"
    assert image.segmented() == {0, 1}
    assert events(folder, "session_finished")[0]["stopped"] == "enough"


def test_stop_now_keeps_the_cut_stack_and_says_what_it_lacks(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    stop, folder = StopToken(), tmp_path / "s"
    source = MemorySource(timepoints=5)
    deliver_all = source.run

    def run(deliver: Callable, stop: StopToken) -> None:
        def until_third(frame: object) -> None:
            deliver(frame)
            if (frame.stack.t, frame.z) == (1, 2):  # type: ignore[attr-defined] # a Frame
                stop.stop_now("twice")

        deliver_all(until_third, stop)

    source.run = run  # type: ignore[method-assign] # a source that is stopped within a stack
    result = run_session(plan_of(source, **RAW_ONLY), folder, stop=stop)
    assert [index.t for index in result.outcome.stored] == [0, 1]
    assert result.frames_lost == PLANES - 3
    assert events(folder, "stack_failed")[0]["index"]["t"] == 1
    image = open_session(folder).images[0]
    assert not image.raw(1, 0, 5).any(), "planes that never came are dark, not an older stack"


def test_lost_frames_are_journalled_and_the_session_goes_on(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    source, folder = MemorySource(timepoints=3, lose={(1, 4), (1, 5)}), tmp_path / "s"
    result = run_session(plan_of(source), folder)
    assert result.exit_code == 6
    assert result.frames_lost == 2
    assert [index.t for index in result.outcome.failed] == [1]
    lost = events(folder, "frames_lost")[0]
    assert lost["index"]["t"] == 1
    assert lost["frames"] == [{"c": 0, "z": 4}, {"c": 0, "z": 5}]
    assert open_session(folder).images[0].segmented() == {0, 2}


def test_positions_are_images(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=2, positions=2), **RAW_ONLY), folder)
    assert result.exit_code == 0
    images = open_session(folder).images
    assert [image.stored() for image in images] == [{0, 1}, {0, 1}]
    frame = splitter_frame(StackIndex(1, 1), 3)
    np.testing.assert_array_equal(images[1].raw(1, 0, 3), frame[:, :SIDE])


def test_write_error_surfaces_at_once_and_keeps_what_was_stored(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ImageWriter.write_raw

    def fail_at_2(self: ImageWriter, t: int, data: np.ndarray) -> None:
        if t == 2:
            raise StorageError("the disk is full", where="here", fix="make room")
        write(self, t, data)

    monkeypatch.setattr(ImageWriter, "write_raw", fail_at_2)
    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=50), **RAW_ONLY), folder)
    assert result.exit_code == 5
    assert len(result.outcome.stored) == 2
    assert_raw(folder, 2)
    assert "the disk is full" in [fault["what"] for fault in events(folder, "fault")]
    assert events(folder, "session_finished")[0]["stacks"] == 2
    kept = SpoolReader(folder / "spool")
    slot = next(n for n in range(4) if kept.index(n) == StackIndex(0, 2))
    frame = splitter_frame(StackIndex(0, 2), 3)
    np.testing.assert_array_equal(kept.read(slot)[0, 3], frame[:, :SIDE])
    kept.close()


def test_hardware_error_keeps_what_was_stored(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    def unplug(index: StackIndex, stop: StopToken) -> None:
        if index.t == 2:
            raise HardwareError("camera unplugged", where="camera", fix="plug it in")

    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=5, before=unplug)), folder)
    assert result.exit_code == 3
    assert_raw(folder, 2)
    assert open_session(folder).images[0].segmented() == {0, 1}


def test_killed_segmenter_is_started_again_and_the_acquisition_goes_on(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill(index: StackIndex, stop: StopToken) -> None:
        if index.t == 1:
            while not events(folder, "segmenter_started"):
                time.sleep(0.05)
            for child in psutil.Process().children():
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()
                    killed.append(child.pid)
            time.sleep(0.1)

    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=4, before=kill)), folder)
    assert killed
    assert_raw(folder, 4)
    assert len(events(folder, "segmenter_started")) == 2
    ended = [*result.outcome.live, *result.outcome.later, *result.outcome.failed]
    assert sorted(ended) == [StackIndex(0, t) for t in range(4)]
    assert len(result.outcome.failed) <= 1


def test_package_that_breaks_in_the_segmenter_costs_masks_only(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan, folder = plan_of(MemorySource(timepoints=2)), tmp_path / "s"
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in plan.networks.first.folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    plan = plan_of(MemorySource(timepoints=2), segmentation={"package": str(broken)})
    (broken / "model.onnx").write_bytes(b"not a network")  # after the check, before the start
    result = run_session(plan, folder)
    assert result.exit_code == 4
    assert_raw(folder, 2)
    assert len(result.outcome.failed) == 2


def test_unknown_structure_of_a_package(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(ConfigError, match="unknown structure"):
        plan_of(MemorySource(), segmentation={"structures": ["golgy"]})


def test_source_is_closed_when_the_plan_fails(plan_of: Callable[..., Plan]) -> None:
    source = MemorySource()
    with pytest.raises(ConfigError):
        plan_of(source, calibration="simulated")
    assert source.closed


def test_a_bug_is_not_hidden(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(_self: ImageWriter, _t: int, _data: np.ndarray) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ImageWriter, "write_raw", bug)
    with pytest.raises(ZeroDivisionError):
        run_session(plan_of(MemorySource(), **RAW_ONLY), tmp_path / "s")


def test_warnings_are_told_logged_and_journalled(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan, folder = plan_of(MemorySource(timepoints=1)), tmp_path / "s"
    run_session(plan, folder)
    journalled = events(folder, "session_started")[0]["warnings"]
    log = (folder / "log.jsonl").read_text(encoding="utf-8")
    for words in ("calibration: none", "2.1 µm deep"):
        assert any(words in warning for warning in journalled)
        assert words in log


def test_room_to_keep_is_asked_for_before_the_run(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    storage = {"keep_free_gib": 10_000_000}
    with pytest.raises(StorageError, match="the session needs"):
        run_session(plan_of(MemorySource(), storage=storage, **RAW_ONLY), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_folder_below_a_file_is_refused(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is a file"):
        run_session(plan_of(MemorySource(), **RAW_ONLY), tmp_path / "file" / "s")
