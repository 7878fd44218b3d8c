"""Masks that a person changed are taken in, as any program saved them; what does not fit is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import yaml
from probed_session import GRID, Drawn, masks, session

from livesr.calibration.warp import ChromaticModel
from livesr.errors import ConfigError
from livesr.training.labelled import LabelledStack
from livesr.training.labels.corrections import take_corrections
from livesr.training.labels.dataset import FILE, listed, open_dataset, write_sample
from livesr.training.labels.make import make_dataset
from livesr.training.labels.of_session import session_plan, with_share
from livesr.training.labels.records import Colocalisation, Label

if TYPE_CHECKING:
    from pathlib import Path

REGISTERED = ChromaticModel.identity()
HOW = Label(made="colocalisation", colocalisation=Colocalisation(share=0.1, foreground="FG"))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    rng = np.random.default_rng(60_000)
    counts = rng.integers(100, 900, (2, *GRID.shape)).astype(np.uint16)
    truth = {"mitochondria": masks()["mitochondria"]}
    stack = LabelledStack(counts, GRID, 100.0, REGISTERED, truth, "cell-1")
    write_sample(tmp_path / "mine", stack, {"mitochondria": HOW})
    return tmp_path / "mine"


def label_file(dataset: Path, name: str) -> Path:
    return dataset / "cell-1" / "labels" / name


def test_what_napari_saves_over_a_label_is_taken_in(dataset: Path) -> None:
    path = label_file(dataset, "mitochondria.ome.tif")
    layer = tifffile.imread(path)
    assert layer.shape == GRID.shape
    layer = layer.astype(np.int32)
    layer[2, 60:64, 5:15] = 7  # and saved as napari does (napari.utils.io.imsave)
    tifffile.imwrite(path, layer, compression="zlib", compressionargs={"level": 1})
    (line,) = take_corrections(dataset)
    assert "mitochondria" in line
    opened = open_dataset(dataset)
    (sample,) = opened.samples
    np.testing.assert_array_equal(opened.mask(sample, "mitochondria"), layer > 0)
    known = sample.labels["mitochondria"]
    assert known.voxels == np.count_nonzero(layer)
    assert known.corrected is not None
    assert known.colocalisation == HOW.colocalisation, "how it was made at first is not forgotten"
    assert not take_corrections(dataset), "a second time there is nothing to take in"
    with tifffile.TiffFile(path) as file:
        assert file.series[0].axes == "ZYX"


def test_a_structure_drawn_anew_becomes_a_label(dataset: Path) -> None:
    drawn = masks()["nucleus"].astype(np.uint8)
    tifffile.imwrite(label_file(dataset, "nucleus.tif"), drawn)
    take_corrections(dataset)
    (sample,) = open_dataset(dataset).samples
    assert sample.labels["nucleus"].made == "manual"
    assert sample.labels["nucleus"].corrected is None
    assert not label_file(dataset, "nucleus.tif").exists()


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("mitochondria.ome.tif", (5, 128, 128), "the mask"),
        ("mitochondrium.tif", GRID.shape, "unknown structure"),
    ],
)
def test_what_does_not_fit_leaves_the_data_set_as_it_is(
    dataset: Path, name: str, shape: tuple[int, ...], message: str
) -> None:
    before = (dataset / FILE).read_text("utf-8")
    tifffile.imwrite(label_file(dataset, name), np.ones(shape, np.uint8))
    with pytest.raises(ConfigError, match=message):
        take_corrections(dataset)
    assert (dataset / FILE).read_text("utf-8") == before


def test_a_session_with_a_probe_is_labelled_without_a_plan(tmp_path: Path) -> None:
    folder = session(tmp_path / "probe", Drawn(probe=300.0, positions=2))
    plan = with_share(session_plan(folder, ["green=mitochondria"], foreground="0.5"), 0.03)
    made, warnings = make_dataset(plan, tmp_path / "mine")
    assert not warnings
    assert [sample.name for sample in made.samples] == [
        "probe-mitochondria-0-0", "probe-mitochondria-1-0",
    ]  # fmt: skip
    for sample in made.samples:
        assert sample.offset == 100
        assert sample.channels == ("yellow", "red", "green")
        (name,) = sample.labels
        assert sample.labels[name].colocalisation.share == 0.03
        found = made.mask(sample, "mitochondria")
        assert np.mean(found == masks()["mitochondria"]) > 0.999
    content = yaml.safe_load((tmp_path / "mine" / FILE).read_text("utf-8"))
    assert len(content["samples"]) == 2
    assert listed(tmp_path / "mine").structures == ("mitochondria",)


def test_a_share_that_a_plan_gives_is_kept(tmp_path: Path) -> None:
    folder = session(tmp_path / "probe", Drawn(probe=300.0))
    plan = session_plan(folder, ["green=mitochondria"])
    (sample,) = plan.samples
    own = sample.colocalisation["mitochondria"].model_copy(update={"r": 0.4})
    sample = sample.model_copy(update={"colocalisation": {"mitochondria": own}})
    plan = plan.model_copy(update={"samples": (sample,)})
    (kept,) = with_share(plan, 0.1).samples
    assert kept.colocalisation["mitochondria"].r == 0.4


@pytest.mark.parametrize("probes", [[], ["green"], ["green=golgi", "red=er"]])
def test_a_session_is_labelled_by_one_probe(tmp_path: Path, probes: list[str]) -> None:
    folder = session(tmp_path / "probe", Drawn(probe=300.0))
    with pytest.raises(ConfigError, match="one probe"):
        session_plan(folder, probes)
