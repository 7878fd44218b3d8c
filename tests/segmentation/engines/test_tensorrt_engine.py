"""The engines ``tensorrt`` and ``tensorrt-rtx`` over the stand-in: results, failures."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tensorrt_helpers import BOTH, exact, features, given_back
from tiny_network import describe, write_rdf

from livesr import doctor
from livesr.errors import ModelError
from livesr.segmentation.checking import check_package
from livesr.segmentation.engines import ENGINES, Options, choose_engine
from livesr.segmentation.engines.tensorrt import execution
from livesr.segmentation.engines.tensorrt.card import Card
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from pathlib import Path

    from fake_tensorrt import World


def test_what_was_returned_last_outlives_the_engine(folder: Path, world: World) -> None:
    engine = choose_engine("tensorrt", load_package(folder))
    found = engine.run(features())
    copy = found.copy()
    engine.close()
    assert np.array_equal(found, copy)
    assert len(world.cuda.pinned) == 1
    del found
    assert not world.cuda.pinned


@pytest.mark.parametrize("name", BOTH)
def test_masks_are_those_of_the_network(name: str, folder: Path, world: World) -> None:
    engine = choose_engine(name, load_package(folder))
    assert (engine.name, engine.precision) == (name, "f16")
    for seed in (60_401, 60_402, 60_403):
        x = features(seed=seed)
        found = engine.run(x)
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - exact(folder, x)).max() <= 2
    engine.close()
    assert given_back(world)


def test_results_go_where_they_are_wanted(folder: Path, world: World) -> None:
    engine = choose_engine("tensorrt", load_package(folder))
    x = features((1, 2, 4, 24, 32))[..., ::2, 4:28]  # not contiguous
    x = x[..., :8, :]
    out = np.full((1, 2, 4, 8, 24), 77, np.uint8)
    assert engine.run(x, out) is out
    assert np.abs(out.astype(int) - exact(folder, np.ascontiguousarray(x))).max() <= 2
    engine.close()


@pytest.mark.parametrize("name", BOTH)
def test_only_what_is_asked_for_is_given(name: str, folder: Path, world: World) -> None:
    package = load_package(folder)
    x = features()
    whole = choose_engine(name, package).run(x).copy()
    engine = choose_engine(name, package, structures=("mitochondria",))
    assert engine.structures == ("mitochondria",)
    assert np.array_equal(engine.run(x), whole[:, 1:])


def test_one_graph_is_launched_for_every_stack(folder: Path, world: World) -> None:
    engine = choose_engine("tensorrt", load_package(folder))
    for _ in range(3):
        engine.run(features())
    assert world.cuda.launches == 3
    assert len(world.cuda.graphs) == 1
    engine.close()


def test_a_network_that_cannot_be_captured_runs_all_the_same(folder: Path, world: World) -> None:
    world.cuda.uncapturable = True
    engine = choose_engine("tensorrt", load_package(folder))
    x = features()
    for _ in range(2):
        assert np.abs(engine.run(x).astype(int) - exact(folder, x)).max() <= 2
    assert world.cuda.launches == 0


def test_a_shape_is_compiled_once_and_kept_for_the_next_session(folder: Path, world: World) -> None:
    for _ in range(2):
        engine = choose_engine("tensorrt", load_package(folder))
        engine.run(features())
        engine.run(features())
        engine.close()
    assert world.builds == 1
    engine.__init__(load_package(folder), Options(structures=("mitochondria",)))  # type: ignore[misc]
    engine.run(features())
    engine.run(features((1, 2, 8, 8, 8)))
    assert world.builds == 3
    engine.close()


def test_few_shapes_stay_on_the_card(folder: Path, world: World) -> None:
    engine = choose_engine("tensorrt", load_package(folder))
    for z in (4, 8, 12):
        engine.run(features((1, 2, z, 8, 8)))
    assert len(world.cuda.streams) == 2
    engine.close()
    assert given_back(world)


def test_networks_share_their_memory(folder: Path, world: World) -> None:
    package = load_package(folder)
    small, large = (choose_engine("tensorrt", package) for _ in range(2))
    a, b = features((1, 2, 4, 8, 8)), features((1, 2, 8, 8, 8))
    first = small.run(a).copy()
    before = execution.arena().address
    second = large.run(b).copy()  # needs more: the memory moves under the first network
    assert before not in world.cuda.held
    assert list(world.cuda.held) == [execution.arena().address]
    assert len(world.cuda.pinned) == 1 + 2 * 2  # features; results of each
    assert np.array_equal(small.run(a), first)
    assert np.array_equal(large.run(b), second)
    small.close()
    assert np.array_equal(large.run(b), second)
    large.close()
    assert given_back(world)


def test_what_was_measured_serves_other_packages(folder: Path, world: World, plans: Path) -> None:
    package = load_package(folder)
    for structures in (None, ("mitochondria",)):
        choose_engine("tensorrt", package, structures=structures).run(features())
    (timings,) = plans.glob("*.timings")
    assert timings.name == "TensorRT_11.4.0.106-sm89-Fake_RTX_4090.timings"
    assert timings.read_bytes() == b"a build a build "
    timings.write_bytes(b"damaged")
    choose_engine("tensorrt", package, structures=("lipid_droplet",)).run(features())
    assert world.builds == 3
    choose_engine("tensorrt-rtx", package).run(features())
    assert len(list(plans.glob("*.timings"))) == 1


def test_progress_of_a_build_is_told(folder: Path, world: World) -> None:
    told: list[str] = []
    choose_engine("tensorrt", load_package(folder), progress=told.append).run(features())
    assert "compiles package TINY for windows of (4, 16, 24)" in told[0]
    assert [line[-4:].strip() for line in told[1:5]] == ["25%", "50%", "75%", "100%"]
    assert "has compiled" in told[-1]


def test_auto_takes_it_where_it_works(folder: Path, world: World) -> None:
    assert choose_engine("auto", load_package(folder)).name == "tensorrt"
    about = {row.name: row.describe() for row in ENGINES if row.name in BOTH}
    assert about["tensorrt"].startswith("TensorRT 11.4.0.106, Fake RTX 4090 (sm89, 24 GiB)")
    assert about["tensorrt-rtx"].startswith("TensorRT-RTX 1.7.1.116, Fake")
    assert all("never executed by us" in text for text in about.values())


def test_the_doctor_has_a_row_for_each(world: World) -> None:
    rows = {check.name: check for check in doctor._engines()}
    for name in BOTH:
        assert rows[f"engine {name}"].status == "ok"
        assert "Fake RTX 4090" in rows[f"engine {name}"].found
    world.cuda.driver = 12080
    for check in doctor._engines():
        if check.name in {f"engine {name}" for name in BOTH}:
            assert check.status == "warning"
            assert "driver is too old" in check.found
            assert check.mend.startswith("install NVIDIA's driver")


def test_precisions(folder: Path, world: World) -> None:
    package = load_package(folder)
    assert choose_engine("tensorrt", package, precision="f32").precision == "f32"
    with pytest.raises(ModelError, match="f16 or f32 here, not bf16"):
        choose_engine("tensorrt", package, precision="bf16")


def test_rtx_keeps_the_kernels_of_the_first_run(
    folder: Path, world: World, plans: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for expected in ([], [True]):
        engine = choose_engine("tensorrt-rtx", load_package(folder))
        engine.run(features())
        engine.close()
        assert world.kernels_taken == expected
    assert [path.read_bytes() for path in plans.glob("*.kernels")] == [world.kernels]
    world.kernels = b"kernels of another driver"
    with caplog.at_level(logging.INFO, "livesr"):
        choose_engine("tensorrt-rtx", load_package(folder)).run(features())
    assert world.kernels_taken == [True, False]
    assert "another card or driver" in caplog.text
    assert world.cuda.launches == 0  # it captures its own graphs


def test_the_package_is_checked_on_it(folder: Path, world: World) -> None:
    x = np.load(folder / "test_input.npy")
    np.save(folder / "test_output.npy", exact(folder, x).astype(np.uint8))
    write_rdf(folder, describe(folder))
    assert check_package(load_package(folder), "tensorrt").within


def test_the_card_says_what_it_is(world: World) -> None:
    card = Card()
    assert (card.name, card.target, card.memory) == ("Fake RTX 4090", "sm89", 24 * 2**30)
    world.cuda.capability = (12, 0)
    assert Card().target == "sm120"


def test_a_copied_package_finds_the_same_plan(folder: Path, world: World, tmp_path: Path) -> None:
    choose_engine("tensorrt", load_package(folder)).run(features())
    shutil.copytree(folder, tmp_path / "copy")
    choose_engine("tensorrt", load_package(tmp_path / "copy")).run(features())
    assert world.builds == 1
