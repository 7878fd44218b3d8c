"""Plans on disk: kept, found, made again where they do not fit, by one process at a time."""

from __future__ import annotations

import json
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filelock import FileLock

from livesr.errors import ModelError, StorageError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.engines.tensorrt.cache import Cache, Key, cache_folder, write_whole
from livesr.segmentation.engines.tensorrt.compiling import Wish, compile_package
from livesr.segmentation.engines.tensorrt.library import RTX, TENSORRT
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from pathlib import Path

    from fake_tensorrt import World

    from livesr.segmentation.engines.tensorrt.library import Library

KEY = Key(
    "ALL", "ab" * 32, "TensorRT 11.4", "sm89", "RTX 4090", "f16", ("er", "golgi"), (1, 2, 24, 8, 8)
)
OTHERS = {
    "graph": "cd" * 32,
    "library": "TensorRT 11.5",
    "target": "sm86",
    "card": "RTX 4080",
    "precision": "f32",
    "structures": ("golgi", "er"),
    "shape": (1, 2, 24, 8, 16),
    "form": 99,
}


class Maker:
    """Counts the builds; accepts all plans but those refused."""

    def __init__(self) -> None:
        self.made = 0
        self.refused: set[bytes] = set()

    def make(self) -> bytes:
        self.made += 1
        return f"plan {self.made}".encode()

    def accept(self, plan: bytes) -> bytes | None:
        return None if plan in self.refused else plan

    def get(self, cache: Cache, key: Key = KEY) -> bytes:
        return cache.get(key, self.make, self.accept, lambda _: None)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "plans")


def test_the_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIVESR_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LIVESR_CACHE")
    assert cache_folder().is_absolute()
    assert "livesr" in cache_folder().parts


def test_a_plan_is_made_once(cache: Cache) -> None:
    maker = Maker()
    assert [maker.get(cache) for _ in range(3)] == [b"plan 1"] * 3
    files = {path.name for path in cache.folder.iterdir() if path.suffix != ".lock"}
    assert files == {f"{KEY.stem}.plan", f"{KEY.stem}.json"}
    about = json.loads((cache.folder / f"{KEY.stem}.json").read_text())
    assert about["key"]["card"] == "RTX 4090"


@pytest.mark.parametrize("change", OTHERS)
def test_whatever_differs_makes_another_plan(cache: Cache, change: str) -> None:
    maker = Maker()
    maker.get(cache)
    other = replace(KEY, **{change: OTHERS[change]})
    assert maker.get(cache, other) == b"plan 2"
    assert maker.get(cache) == b"plan 1"


def test_names_are_for_people_and_every_system() -> None:
    assert KEY.stem.startswith("ALL-TensorRT-sm89-f16-24x8x8-")
    name = replace(KEY, package='a/b:c*"d\\e ü').stem
    assert not set(name) & set('/\\:*?"<>| ')


def damage_plan(cache: Cache) -> None:
    path = cache.path(KEY)
    path.write_bytes(path.read_bytes()[:-1])


def damage_description(cache: Cache) -> None:
    cache.path(KEY).with_suffix(".json").write_bytes(b"{")


def empty_description(cache: Cache) -> None:
    cache.path(KEY).with_suffix(".json").write_bytes(b"[]")


