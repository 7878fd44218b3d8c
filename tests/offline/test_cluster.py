"""Dask's workers write the masks that this process writes, bit for bit."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from offline_recordings import CHANGES, masks_of, raw_of, write_cell

from livesr.errors import ConfigError, HardwareError
from livesr.flow import StopToken
from livesr.offline import Input, Wishes, process
from livesr.offline.hands import Here
from livesr.storage.folder import MEASUREMENTS_FILE
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

distributed = pytest.importorskip("distributed", reason='pip install "livesr[cluster]"')
from livesr.offline.cluster import Cluster  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what distributed leaves behind is its own


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    cluster = Cluster(workers=2, threads=1)
    yield cluster
    cluster.close()


def stored(folder: Path) -> list[dict[str, Any]]:
    keys = ("index", "time_s", "normalisation", "channel_offset_nm", "estimate")
    lines = [e for e in open_session(folder).journal() if e["event"] == "stack_stored"]
    return [{key: line.get(key) for key in keys} for line in lines]


def rows(folder: Path) -> list[tuple[Any, ...]]:
    names = ("image", "t", "structure", "voxels", "volume_um3")
    return sorted(tuple(row[n] for n in names) for row in read_table(folder / MEASUREMENTS_FILE))


def test_masks_values_and_tables_are_those_of_one_process(two: Cluster, tmp_path: Path) -> None:
    inputs = []
    for name, count in (("a", 5), ("b", 1)):
        write_cell(tmp_path / f"{name}.ome.tif", timepoints=count, seed=60_050 + count)
        inputs.append(Input(tmp_path / f"{name}.ome.tif", name))
    wishes = Wishes(settings=CHANGES)
    here = Here(threads=1)
    for hands, out in ((two, "many"), (here, "one")):
        reports = process(inputs, wishes, tmp_path / out, hands, stop=StopToken())
        assert all(report.complete for report in reports), reports
    here.close()
    for one in inputs:
        many, alone = tmp_path / "many" / one.name, tmp_path / "one" / one.name
        assert stored(many) == stored(alone)
        assert rows(many) == rows(alone)
        for t in range(len(stored(alone))):
            np.testing.assert_array_equal(raw_of(many, t), raw_of(alone, t))
            for name, mask in masks_of(alone, t).items():
                np.testing.assert_array_equal(masks_of(many, t)[name], mask)
    assert not list(tmp_path.rglob("*.__lock"))


def test_a_worker_that_dies_costs_no_stack(two: Cluster, tmp_path: Path) -> None:
    write_cell(tmp_path / "a.ome.tif", timepoints=4)
    killed: list[int] = []

    def kill_one(progress: Any) -> None:
        if progress.stacks and not killed:
            killed.extend(two._client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGTERM)

    report = process(
        [Input(tmp_path / "a.ome.tif", "a")],
        Wishes(settings=CHANGES),
        tmp_path / "out",
        two,
        stop=StopToken(),
        progress=kill_one,
    )[0]
    assert killed
    assert report.complete, report


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livesr.offline.cluster._START_S", 0.5)
    with pytest.raises(HardwareError, match="no Dask worker answers"):
        Cluster(scheduler="tcp://127.0.0.1:9")


def test_without_dask_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ConfigError) as error:
        Cluster(workers=2)
    assert "livesr[cluster]" in error.value.fix
