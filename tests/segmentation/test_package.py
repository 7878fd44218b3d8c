from __future__ import annotations

import copy
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tiny_network import describe, livesr, write_rdf

from livesr.errors import ModelError
from livesr.segmentation.package import list_packages, load_package, positions

if TYPE_CHECKING:
    from pathlib import Path


def test_a_package_is_read(folder: Path) -> None:
    package = load_package(folder)
    assert package.name == "TINY"
    assert package.structures == ("lipid_droplet", "mitochondria")
    assert package.channels == ("intensity", "ratio")
    assert package.multiple == (4, 8, 8)
    assert package.trust == {}
    assert package.safetensors == folder / "weights.safetensors"
    assert package.test_files() == (folder / "test_input.npy", folder / "test_output.npy")
    assert package.threshold("lipid_droplet") == 128
    assert package.threshold("mitochondria") == 102
    package.verify()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"structures": ["lipid_droplet", "mitochondrion"]}, "did you mean mitochondria"),
        ({"thresholds": {"lipid_droplet": 0.5}}, "one threshold for each"),
        ({"thresholds": {"lipid_droplet": float("nan")}}, "thresholds"),
        ({"surprise": 1}, "config.livesr.surprise"),
        ({"format": 2}, "config.livesr.format"),
        ({"heads": []}, r"give 0 structures \(\), the package 2 "),
        ({"name": "../TINY"}, "config.livesr.name"),
        ({"input": livesr()["input"] | {"channels": ["ratio", "intensity"]}}, "input.channels|not"),
        ({"input": livesr()["input"] | {"voxel_um": [0.3, 0.1, 0]}}, "voxel_um.2"),
        ({"input": livesr()["input"] | {"channels": ["colocalisation"]}}, "known: foreground"),
    ],
)
def test_a_wrong_description_is_refused_with_the_place(
    folder: Path, changes: dict[str, object], said: str
) -> None:
    write_rdf(folder, describe(folder, **changes))
    with pytest.raises(ModelError, match=said) as caught:
        load_package(folder)
    assert "rdf.yaml" in caught.value.where
    assert caught.value.fix


def source(rdf: dict[str, Any], name: str) -> None:
    rdf["weights"]["onnx"]["source"] = name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rdf: source(rdf, "../model.onnx"), "weights.onnx.source"),
        (lambda rdf: source(rdf, "/etc/model.onnx"), "weights.onnx.source"),
        (lambda rdf: source(rdf, "C:\\model.onnx"), "weights.onnx.source"),
        (lambda rdf: source(rdf, "..onnx"), "weights.onnx.source"),
        (lambda rdf: source(rdf, "https://example.org/model.onnx"), "weights.onnx.source"),
        (lambda rdf: rdf["weights"].pop("onnx"), "weights.onnx"),
        (lambda rdf: rdf.update(attachments=[]), "attachments"),
        (lambda rdf: rdf.update(type="dataset"), "type"),
        (lambda rdf: rdf.update(format_version="0.4.10"), "format_version"),
        (lambda rdf: rdf.pop("config"), "config"),
    ],
)
def test_a_description_of_another_kind_is_refused(folder: Path, change: Any, said: str) -> None:
    rdf = copy.deepcopy(describe(folder))
    change(rdf)
    write_rdf(folder, rdf)
    with pytest.raises(ModelError, match=said):
        load_package(folder)


BOMB = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [1,\n", "not YAML"),
        (BOMB, r"refers to another with '\*a'"),
        ("[" * 200_000, "nested more than 32 deep"),
        ("name: " + "9" * 5000, "not YAML"),
        ("date: 2026-99-99", "not YAML"),
        ("- x\n" * 300_000, "larger than 1,048,576 bytes"),
        ("!!python/object/apply:os.getcwd []", "not YAML"),
        ("", "valid dictionary"),
        ("\x00", "not YAML"),
    ],
)
def test_hostile_yaml_is_refused(folder: Path, text: str, said: str) -> None:
    (folder / "rdf.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=said):
        load_package(folder)


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "rdf.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="not UTF-8"):
        load_package(folder)


@pytest.mark.parametrize(
    "name", ["model.onnx", "weights.safetensors", "test_input.npy", "test_output.npy"]
)
def test_every_file_is_checked(folder: Path, name: str) -> None:
    path, package = folder / name, load_package(folder)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelError, match=f"{name} .* sha256 is [0-9a-f]{{12}}…, rdf.yaml says"):
        package.verify()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=f"has {len(content) // 2:,} bytes, .* {len(content):,}"):
        package.verify()
    path.unlink()
    with pytest.raises(ModelError, match=f"{name} .* cannot be read"):
        package.verify()


def test_packages_of_the_earlier_form_are_told_apart(folder: Path) -> None:
    (folder / "rdf.yaml").rename(folder / "package.yaml")
    with pytest.raises(ModelError, match=r"earlier livesr.*package\.yaml") as caught:
        load_package(folder)
    assert "livesr train" in caught.value.fix


def test_a_package_of_other_images_is_refused(folder: Path) -> None:
    package = load_package(folder)
    package.check_channels()
    with pytest.raises(ModelError, match=r"sees 2 channel.*here there are 1: colocalisation"):
        package.check_channels(("colocalisation",))
    changes = {
        "structures": ["foreground"],
        "heads": [{"network": "FG", "structures": ["foreground"], "activation": "sigmoid"}],
        "thresholds": {"foreground": 0.5},
        "input": livesr()["input"] | {"channels": ["colocalisation"]},
    }
    write_rdf(folder, describe(folder, **changes))
    with pytest.raises(ModelError, match="sees 1 channel") as caught:
        load_package(folder).check_channels()
    assert "ALL" in caught.value.fix


def test_an_unknown_package_offers_the_nearest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livesr.segmentation.package.data_folder", lambda _: folder.parent)
    (folder.parent / ".NEW.1.new").mkdir()
    (folder.parent / ".NEW.1.new" / "rdf.yaml").touch()
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
    packages = list_packages()
    assert packages
    for package in packages:
        assert package.name == package.folder.name
        package.verify()
        rdf = yaml.safe_load((package.folder / "rdf.yaml").read_text(encoding="utf-8"))
        assert rdf["description"].startswith("Trained on simulated cells")
        readme = (package.folder / "README.md").read_text(encoding="utf-8")
        assert readme.startswith("Trained on simulated cells")


def test_the_shipped_packages_stay_small() -> None:
    files = [path for package in list_packages() for path in package.folder.iterdir()]
    assert sum(path.stat().st_size for path in files) <= 60e6


def test_reading_a_package_needs_no_large_library() -> None:
    code = (
        "import sys; from livesr.segmentation.package import list_packages; list_packages(); "
        "assert not {'torch', 'onnx', 'openvino', 'bioimageio', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
