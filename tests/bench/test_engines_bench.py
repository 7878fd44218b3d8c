"""The engines' rows in a tiny form: what is counted, in which direction, and what is missing."""

from __future__ import annotations

import json
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from livesr.bench import engines, peer
from livesr.bench.engines import (
    by_engine,
    classical,
    delay,
    disk,
    end_to_end,
    exactness,
    features,
    live,
    loop,
    parts,
    remote,
    scaling,
    start,
    way,
)
from livesr.bench.engines.attainable import Dense, dense_package
from livesr.catalog import NAMES, NETWORKS
from livesr.errors import HardwareError, ModelError
from livesr.segmentation.engines import ENGINES
from livesr.segmentation.operations import multiply_accumulates
from livesr.segmentation.package import load_package
from livesr.types import Normalisation

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.bench.rows import Row

pytest.importorskip("openvino")
TINY = Dense(channels=8, layers=1, shape=(8, 16, 16))
WINDOW = (8, 32, 32)


@pytest.fixture(scope="module")
def raw() -> way.Raw:
    return noise((8, 72, 96))


def noise(shape: tuple[int, int, int]) -> way.Raw:
    counts = np.random.default_rng(60_000).poisson(60, (2, *shape)) + way.OFFSET
    return way.Raw(counts.astype(np.uint16), Normalisation(60.0, 1.0))


@pytest.fixture
def no_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "find_spec", lambda _: None)


def test_a_wide_stack_is_a_simulated_part_and_its_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    photons = np.random.default_rng(60_001).uniform(20, 200, (2, 3, 16, 16)).astype(np.float32)
    monkeypatch.setattr(way, "TILE", 16)
    monkeypatch.setattr(way, "simulate_stack", lambda *_, **__: (photons, {}))
    made = way.raw_stack((3, 40, 24))
    assert made.data.dtype == np.uint16
    assert made.shape == (3, 40, 24)
    np.testing.assert_array_equal(made.data[..., 16:32, :16], made.data[..., 15::-1, :16])
    assert made.data.mean() == pytest.approx(way.OFFSET + photons.mean(), rel=0.05)
    assert made.part(2, 20).shape == (2, 20, 20)


def test_the_way_stores_what_is_asked_for(raw: way.Raw) -> None:
    with way.open_way(raw.shape, structures=["golgi", "er"]) as opened:
        assert opened.run(raw) > 0
        assert opened.tools.networks.structures == ("golgi", "er")
        assert len(opened.times(raw, 2)) == 2
        assert opened.features(raw).data.shape == (2, *opened.tools.warp.target.shape)


def test_end_to_end_without_peers_measures_ours(raw: way.Raw, no_peers: None) -> None:
    rows = list(end_to_end.rows(raw, repeats=1, windows=1, widths=(32, 8)))
    masks = [row for row in rows if "masks on disk" in row.name]
    assert len(masks) == 3
    for row in masks:
        assert row.value > 0
        assert (row.peer_value, row.ratio, row.attained) == (None, None, None)
        assert "livesr[bench]" in row.detail
    assert [row.bound for row in masks] == [
        "500 times faster, asked",
        "100 times faster, asked",
        "10 times faster, asked",
    ]


@pytest.mark.skipif(find_spec("monai") is None, reason="the peer is not installed")
def test_end_to_end_against_peers(raw: way.Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_to_end, "TEN", "ER")  # one of them for all
    rows = list(end_to_end.rows(raw, repeats=1, windows=2, widths=(4,), window=WINDOW))
    for row in (rows[0], rows[-1]):
        assert row.peer_value is not None
        assert row.ratio == pytest.approx(row.peer_value / row.value)
        assert "2 windows timed, of 6 a network" in row.detail


@pytest.mark.skipif(find_spec("monai") is None, reason="the peer is not installed")
def test_the_peer_is_multiplied_to_all_its_windows() -> None:
    called: list[tuple[int, ...]] = []

    def network(x: Any) -> Any:
        called.append(tuple(x.shape))
        return x[:, :1]

    data = np.zeros((2, 8, 80, 80), np.float32)
    found = peer.sliding(network, data, 2, WINDOW)
    assert called == [(1, 2, *WINDOW)] * 3  # one to warm up, two timed
    assert (found.timed, found.count) == (2, 9)
    every = peer.sliding(network, data, 99, WINDOW)
    assert every.timed == 3  # no more than a row has


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_peers_shipped_network_gives_what_the_engine_gives(raw: way.Raw) -> None:
    import torch

    package = load_package("ER")
    data = raw.registered(package).data[:, :, :48, :64]
    with torch.inference_mode():
        theirs = peer.shipped(package)(torch.from_numpy(data[None].copy()))[0].numpy()
    engine = ENGINES[-1].load()(package, by_engine.Options(precision="f32"))
    ours = engine.run(data[None].copy())[0]
    assert np.abs(255 * theirs - ours).max() < 2
    engine.close()


