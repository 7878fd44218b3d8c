"""What every engine must do, for all that work on this machine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import served
from tiny_network import describe, write_network, write_rdf

from livesr.errors import ModelError
from livesr.segmentation.checking import check_package
from livesr.segmentation.engines import (
    ENGINES,
    REMOTE,
    Engine,
    EngineEntry,
    choose_engine,
    entry_of,
)
from livesr.segmentation.package import list_packages, load_package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livesr.segmentation.package import Package

HERE = [entry.name for entry in ENGINES if entry.unavailable() is None]
WORKING = [*HERE, *(["remote"] if served.INSTALLED else [])]
SHAPES = ((1, 2, 8, 16, 32), (2, 2, 8, 32, 16), (1, 2, 8, 16, 32), (1, 2, 16, 16, 16))
FEW = ("mitochondria", "cytosol", "lipid_droplet")


def features(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2, 0.5, shape).astype(np.float32)


@pytest.fixture(scope="module")
def all_fifteen() -> Package:
    return load_package("ALL")


@pytest.fixture(scope="module")
def exact(all_fifteen: Package) -> Iterator[Engine]:
    """The engine that others are compared with."""
    with closing(choose_engine("openvino", all_fifteen, threads=1, precision="f32")) as engine:
        yield engine


@pytest.fixture(scope="module")
def address() -> Iterator[dict[str, str]]:
    """What an engine is asked for by: a server of ours has every shipped package."""
    names = {name: name for name in HERE}
    if not served.INSTALLED:
        yield names
        return
    with closing(served.Loopback(*list_packages(), engine="openvino", threads=1)) as server:
        yield {**names, "remote": f"remote:{server.url}"}


@pytest.fixture(scope="module", params=WORKING)
def engine(
    request: pytest.FixtureRequest, all_fifteen: Package, address: dict[str, str]
) -> Iterator[Engine]:
    name = address[request.param]
    with closing(choose_engine(name, all_fifteen, threads=1, precision="f32")) as engine:
        yield engine


def test_it_says_what_it_is(engine: Engine, all_fifteen: Package) -> None:
    assert engine.name in WORKING
    assert engine.precision == "f32"
    assert engine.structures == all_fifteen.structures
    assert any(letter.isdigit() for letter in engine.describe())


def test_windows_and_batches_of_any_shape_as_openvino_gives_them(
    engine: Engine, exact: Engine
) -> None:
    for number, shape in enumerate(SHAPES):
        x = features(shape, 60_120 + number)
        found, wanted = engine.run(x), exact.run(x)
        assert found.dtype == np.uint8
        assert found.shape == (shape[0], 15, *shape[2:])
        assert np.abs(found.astype(int) - wanted).max() <= 1


def test_it_writes_into_the_buffer_that_it_is_given(engine: Engine) -> None:
    x, y = (features(SHAPES[0], seed) for seed in (60_130, 60_131))
    expected = engine.run(x).copy()
    out = np.full(expected.shape, 7, np.uint8)
    assert engine.run(x, out) is out
    np.testing.assert_array_equal(out, expected)
    own = engine.run(y)
    np.testing.assert_array_equal(out, expected)
    assert not np.shares_memory(own, out)
    assert (own != expected).any()


def test_windows_cut_from_a_larger_array_are_read_right(engine: Engine) -> None:
    whole = features((2, 16, 48, 48), 60_132)
    part = whole[:, 8:, 16:32, 8:40]
    expected = engine.run(part[None].copy()).copy()
    np.testing.assert_array_equal(engine.run(part[None]), expected)


def test_some_structures_in_any_order_are_the_same_as_of_all(
    engine: Engine, all_fifteen: Package, address: dict[str, str]
) -> None:
    x = features(SHAPES[1], 60_133)
    rows = [all_fifteen.structures.index(structure) for structure in FEW]
    expected = engine.run(x)[:, rows]
    name = address[engine.name]
    some = choose_engine(name, all_fifteen, threads=1, precision="f32", structures=FEW)
    with closing(some):
        assert some.structures == FEW
        found = some.run(x)
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).max() <= 1
        np.testing.assert_array_equal(some.run(x, np.empty_like(found)), found)


def test_two_engines_of_a_package_do_not_disturb_each_other(
    engine: Engine, all_fifteen: Package, address: dict[str, str]
) -> None:
    x, y = (features(SHAPES[0], seed) for seed in (60_134, 60_135))
    expected = engine.run(x).copy()
    other = choose_engine(address[engine.name], all_fifteen, threads=2, precision="f32")
    held = engine.run(x)
    theirs = other.run(y).copy()
    np.testing.assert_array_equal(held, expected)
    assert np.abs(engine.run(y).astype(int) - theirs).max() <= 1
    other.close()
    other.close()
    np.testing.assert_array_equal(engine.run(x), expected)


@pytest.mark.parametrize("name", WORKING)
def test_its_own_precision_changes_little(
    name: str, exact: Engine, all_fifteen: Package, address: dict[str, str]
) -> None:
    x = features((1, 2, 8, 32, 32), 60_136)
    wanted = exact.run(x).astype(int)
    with closing(choose_engine(address[name], all_fifteen, threads=1)) as engine:
        difference = np.abs(engine.run(x) - wanted)
    assert difference.mean() < 0.5
    assert difference.max() < 32


@pytest.mark.parametrize("package", ["ALL2D", "FG", "LD"])
@pytest.mark.parametrize("name", WORKING)
def test_it_gives_the_packages_test_outputs(
    name: str, package: str, address: dict[str, str]
) -> None:
    assert check_package(load_package(package), address[name]).within


@pytest.mark.parametrize("name", WORKING)
@pytest.mark.parametrize("asked", ["structures", "precision", "damage"])
def test_it_refuses_what_it_cannot_do(
    name: str, asked: str, folder: Path, address: dict[str, str]
) -> None:
    arguments = {
        "structures": {"structures": ("mitochondria", "golgi")},
        "precision": {"precision": "float"},
        "damage": {},
    }[asked]
    if asked == "damage":
        with (folder / "model.onnx").open("ab") as file:
            file.write(b" ")
    with pytest.raises(ModelError):
        choose_engine(address[name], load_package(folder), **arguments)


def no_network(folder: Path, _: np.ndarray) -> None:
    (folder / "model.onnx").write_bytes(b"no network")


def floats_out(folder: Path, kernel: np.ndarray) -> None:
    write_network(folder / "model.onnx", kernel, as_bytes=False)


def fewer_outputs(folder: Path, kernel: np.ndarray) -> None:
    write_network(folder / "model.onnx", kernel[:1])


def unknown_operator(folder: Path, _: np.ndarray) -> None:
    model = onnx.load(folder / "model.onnx")
    model.graph.node[1].op_type = "Sigmund"
    onnx.save(model, folder / "model.onnx")


@pytest.mark.parametrize("structures", [None, ("mitochondria",)])
@pytest.mark.parametrize("spoil", [no_network, floats_out, fewer_outputs, unknown_operator])
@pytest.mark.parametrize("name", WORKING)
def test_it_refuses_networks_of_another_kind(
    name: str,
    spoil: object,
    structures: tuple[str, ...] | None,
    folder: Path,
    kernel: np.ndarray,
    address: dict[str, str],
) -> None:
    spoil(folder, kernel)
    write_rdf(folder, describe(folder))
    with pytest.raises(ModelError, match="TINY") as caught:
        choose_engine(address[name], load_package(folder), structures=structures)
    assert caught.value.fix


@pytest.mark.parametrize("entry", [*ENGINES, REMOTE], ids=lambda entry: entry.name)
def test_why_it_does_not_work_names_what_mends_it(entry: EngineEntry) -> None:
    reason = entry.unavailable()
    if reason is not None:
        assert "pip install" in reason or "driver" in reason


def test_a_row_is_found_by_its_name() -> None:
    assert [entry_of(entry.name) for entry in (*ENGINES, REMOTE)] == [*ENGINES, REMOTE]


def test_it_rests_and_goes_on(engine: Engine) -> None:
    x = features((1, 2, 8, 16, 16), 60_145)
    before = engine.run(x).copy()
    engine.rest()
    engine.rest()
    np.testing.assert_array_equal(engine.run(x), before)
