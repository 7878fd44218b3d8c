"""`livesr process`: one recording or many, in order, again, and after it was stopped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from offline_recordings import CHANGES, masks_of, options, raw_of, write_cell, write_session

from livesr.cli.app import register, run
from livesr.config import read_session
from livesr.errors import HardwareError
from livesr.flow import StopToken
from livesr.offline import Input, Wishes, find_inputs, process
from livesr.offline.hands import Here
from livesr.offline.sources import RecordedStacks
from livesr.storage.folder import PLANES_FILE
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session import Plan


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    register(["process"])
    code = run(["process", *map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def lines(folder: Path, event: str) -> list[dict[str, Any]]:
    return [line for line in open_session(folder).journal() if line["event"] == event]


def test_many_inputs_and_the_errors_of_one_stop_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cell(tmp_path / "night" / "a.ome.tif", timepoints=2)
    (tmp_path / "night" / "b.tif").write_bytes(b"II*\0 and then nothing")
    write_cell(tmp_path / "night" / "deep" / "c.ome.tif", timepoints=1, seed=60_041)
    (tmp_path / "night" / "notes.txt").write_text("no recording")
    out = tmp_path / "out"
    code, said, err = call(capsys, tmp_path / "night", "--out", out, *options())
    assert code == 6
    assert "b.tif" in err
    assert (said["inputs"], said["complete"], said["stacks"]) == (3, 2, 3)
    assert [s["complete"] for s in said["sessions"]] == [True, False, True]
    assert said["sessions"][1]["error"]["exit_code"] == 3
    assert {path.name for path in out.iterdir()} == {"a", "deep-c"}
    reader = open_session(out / "a")
    assert reader.status().finished
    assert reader.images[0].segmented() == {0, 1}
    np.testing.assert_array_equal(
        raw_of(out / "a", 1), tifffile.imread(tmp_path / "night" / "a.ome.tif")[1]
    )
    assert len(read_table(out / "a" / PLANES_FILE)) == 2 * 2 * 8
    read_session(out / "a" / "session.yaml")  # a session file like any other

    code, again, _ = call(capsys, tmp_path / "night", "--out", out, *options())
    assert code == 6, "what failed is tried again"
    assert again["done_before"] == 2
    assert len(lines(out / "a", "stack_segmented")) == 2, "nothing is done twice"


def test_patterns_are_expanded_for_shells_that_do_not(tmp_path: Path) -> None:
    for name in ("x1.tif", "x2.tif", "y.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((4, 4), np.uint16))
    found = find_inputs([str(tmp_path / "x*.tif"), tmp_path / "x1.tif"], tmp_path / "out")
    assert [one.name for one in found] == ["x1", "x2"]


def test_a_session_again_has_the_same_masks_and_shares_its_raw(
    tmp_path: Path, plan_of: Callable[..., Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_session(tmp_path / "live", plan_of, positions=2)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code, said, _ = call(capsys, folder, "--out", tmp_path / "out")
    assert code == 0
    again = tmp_path / "out" / "live"
    assert said["session"] == str(again)
    for image in (0, 1):
        for t in (0, 1):
            for name, mask in masks_of(folder, t, image).items():
                np.testing.assert_array_equal(mask, masks_of(again, t, image)[name])
    assert raw_of(again, 1, 1).any()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    shard = "image.ome.zarr/0/c/0/0/0/0/0"
    assert (folder / shard).samefile(again / shard)
    assert len(read_table(again / PLANES_FILE)) == len(read_table(folder / PLANES_FILE))

    code, said, err = call(
        capsys, folder, "--out", tmp_path / "out", "--set", "segmentation.structures=[er]"
    )
    assert (code, said["sessions"][0]["error"]["exit_code"]) == (2, 2)
    assert "structures" in err, "masks of two kinds do not stand in one output"


def test_stopped_and_gone_on_with_it_is_as_if_it_had_run_through(tmp_path: Path) -> None:
    write_cell(tmp_path / "a.ome.tif", timepoints=4)
    one = Input(tmp_path / "a.ome.tif", "a")
    wishes = Wishes(settings=(*CHANGES, "calibration_follow=true"))
    through, pieces = tmp_path / "through", tmp_path / "pieces"

    def run_into(out: Path, until: int) -> Any:
        stop, hands = StopToken(), Here(threads=1)

        def watch(progress: Any) -> None:
            if progress.stacks >= until:
                stop.stop("enough")

        try:
            return process([one], wishes, out, hands, stop=stop, progress=watch)[0]
        finally:
            hands.close()

    assert run_into(through, 99).complete
    first = run_into(pieces, 1)
    assert not first.complete
    assert 0 < first.counts["segmented_later"] < 4
    assert run_into(pieces, 99).complete
    for t in range(4):
        np.testing.assert_array_equal(raw_of(through / "a", t), raw_of(pieces / "a", t))
        for name, mask in masks_of(through / "a", t).items():
            np.testing.assert_array_equal(mask, masks_of(pieces / "a", t)[name])
    assert [
        {key: line[key] for key in ("index", "normalisation", "estimate")}
        for line in lines(through / "a", "stack_stored")
    ] == [
        {key: line[key] for key in ("index", "normalisation", "estimate")}
        for line in lines(pieces / "a", "stack_stored")
    ]
    assert len(read_table(pieces / "a" / PLANES_FILE)) == 4 * 2 * 8


def test_a_stack_that_cannot_be_read_costs_that_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cell(tmp_path / "a.ome.tif", timepoints=3)
    read = RecordedStacks.read

    def fails(self: Any, index: Any) -> Any:
        if index.t == 1:
            raise HardwareError("the plane is damaged", where="here")
        return read(self, index)

    monkeypatch.setattr(RecordedStacks, "read", fails)
    code, said, err = call(capsys, tmp_path / "a.ome.tif", "--out", tmp_path / "out", *options())
    assert (code, said["failed"], said["segmented_later"]) == (6, 1, 2)
    assert "journal.jsonl" in err
    assert lines(tmp_path / "out" / "a", "stack_failed")[0]["reason"] == "the plane is damaged"
    monkeypatch.undo()
    code, said, _ = call(capsys, tmp_path / "a.ome.tif", "--out", tmp_path / "out", *options())
    assert (code, said["segmented_later"]) == (0, 3)


def test_channels_and_scales_that_the_file_does_not_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(60_042)
    data = rng.integers(100, 400, (8, 3, 48, 48), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "f.tif", data, imagej=True, metadata={"axes": "ZCYX"})
    first = [tmp_path / "f.tif", "--out", tmp_path / "out"]
    code, said, err = call(capsys, *first)
    assert (code, said["complete"]) == (2, 0)
    assert "pixel_um" in err
    code, said, err = call(capsys, *first, "--pixel", 0.1, "--z-step", 0.3)
    assert code == 2
    assert "--channels" in err
    code, _, _ = call(
        capsys, *first, "--pixel", 0.1, "--z-step", 0.3, "--channels", "dapi,red,yellow", *options()
    )
    assert code == 0
    image = open_session(tmp_path / "out" / "f").images[0]
    assert image.channels == ("yellow", "red", "dapi")
    np.testing.assert_array_equal(image.raw(0, 0), data[:, 2])


def test_a_session_file_of_the_microscope_says_how_they_were_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cell(tmp_path / "a.ome.tif", timepoints=1)
    night = tmp_path / "night.yaml"
    night.write_text(
        "microscope: {config: simulated, name: stand 3, camera_offset: 107}\n"
        "layout: prime95b-sequential\ncalibration: none\n"
        "sequence: {time_plan: {interval: 1, loops: 9}}\n"
        "segmentation: {structures: [er]}\n"
    )
    code, _, err = call(
        capsys,
        tmp_path / "a.ome.tif",
        "--out",
        tmp_path / "o",
        "--session",
        tmp_path / "night.yaml",
    )
    assert code == 0, err
    settings = open_session(tmp_path / "o" / "a").settings
    assert settings["recording"]["camera_offset"] == 107
    assert settings["recording"]["name"] == "stand 3"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.tif",), "no such file"),
        (("*.nothing",), "no recording"),
        (("empty",), "no recording"),
        (("empty", "--workers", "2", "--scheduler", "tcp://x:1"), "--workers and --scheduler"),
        (("empty", "--session", "gone.yaml"), "no such session file"),
    ],
)
def test_wrong_calls_are_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    if "--workers" in arguments:
        tifffile.imwrite(tmp_path / "empty" / "a.tif", np.zeros((4, 4), np.uint16))
    code, _, err = call(capsys, *arguments, "--out", "out")
    assert code == 2
    assert said in err


def test_what_is_no_output_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cell(tmp_path / "a.ome.tif", timepoints=1)
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "mine.txt").write_text("mine")
    code, _, err = call(capsys, tmp_path / "a.ome.tif", "--out", tmp_path / "out")
    assert code == 5
    assert "no output of livesr process" in err
    assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == ["mine.txt"]


def test_outputs_among_the_inputs_are_no_inputs(tmp_path: Path) -> None:
    write_cell(tmp_path / "data" / "a.ome.tif", timepoints=1)
    write_cell(tmp_path / "data" / "out" / "b.ome.tif", timepoints=1)
    found = find_inputs([tmp_path / "data"], tmp_path / "data" / "out")
    assert [one.name for one in found] == ["a"]


def test_two_of_one_name_keep_theirs(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "a.tif" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        tifffile.imwrite(path, np.zeros((4, 4), np.uint16))
    names = [one.name for one in find_inputs(paths, tmp_path / "out")]
    assert names[0] == "a"
    assert names[1].startswith("a-")
    assert names == [one.name for one in find_inputs(paths, tmp_path / "out")]