def test_classical_steps_give_the_networks_grid_and_back() -> None:
    data = np.full((2, 4, 30, 30), 200, np.uint16)
    data[1] = 150
    found = classical.features(data, (4, 20, 20))
    assert found.shape == (2, 4, 20, 20)
    np.testing.assert_allclose(found[0], 75, rtol=1e-3)
    np.testing.assert_allclose(found[1], 55 / 105, rtol=1e-3)
    probability = np.zeros((4, 20, 20), np.float32)
    probability[:, :10] = 1
    mask = classical.mask_on_camera(probability, (4, 30, 30))
    assert mask.mean() == pytest.approx(0.5)


def test_live_factors_divide_by_the_recording() -> None:
    rows = {row.name.split(": ")[1]: row for row in live.live_factors(1.2, (24, 1200, 1200))}
    assert rows["prime95b-sequential"].value == pytest.approx(1.2 / 2.4)
    assert rows["two-prime95b"].value == pytest.approx(1.2 / 1.2)
    assert rows["splitter, 1200×1200 a channel"].value == pytest.approx(1.2 / 1.2)
    assert rows["prime95b-quadrants"].value == pytest.approx(1.2 / 4 / 1.2)
    assert rows["wide-split"].value == pytest.approx(1152 * 2304 / 1200**2)
    assert rows["wide-split"].attained == pytest.approx(1200**2 / (1152 * 2304))
    assert rows["prime95b-sequential"].attained == 1.0


