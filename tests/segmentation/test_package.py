from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from livesr.errors import ModelError
from livesr.segmentation.package import list_packages, load_package, positions

if TYPE_CHECKING:
    from pathlib import Path


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "package.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | changes
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def test_a_package_is_read(folder: Path) -> None:
    package = load_package(folder)
    assert package.name == "TINY"
    assert package.structures == ("lipid_droplet", "mitochondria")
    assert package.multiple == (4, 8, 8)
    assert package.threshold("lipid_droplet") == 128
    assert package.threshold("mitochondria") == 102
    package.verify()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"structures": ["lipid_droplet", "mitochondrion"]}, "did you mean mitochondria"),
        ({"thresholds": {"lipid_droplet": 0.5}}, "one threshold for each"),
        ({"surprise": 1}, "surprise"),
        ({"format": 2}, "format"),
        ({"heads": []}, "heads"),
        ({"weights": {"file": "../model.onnx", "sha256": "0" * 64}}, "weights.file"),
        (
            {
                "input": {
                    "channels": ["ratio", "intensity"],
                    "voxel_um": [0.3, 0.1, 0.1],
                    "z_multiple": 4,
                    "xy_multiple": 8,
                    "halo": [1, 1, 1],
                }
            },
            "input.channels",
        ),
    ],
)
def test_a_wrong_description_is_refused_with_the_place(
    folder: Path, changes: dict[str, object], said: str
) -> None:
    rewrite(folder, **changes)
    with pytest.raises(ModelError, match=said) as caught:
        load_package(folder)
    assert "package.yaml" in caught.value.where
    assert caught.value.fix


def test_a_file_that_is_not_yaml_is_refused(folder: Path) -> None:
    (folder / "package.yaml").write_text("name: [1,\n", encoding="utf-8")
    with pytest.raises(ModelError, match="not YAML"):
        load_package(folder)


def test_damaged_weights_are_found(folder: Path) -> None:
    weights = folder / "model.bin"
    content = bytearray(weights.read_bytes())
    content[10] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        load_package(folder).verify()


def test_missing_weights_are_said_so(folder: Path) -> None:
    (folder / "model.xml").unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load_package(folder).verify()


def test_an_unknown_package_offers_the_nearest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livesr.segmentation.package.data_folder", lambda _: folder.parent)
    assert [package.name for package in list_packages()] == ["TINY"]
    assert load_package("TINY").folder == folder
    with pytest.raises(ModelError) as caught:
        load_package("TIMY")
    assert "TINY" in caught.value.fix


def test_an_unknown_structure_offers_the_nearest(folder: Path) -> None:
    package = load_package(folder)
    assert positions(package, ["mitochondria"]) == {"mitochondria": 1}
    with pytest.raises(ModelError, match="golgi"):
        positions(package, ["golgi"])


def test_the_packages_that_travel_with_livesr_are_whole() -> None:
    for package in list_packages():
        assert package.name == package.folder.name
        package.verify()