def other_card(cache: Cache) -> None:
    path = cache.path(KEY).with_suffix(".json")
    path.write_text(path.read_text().replace("RTX 4090", "RTX 4080"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_plan, "is damaged"),
        (damage_description, "cannot be read"),
        (empty_description, "for something else"),
        (other_card, "for something else"),
    ],
)
def test_what_does_not_fit_is_made_again(
    cache: Cache, damage: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    maker = Maker()
    maker.get(cache)
    assert callable(damage)
    damage(cache)
    assert maker.get(cache) == b"plan 2"
    assert said in caplog.text
    assert maker.get(cache) == b"plan 2"


def test_a_plan_alone_is_made_again(cache: Cache) -> None:
    maker = Maker()
    maker.get(cache)
    cache.path(KEY).with_suffix(".json").unlink()
    assert maker.get(cache) == b"plan 2"


def test_a_plan_that_is_refused_is_made_again(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    maker = Maker()
    maker.get(cache)
    maker.refused.add(b"plan 1")
    assert maker.get(cache) == b"plan 2"
    assert "is refused by TensorRT 11.4" in caplog.text


def test_a_new_plan_that_is_refused_is_an_error(cache: Cache) -> None:
    maker = Maker()
    maker.refused.add(b"plan 1")
    with pytest.raises(ModelError, match="just compiled"):
        maker.get(cache)


def test_a_build_that_fails_leaves_the_old_files_and_no_lock(cache: Cache) -> None:
    maker = Maker()
    maker.get(cache)
    maker.refused.add(b"plan 1")

    def fail() -> bytes:
        raise ModelError("no")

    with pytest.raises(ModelError, match="no"):
        cache.get(KEY, fail, maker.accept, lambda _: None)
    assert cache.path(KEY).read_bytes() == b"plan 1"
    assert maker.get(cache) == b"plan 2"


def test_others_wait_for_the_one_that_compiles(cache: Cache) -> None:
    maker, told = Maker(), list[str]()
    cache.folder.mkdir()
    waiting = threading.Event()
    found: list[bytes] = []

    def tell(text: str) -> None:
        told.append(text)
        waiting.set()

    def ask() -> None:
        found.append(cache.get(KEY, maker.make, maker.accept, tell))

    with FileLock(cache.folder / f"{KEY.stem}.lock"):  # as another process holds it
        thread = threading.Thread(target=ask)
        thread.start()
        assert waiting.wait(30)
        cache.write(KEY, b"theirs")
    thread.join(30)
    assert found == [b"theirs"]
    assert maker.made == 0
    assert told == ["another process compiles ALL: waiting for it"]


def test_a_folder_that_cannot_be_written_costs_only_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "plans").write_text("a file")
    cache, maker = Cache(tmp_path / "plans" / "here"), Maker()
    assert [maker.get(cache) for _ in range(2)] == [b"plan 1", b"plan 2"]
    assert "the plan is not kept" in caplog.text
    with pytest.raises(StorageError, match="cannot be written") as caught:
        cache.write(KEY, b"plan")
    assert "LIVESR_CACHE" in caught.value.fix


def test_nobody_sees_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("change", ["version", "card"])
def test_an_update_or_another_card_compiles_anew(
    folder: Path,
    world: World,
    change: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    package, x = load_package(folder), np.zeros((1, 2, 4, 8, 8), np.float32)
    choose_engine("tensorrt", package).run(x)
    if change == "version":
        world.version = "11.5.0.1"
        monkeypatch.setattr("tensorrt.__version__", world.version)
    else:
        world.cuda.capability, world.cuda.name = (8, 6), b"Fake RTX 3090"
    choose_engine("tensorrt", package).run(x)
    assert world.builds == 2


def test_a_plan_of_another_version_under_the_same_name_is_refused_and_replaced(
    folder: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    package, x = load_package(folder), np.zeros((1, 2, 4, 8, 8), np.float32)
    choose_engine("tensorrt", package).run(x)
    world.version = "11.4.0.107"  # says it is the same, and is not
    with caplog.at_level(logging.WARNING, "livesr"):
        choose_engine("tensorrt", package).run(x)
    assert world.builds == 2
    assert "a plan is refused" in caplog.text


def test_builders_of_a_process_take_turns(folder: Path, world: World) -> None:
    package = load_package(folder)

    def compile_one(y: int) -> None:
        choose_engine("tensorrt", package).run(np.zeros((1, 2, 4, y, 8), np.float32))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(compile_one, (8, 16, 24, 32)))
    assert world.builds == 4


@pytest.mark.parametrize(("library", "targets"), [(TENSORRT, []), (RTX, ["8.9"]), (RTX, [])])
def test_engines_find_what_was_compiled_before(
    folder: Path, world: World, library: Library, targets: list[str]
) -> None:
    package = load_package(folder)
    told: list[str] = []
    for precision in ("auto", "f32"):
        wish = Wish((4, 16, 24), precision)
        (plan,) = compile_package(package, library, targets, wish, progress=told.append)
        assert plan.path.parent == cache_folder()
        assert plan.target == "sm89"
    assert world.builds == 2
    for precision in ("f16", "f32"):
        engine = choose_engine(library.name, package, precision=precision)
        engine.run(np.zeros((1, 2, 4, 16, 24), np.float32))
    assert world.builds == 2


def test_tensorrt_says_that_it_compiles_only_with_the_card(folder: Path, world: World) -> None:
    package = load_package(folder)
    wish = Wish((4, 16, 24))
    with pytest.raises(ModelError, match="does not compile for 'sm86'") as caught:
        compile_package(package, TENSORRT, ["sm86"], wish, progress=print)
    assert "leave --target out" in caught.value.fix
    world.cuda.devices = 0
    with pytest.raises(
        ModelError, match="TensorRT finds no card: there is no NVIDIA card"
    ) as caught:
        compile_package(package, TENSORRT, [], wish, progress=print)
    assert "libraries from NVIDIA" in caught.value.fix
    assert "tensorrt-rtx compiles on any machine" in caught.value.fix
    with pytest.raises(ModelError, match="finds no card") as caught:
        compile_package(package, RTX, [], wish, progress=print)
    assert "--target sm75" in caught.value.fix