def test_every_engine_is_measured_or_says_why_not(
    raw: way.Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = SimpleNamespace(name="cuda", unavailable=lambda: "no such card: buy one")
    openvino = next(entry for entry in ENGINES if entry.name == "openvino")
    monkeypatch.setattr(by_engine, "ENGINES", (absent, openvino))
    first, *rows = by_engine.rows(raw, repeats=1, dense=TINY)
    assert first.detail == "not measured: no such card: buy one"
    assert first.value == 0
    speeds = {row.name: row for row in rows if row.unit == "GMAC/s"}
    assert {name.rsplit(" ", 1)[1] for name in speeds} == set(by_engine.PRECISIONS)
    exact = speeds["network ALL by openvino f32"]
    assert exact.value > 0
    assert exact.bound is not None
    roof = float(exact.bound.split(" ")[0])
    assert exact.attained == pytest.approx(exact.value / roof, rel=1e-2)
    assert "f16" in speeds["network ALL by openvino f16"].detail
    equal = [row for row in rows if row.unit == "Dice"]
    if speeds["network ALL by openvino bf16"].value:
        (row,) = equal
        assert row.value == pytest.approx(
            min(float(part.rsplit(" ", 1)[1]) for part in row.detail.split("; ")[1].split(", ")),
            abs=1e-5,
        )


def test_an_engine_that_takes_no_other_graph_has_no_roof(raw: way.Raw, tmp_path: Path) -> None:
    class Choosy:
        @staticmethod
        def load() -> Any:
            raise ModelError("it takes its own networks only")

    package = load_package("ALL")
    trial = by_engine.Trial(package, raw.registered(package), package, TINY, 1)
    rate, words = by_engine._attainable(Choosy(), "f32", trial)  # type: ignore[arg-type]
    assert rate is None
    assert "its own networks" in words


def test_dense_graph_has_the_operations_that_it_is_sized_for(tmp_path: Path) -> None:
    package = dense_package(tmp_path, TINY)
    package.verify()
    voxels = 8 * 16 * 16
    assert multiply_accumulates(package, TINY.shape) == voxels * 27 * (2 * 8 + 8 * 15)


def test_dice_of_masks_that_differ() -> None:
    package = load_package("ALL")
    exact = np.zeros((15, 1, 2, 2), np.uint8)
    exact[0, 0] = 255
    found = exact.copy()
    found[0, 0, 0, 0] = 0
    dice = by_engine.dices(package, exact, found)
    assert dice[NAMES[0]] == pytest.approx(6 / 7)
    assert dice[NAMES[1]] == 1.0


def test_parts_add_up_on_both_grids(raw: way.Raw) -> None:
    rows = list(parts.rows(raw, repeats=1))
    for grid in ("camera", "network"):
        of = [row for row in rows if f"on the {grid}'s grid" in row.name]
        seconds = {row.name.rsplit(": ", 1)[1]: row.value for row in of if row.unit == "CPU s"}
        assert list(seconds) == [
            "normalisation",
            "warp and features",
            "network",
            "masks",
            "how unlike the training",
            "storing",
            "measuring",
        ]
        (share,) = (row for row in of if row.unit == "share")
        assert share.value == pytest.approx(1 - seconds["network"] / sum(seconds.values()))


def test_delay_and_memory_are_of_a_real_session(raw: way.Raw) -> None:
    late, memory = delay.rows(raw, stacks=2, exposure_s=0.002, rest_s=0.5)
    assert late.value > 0
    assert late.attained == pytest.approx(min(1.3 / late.value, 1.0))
    assert "2 of 2 stacks segmented" in late.detail
    assert 0.05 < memory.value < 10


def test_features_and_disk_against_their_peers(raw: way.Raw) -> None:
    (row,) = features.rows(raw, repeats=1)
    assert row.ratio == pytest.approx(row.peer_value / row.value if row.peer_value else None)
    (row,) = disk.rows(raw, stacks=2)
    assert row.value > 0
    if find_spec("ome_writers"):
        assert row.ratio == pytest.approx(row.value / row.peer_value if row.peer_value else None)


def test_disk_says_which_peer_is_missing(raw: way.Raw, no_peers: None) -> None:
    (row,) = disk.rows(raw, stacks=1)
    assert row.peer_value is None
    assert "ome_writers" in row.detail
    assert row.attained is not None


def test_loop_counts_frames_or_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = loop.rows(side=32, planes=3, stacks=2, exposure_ms=1.0, rounds=1)
    if row.peer_value:
        assert row.ratio == pytest.approx(row.value / row.peer_value)

    def broken(_: object) -> float:
        raise HardwareError("no demo devices", fix="mmcore install")

    monkeypatch.setattr(loop, "_plain", broken)
    (row,) = loop.rows(side=32, planes=3, stacks=2, rounds=1)
    assert row.detail == "not measured: no demo devices; fix: mmcore install"


def test_windows_change_nothing() -> None:
    exact, _ = exactness.rows(noise((8, 900, 72)), max_voxels=8 * 400 * 64)
    assert exact.value == 0
    assert "3 windows" in exact.detail


def test_a_changed_voxel_is_counted() -> None:
    package = load_package("ALL")
    whole = np.zeros((15, 1, 4, 4), np.uint8)
    other = whole.copy()
    other[3, 0, 1, 1:3] = 255
    assert exactness.changed(package, whole, other) == 2
    assert exactness.greatest(whole, other) == 255


def test_scaling_has_three_curves_and_their_exponents(raw: way.Raw) -> None:
    rows = list(
        scaling.rows(
            raw, sides=(32, 64), planes=(2, 4), structures=(1, 15), depth=4, side=64, repeats=1
        )
    )
    on_curves = [(row.curve, row.at) for row in rows if row.curve]
    assert on_curves == [
        (scaling.FIELD, 1024.0),
        (scaling.FIELD, 4096.0),
        (scaling.DEPTH, 2.0),
        (scaling.DEPTH, 4.0),
        (scaling.NUMBER, 1.0),
        (scaling.NUMBER, 15.0),
    ]
    assert sum(row.unit == "exponent" for row in rows) == 3


def test_exponent_of_a_power_law() -> None:
    *_, row = scaling.curve("x", (1, 2, 4), (3.0, 12.0, 48.0), "")
    assert row.value == pytest.approx(2.0)
    assert row.attained == pytest.approx(0.5)


def test_start_comes_to_a_frame_without_torch() -> None:
    first, torch = start.rows(field=48, planes=2, repeats=1, warm=0)
    assert first.value > 0
    for step in ("Python", "imports", "segmenter ready", "first frame"):
        assert step in first.detail
    assert torch.value == 0, torch.detail


def test_topic_goes_on_after_a_part_that_fails(
    monkeypatch: pytest.MonkeyPatch, raw: way.Raw
) -> None:
    def fails(*_: object) -> list[Row]:
        raise ModelError("no engine", fix="install one")

    seen: list[tuple[str, tuple[int, ...]]] = []

    def shown(name: str, *given: way.Raw) -> list[Row]:
        seen.append((name, given[0].shape if given else ()))
        return []

    monkeypatch.setattr(loop, "rows", fails)
    (row,) = engines.part("loop")
    assert row.detail == "not measured: no engine; install one"
    monkeypatch.setattr(way, "raw_stack", lambda shape: noise((shape[0], 8, 8)))
    monkeypatch.setattr(engines, "part", shown)
    assert list(engines.rows()) == []
    assert [name for name, _ in seen] == [
        "end_to_end",
        "remote",
        "by_engine",
        "parts",
        "delay",
        "features",
        "disk",
        "exactness",
        "scaling",
        "loop",
        "start",
    ]
    assert dict(seen)["scaling"] == (36, 8, 8)
    assert dict(seen)["delay"] == (24, 8, 8)


def test_a_server_gives_the_same_voxels(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tritonclient")
    monkeypatch.setattr(remote, "apart", lambda task, *arguments: task(*arguments))
    added, differing = remote.rows(noise((8, 48, 48)), repeats=1, engine="openvino")
    assert added.detail.endswith("both on the same cores")
    assert differing.value == 0


def test_rows_are_json() -> None:
    rows = [*live.live_factors(1.0, (24, 100, 100)), *scaling.curve("x", (1, 2), (1.0, 2.0), "")]
    json.dumps([row.as_dict() for row in rows], allow_nan=False)
    assert len(NETWORKS) == peer.NETWORKS
