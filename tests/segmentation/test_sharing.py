from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from livesr.errors import ConfigError, ModelError, StorageError
from livesr.segmentation.package import load_package
from livesr.segmentation.sharing import share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def shown(folder: Path) -> Path:
    (folder / "README.md").write_text("a test", encoding="utf-8")
    return folder


def test_a_zip_unpacks_to_the_same_package(shown: Path, tmp_path: Path) -> None:
    path = share(load_package(shown), tmp_path / "out")
    assert path == tmp_path / "out" / "TINY.zip"
    with zipfile.ZipFile(path) as file:
        assert all("/" not in name for name in file.namelist())
        file.extractall(tmp_path / "back")
    back = load_package(tmp_path / "back")
    back.verify()
    assert back.about == load_package(shown).about


def test_bioimage_io_takes_the_zip_of_a_shipped_package(
    tmp_path: Path, bioimage_io: Callable[[Path], None]
) -> None:
    bioimage_io(share(load_package("ALL2D"), tmp_path))


def test_the_graph_alone(shown: Path, tmp_path: Path) -> None:
    path = share(load_package(shown), tmp_path, "onnx")
    assert path.read_bytes() == (shown / "model.onnx").read_bytes()


@pytest.mark.parametrize("form", ["bioimageio-zip", "onnx"])
def test_nothing_is_overwritten(shown: Path, tmp_path: Path, form: str) -> None:
    path = share(load_package(shown), tmp_path, form)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(StorageError, match="not replaced"):
        share(load_package(shown), tmp_path, form)
    assert path.read_text(encoding="utf-8") == "mine"


def test_an_unknown_format_offers_the_nearest(shown: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        share(load_package(shown), tmp_path, "zip")
    assert "bioimageio-zip" in caught.value.fix


def test_a_damaged_package_is_not_passed_on(shown: Path, tmp_path: Path) -> None:
    (shown / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="damaged"):
        share(load_package(shown), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_folders_place_is_told(shown: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        share(load_package(shown), tmp_path / "out")


def test_a_package_without_a_readme_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"README\.md"):
        share(load_package(folder), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
