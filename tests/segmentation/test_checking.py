from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tiny_network import describe, write_network, write_rdf

from livesr.errors import ModelError
from livesr.segmentation.checking import check_package
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import Package, load_package

if TYPE_CHECKING:
    from pathlib import Path


def expecting(folder: Path, change: int = 0, voxels: int = 1) -> Package:
    """Return the package with the right test output, or one that is changed here and there."""
    package = load_package(folder)
    engine = choose_engine("auto", package, threads=1, precision="f32")
    out = engine.run(np.load(folder / "test_input.npy")).copy()
    engine.close()
    flat = out.reshape(-1)
    flat[:voxels] = np.where(flat[:voxels] < 128, flat[:voxels] + change, flat[:voxels] - change)
    np.save(folder / "test_output.npy", out)
    write_rdf(folder, describe(folder))
    return load_package(folder)


def test_a_package_that_computes_what_it_should(folder: Path) -> None:
    difference = check_package(expecting(folder))
    assert difference.differing == 0
    assert difference.outputs == 2 * 4 * 8 * 8


@pytest.mark.parametrize(("change", "voxels"), [(2, 1), (1, 20), (100, 512)])
def test_another_output_is_refused_with_the_numbers(folder: Path, change: int, voxels: int) -> None:
    package = expecting(folder, change, voxels)
    said = f"differs in {voxels} of 512 test outputs, by at most {change}/255"
    with pytest.raises(ModelError, match=said):
        check_package(package)


def test_an_output_of_another_shape_is_refused(folder: Path, kernel: np.ndarray) -> None:
    np.save(folder / "test_output.npy", np.zeros((1, 2, 4, 8, 4), np.uint8))
    write_rdf(folder, describe(folder))
    with pytest.raises(ModelError, match=r"gives outputs \(1, 2, 4, 8, 8\).*\(1, 2, 4, 8, 4\)"):
        check_package(load_package(folder))


def test_a_test_input_that_is_no_array_is_refused(folder: Path) -> None:
    np.save(folder / "test_input.npy", np.array([{"code": "runs"}], object), allow_pickle=True)
    write_rdf(folder, describe(folder))
    with pytest.raises(ModelError, match="test input of package TINY cannot be read"):
        check_package(load_package(folder))


def test_a_test_input_of_another_network_is_refused(folder: Path) -> None:
    np.save(folder / "test_input.npy", np.zeros((1, 3, 4, 8, 8), np.float32))
    write_rdf(folder, describe(folder))
    with pytest.raises(ModelError, match=r"\(1, 3, 4, 8, 8\)"):
        check_package(load_package(folder))


def test_damage_is_found_before_anything_runs(folder: Path, kernel: np.ndarray) -> None:
    package = expecting(folder)
    write_network(folder / "model.onnx", 2 * kernel)
    with pytest.raises(ModelError, match="sha256"):
        check_package(package)
