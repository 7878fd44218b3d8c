"""Attacks that have names: what they would reach is not reached, and the error says why."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from livesr.bench.mutations.good import LIVE, make_good
from livesr.calibration.profile import load_profile
from livesr.config import read_session
from livesr.errors import LONGEST, ConfigError, HardwareError, LivesrError, ModelError, StorageError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import checksum, load_package
from livesr.storage.labels import LabelWriter, label_names
from livesr.storage.reader import open_session
from livesr.storage.recording import open_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad") / "good"
    make_good(folder)
    return folder


@pytest.fixture
def edited(made: Path) -> Any:
    """Change files for one test."""
    kept: dict[Path, bytes] = {}

    def edit(name: str, change: Callable[[bytes], bytes]) -> Path:
        path = made / name
        kept[path] = path.read_bytes()
        path.write_bytes(change(kept[path]))
        return path

    yield edit
    for path, content in kept.items():
        path.write_bytes(content)


def as_json(change: Callable[[Any], None]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        data = json.loads(content)
        change(data)
        return json.dumps(data).encode()

    return edit


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: !!python/object/apply:os.system [exit 1]", "tag"),
        (BOMB, r"refers to another with '\*a'"),
        ("name: a\nname: b", "stands twice"),
        ("metadata: " + "[" * 100_000, "nested"),
        ("metadata: {a: .nan}", "metadata.a: a number is nan"),
        ("metadata: {a: " + "9" * 400 + "}", "digits"),
        ("? [a]\n: b", "a key is a list"),
        ("metadata: {a: 2001-99-99}", "a value is none"),
        ("sequence: {time_plan: {interval: 1, loops: 1000000000000}}", "time points"),
        ("sequence: {z_plan: {bottom: 0, top: 1.0e+9, step: 0.1}}", "planes"),
        ("sequence: {grid_plan: {rows: 1000000, columns: 1000000}}", "grid positions"),
        ("sequence: {time_plan: {interval: {days: x}, loops: 2}}", "no useq sequence"),
        ("sequence: /dev/zero", "larger than|no such"),
        ("MICROSCOPE: {}", "MICROSCOPE: there is no such key"),
        ("storage: {keep_free_gib: 1.0e+300}", "keep_free_gib"),
        ("x" * 2_000_000, "larger than"),
    ],
)
def test_hostile_session_files(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "session.yaml"
    path.write_text(f"{text}\ncalibration: none\n" if text[0] != "x" else text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        read_session(path)
    assert str(path) in caught.value.where or "zero" in caught.value.where
    assert caught.value.fix
    assert len(str(caught.value)) < 3 * LONGEST


def test_the_mark_that_some_editors_write_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "session.yaml"
    path.write_text("name: á\ncalibration: none\n", encoding="utf-8-sig")
    assert read_session(path).name == "á"


def test_text_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "session.yaml"
    path.write_text("name: a\ncalibration: none\n", encoding="utf-16")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        read_session(path)
    assert "UTF-8" in caught.value.fix


def test_errors_show_no_control_characters_and_no_endless_texts() -> None:
    error = LivesrError("a\x1b[2Jb\0\ud800" + "x" * 10**6, where="é\nµ", fix="\u202e")
    text = str(error)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert len(text) < 2 * LONGEST
    assert error.where == "é\nµ"
    text.encode()


@pytest.mark.parametrize("name", ["../../../victim/image.ome.zarr", "/etc", "..", "a/b", "", 7])
def test_labels_lie_in_their_image(made: Path, edited: Any, name: object) -> None:
    image = made / LIVE / "image.ome.zarr"

    def point_outside(group: Any) -> None:
        group["attributes"]["ome"]["labels"] = [name]

    edited(f"{LIVE}/image.ome.zarr/labels/zarr.json", as_json(point_outside))
    with pytest.raises(StorageError, match="list of labels"):
        label_names(image)
    with pytest.raises(StorageError, match="list of labels"):
        LabelWriter.open(image)
    assert (made / "victim" / "image.ome.zarr" / "0" / "lost.__lock").is_file()


@pytest.mark.parametrize("name", ["../../victim/image.ome.zarr/0", "/etc", "..", "", "0/..", 7])
def test_the_pixels_of_a_recording_lie_in_its_folder(made: Path, edited: Any, name: object) -> None:
    def point_outside(attributes: Any) -> None:
        attributes["multiscales"][0]["datasets"][0]["path"] = name

    edited("recorded/old.ome.zarr/.zattrs", as_json(point_outside))
    with pytest.raises(HardwareError, match="no place in its folder"):
        open_recording(made / "recorded" / "old.ome.zarr")


class Attack:
    def __reduce__(self) -> Any:
        return exec, ("import pathlib; pathlib.Path('pwned').touch()",)


@pytest.mark.parametrize("key", ["compressor", "filters"])
def test_a_codec_that_runs_python_is_not_read(
    made: Path, edited: Any, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    def use_pickle(array: Any) -> None:
        array[key] = {"id": "pickle"} if key == "compressor" else [{"id": "pickle"}]

    edited("recorded/old.ome.zarr/0/.zarray", as_json(use_pickle))
    edited("recorded/old.ome.zarr/0/0.0.0.0", lambda _: pickle.dumps(Attack()))
    with pytest.raises(HardwareError, match="codec 'pickle' is not read"):
        open_recording(made / "recorded" / "old.ome.zarr")
    assert not (tmp_path / "pwned").exists()


def test_shapes_that_no_memory_holds_are_refused(made: Path, edited: Any) -> None:
    def enlarge(array: Any) -> None:
        array["shape"][-3:] = [1000, 100_000, 100_000]

    edited(f"{LIVE}/image.ome.zarr/0/zarr.json", as_json(enlarge))
    with pytest.raises(StorageError, match="declares volumes of 1000 × 100000 × 100000"):
        open_session(made / LIVE)


def test_a_journal_that_lists_what_the_image_has_not(made: Path, edited: Any) -> None:
    edited(
        f"{LIVE}/journal.jsonl",
        lambda lines: lines + b'{"event": "stack_stored", "index": {"image": 0, "t": 900000000}}\n',
    )
    with pytest.raises(HardwareError, match="t 900000000"):
        open_recording(made / LIVE)


@pytest.mark.parametrize(
    "line",
    [
        b'{"event": "stack_stored", "index": {"image": 0, "t": 1e300}}',
        b'{"event": "stack_stored", "index": {"image": -1, "t": 0}}',
        b'{"event": "stack_stored", "index": {"image": 0, "t": true}}',
        b'{"event": ["stack_stored"]}',
        b'{"event": "session_started", "stacks": "many"}',
        b'{"event": "stack_stored", "index": {"image": 0, "t": 1}, "time": "2001-01-01"}',
        b'{"event": "fault", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"event": "fault", "x": ' + b"9" * 5000 + b"}",
    ],
)
def test_lines_of_the_journal_that_say_nonsense(made: Path, edited: Any, line: bytes) -> None:
    edited(f"{LIVE}/journal.jsonl", lambda lines: lines + line + b"\n")
    with pytest.raises(StorageError, match="journal") as caught:
        open_session(made / LIVE)
    assert "line" in caught.value.fix


def test_weights_in_other_files_are_not_read(made: Path, edited: Any) -> None:
    onnx = pytest.importorskip("onnx")
    old = checksum(made / "package" / "model.onnx")

    def elsewhere(content: bytes) -> bytes:
        model = onnx.load_from_string(content)
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "../victim/secret.txt"
        return model.SerializeToString()

    path = edited("package/model.onnx", elsewhere)
    size = path.stat().st_size
    edited("package/rdf.yaml", lambda text: text.replace(old.encode(), checksum(path).encode()))
    package = load_package(made / "package")
    said = package.about.weights.model_copy(update={"bytes": size})
    package = type(package)(package.folder, package.about.model_copy(update={"weights": said}))
    with pytest.raises(ModelError, match="weights in another file"):
        choose_engine("openvino", package)


@pytest.mark.parametrize(
    ("old", "new"),
    [("radius_um: ", "radius_um: 1.0e-300 #"), ("pixel_um: ", "pixel_um: 1.0e+300 #")],
)
def test_calibrations_with_absurd_numbers(made: Path, edited: Any, old: str, new: str) -> None:
    path = edited("cal.yaml", lambda text: text.replace(old.encode(), new.encode(), 1))
    with pytest.raises(LivesrError):
        load_profile(path)


def test_a_calibration_that_turns_the_image_over(made: Path, edited: Any) -> None:
    from livesr.calibration.records import ChannelTransform

    with pytest.raises(ValueError, match="no shift, small turn"):
        ChannelTransform(affine=((1.0, 0, 0, 0), (0, -1.0, 0, 0), (0, 0, 1.0, 0)))


def test_a_slot_of_nonsense_is_told(made: Path, edited: Any) -> None:
    from livesr.storage.spool import SpoolReader

    def spoil(content: bytes) -> bytes:
        header = np.frombuffer(content[:40], "<i8").copy()
        header[1:4] = (1, -5, 2**60)
        return header.tobytes() + content[40:]

    edited(f"{LIVE}/spool/slot-001.dat", spoil)
    reader = SpoolReader(made / LIVE / "spool")
    with pytest.raises(StorageError, match="slot 1 of the spool is damaged"):
        reader.index(1)
    reader.close()
