from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'livesr[train]'")
onnx = pytest.importorskip("onnx", reason="export needs onnx: pip install 'livesr[train]'")
pytest.importorskip("onnxscript", reason="export needs onnxscript: pip install 'livesr[train]'")
pytest.importorskip("safetensors", reason="export needs safetensors: pip install 'livesr[train]'")

from livesr.errors import ModelError, StorageError  # noqa: E402 (after the skips)
from livesr.segmentation.checking import check_package  # noqa: E402
from livesr.segmentation.engines import choose_engine  # noqa: E402
from livesr.segmentation.network.deployed import Deployed  # noqa: E402
from livesr.segmentation.network.loading import network_of  # noqa: E402
from livesr.segmentation.package import Package, load_package  # noqa: E402
from livesr.training.learning.loop import build  # noqa: E402
from livesr.training.packaging import export  # noqa: E402
from livesr.training.packaging.export import update_description, write_package  # noqa: E402
from livesr.training.packaging.modelcard import FILES, WARNING, first_line  # noqa: E402
from livesr.training.recipe import recipe_from  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.segmentation.network.unet import AttentionUNet
    from livesr.training.plan import Recipe

MIXED = {
    "name": "MIXED",
    "description": "a test's",
    "network": {
        "widths": [4, 8],
        "head": 8,
        "heads": [
            {"network": "LD", "structures": ["lipid_droplet"]},
            {"network": "PM", "structures": ["plasma_membrane", "filopodia"]},
            {
                "network": "VOLUME",
                "structures": ["nucleus", "cytosol", "extracellular"],
                "activation": "softmax",
                "background": False,
            },
            {
                "network": "ER",
                "structures": ["er", "nuclear_membrane", "nuclear_reticulum"],
                "activation": "softmax",
            },
        ],
    },
}
FG = {
    "name": "FG",
    "network": {
        "dims": "2d",
        "widths": [4, 8],
        "head": 8,
        "channels": ["colocalisation"],
        "heads": [{"network": "FG", "structures": ["foreground"]}],
    },
}


def untrained(recipe: Recipe) -> AttentionUNet:
    """Return a network whose normalisation has something to fold and whose outputs vary."""
    torch.manual_seed(60_000)
    network = build(recipe.network)
    with torch.no_grad():
        network.final.weight.mul_(8)
        for _ in range(3):
            network(torch.randn(2, network.arch.inputs, 8, 16, 16) + 0.5)
    return network.eval()


@pytest.fixture(scope="module", params=[MIXED, FG], ids=lambda said: said["name"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Recipe, AttentionUNet, Package]:
    recipe = recipe_from(request.param)
    network = untrained(recipe)
    folder = write_package(network, recipe, tmp_path_factory.mktemp("made") / recipe.name)
    return recipe, network, load_package(folder)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the parts of writing that take seconds: no graph, noise as test input."""
    monkeypatch.setattr(export, "export_onnx", lambda _, path: path.write_bytes(b"no graph"))
    noise = np.random.default_rng(60_002).random((1, 1, 4, 16, 16), np.float32)
    monkeypatch.setattr(export, "window_of_features", lambda _: noise)


@pytest.fixture
def package(quick: None, tmp_path: Path) -> Path:
    """The folder of a package, alone in its own."""
    recipe = recipe_from(FG)
    return write_package(untrained(recipe), recipe, tmp_path / "FG")


def outputs(network: AttentionUNet, recipe: Recipe, features: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return Deployed(network, recipe.network.heads)(torch.from_numpy(features)).numpy()


def test_a_package_is_whole_and_says_what_the_network_is(
    made: tuple[Recipe, AttentionUNet, Package],
) -> None:
    recipe, network, package = made
    assert sorted(path.name for path in package.folder.iterdir()) == sorted(FILES)
    package.verify()
    assert package.name == recipe.name
    assert package.structures == recipe.network.structures
    assert package.channels == recipe.network.channels
    assert package.dims == recipe.network.dims
    assert package.multiple == network.arch.multiple
    assert [head.activation for head in package.about.heads] == [
        head.activation for head in recipe.network.heads
    ]
    assert package.about.description.startswith(WARNING)
    assert (package.folder / "README.md").read_text(encoding="utf-8").startswith(WARNING)


def test_engines_compute_the_network_at_any_size(
    made: tuple[Recipe, AttentionUNet, Package],
) -> None:
    recipe, network, package = made
    inputs, outs = len(package.channels), len(package.structures)
    session = pytest.importorskip("onnxruntime").InferenceSession(
        str(package.weights), providers=["CPUExecutionProvider"]
    )
    engine = choose_engine("openvino", package, threads=1, precision="f32")
    rng = np.random.default_rng(60_001)
    for shape in ((1, inputs, 4, 16, 24), (2, inputs, 10, 32, 20)):
        features = rng.random(shape, np.float32)
        wanted = outputs(network, recipe, features).astype(int)
        assert wanted.std() > 20
        # kernels are rounded to half precision in the file, and not in the trained network
        for found in (engine.run(features), session.run(None, {"features": features})[0]):
            assert found.dtype == np.uint8
            assert found.shape == (shape[0], outs, *shape[2:])
            step = np.abs(found.astype(int) - wanted)
            assert step.max() <= 2
            assert (step > 1).mean() < 1e-3
    engine.close()


def test_the_test_input_gives_the_test_output(made: tuple[Recipe, AttentionUNet, Package]) -> None:
    package = made[2]
    into, out = (np.load(path) for path in package.test_files())
    assert into.dtype == np.float32
    assert into.shape == (1, len(package.channels), 8, 32, 32)
    assert into.std((0, 2, 3, 4)).min() > 0.01
    assert out.shape == (1, len(package.structures), 8, 32, 32)
    assert out.std() > 0
    assert check_package(package).within


def test_competing_outputs_share_a_voxel(made: tuple[Recipe, AttentionUNet, Package]) -> None:
    recipe, _, package = made
    if recipe.name != "MIXED":
        return
    out = np.load(package.test_files()[1])[0].astype(int)
    volume = [package.structures.index(name) for name in ("nucleus", "cytosol", "extracellular")]
    er = [package.structures.index(name) for name in ("er", "nuclear_membrane")]
    assert np.abs(out[volume].sum(0) - 255).max() <= 2
    assert out[er].sum(0).max() <= 257


def test_the_network_comes_back(made: tuple[Recipe, AttentionUNet, Package]) -> None:
    recipe, network, package = made
    back = network_of(package)
    assert back.arch == network.arch
    assert not back.training
    state = back.state_dict()
    for name, values in network.state_dict().items():
        exact = values.half().float() if values.dim() > 1 else values
        assert torch.equal(state[name], exact), name
    features = np.load(package.test_files()[0])
    step = outputs(back, recipe, features).astype(int) - outputs(network, recipe, features)
    assert np.abs(step).max() <= 2


def test_kernels_are_stored_in_half_and_no_path_of_this_machine(
    made: tuple[Recipe, AttentionUNet, Package],
) -> None:
    package = made[2]
    model = onnx.load(package.weights)
    kinds = {len(t.dims): t.data_type for t in model.graph.initializer if t.data_type in (1, 10)}
    assert kinds[5] == onnx.TensorProto.FLOAT16
    assert kinds[1] == onnx.TensorProto.FLOAT
    content = package.weights.read_bytes()
    assert b"livesr" not in content
    assert b".py" not in content


def test_bioimage_io_takes_it(
    made: tuple[Recipe, AttentionUNet, Package], bioimage_io: Callable[[Path], None]
) -> None:
    bioimage_io(made[2].folder / "rdf.yaml")


def test_an_older_package_is_replaced(package: Path) -> None:
    (package / "rdf.yaml").write_text("old", encoding="utf-8")
    (package / "package.yaml").write_text("older", encoding="utf-8")
    recipe = recipe_from(FG)
    write_package(untrained(recipe), recipe, package)
    load_package(package).verify()
    assert sorted(path.name for path in package.iterdir()) == sorted(FILES)
    assert [path.name for path in package.parent.iterdir()] == ["FG"]


@pytest.mark.parametrize("broken", ["export_onnx", "write_description", "_take_place"])
def test_a_full_disk_leaves_the_older_package(
    package: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = {path.name: path.read_bytes() for path in package.iterdir()}
    monkeypatch.setattr(export, broken, full)
    recipe = recipe_from(FG)
    with pytest.raises(StorageError, match="No space left") as caught:
        write_package(untrained(recipe), recipe, package)
    assert caught.value.where == str(package)
    assert {path.name: path.read_bytes() for path in package.iterdir()} == before
    assert [path.name for path in package.parent.iterdir()] == ["FG"]


def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work", encoding="utf-8")
    recipe = recipe_from(FG)
    with pytest.raises(StorageError, match=r"other files.*thesis\.docx"):
        write_package(untrained(recipe), recipe, tmp_path)
    with pytest.raises(StorageError, match="is a file"):
        write_package(untrained(recipe), recipe, tmp_path / "thesis.docx")
    assert (tmp_path / "thesis.docx").read_text(encoding="utf-8") == "years of work"


@pytest.mark.parametrize("value", [float("nan"), 1e6])
@pytest.mark.usefixtures("quick")
def test_weights_that_half_precision_cannot_hold_are_refused(tmp_path: Path, value: float) -> None:
    recipe = recipe_from(FG)
    network = untrained(recipe)
    with torch.no_grad():
        network.final.weight[0, 0] = value
    with pytest.raises(ModelError, match=r"1 of 32 weights of final\.weight"):
        write_package(network, recipe, tmp_path / "FG")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_writing_does_not_change_the_network(tmp_path: Path) -> None:
    recipe = recipe_from(FG)
    network = untrained(recipe)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    write_package(network, recipe, tmp_path / "FG")
    after = network.state_dict()
    assert set(after) == set(before)
    assert all(torch.equal(after[name], values) for name, values in before.items())


def test_what_is_learnt_later_is_written_beside_the_rest(package: Path) -> None:
    before = load_package(package).about
    scores = {"mean_f1": np.float32(0.5), "structures": {"foreground": {"f1": float("nan")}}}
    seen = [0.1, 0.2]
    trust = {"probability": {"foreground": seen}, "seen": {"a": seen}}
    update_description(package, scores=scores, trust=trust, thresholds={"foreground": 0.25})
    after = load_package(package)
    assert after.about.scores["mean_f1"] == pytest.approx(0.5)
    assert after.about.f1("foreground") is None
    assert after.trust == trust
    assert after.threshold("foreground") == 64
    assert after.about.training == before.training
    readme = (package / "README.md").read_text(encoding="utf-8")
    assert "| foreground | FG | 0.25 | – |" in readme
    after.verify()


@pytest.mark.parametrize(
    "parts", [{"score": {}}, {"thresholds": {"foreground": 1.5}}, {"thresholds": {}}]
)
def test_what_does_not_fit_is_not_written(package: Path, parts: dict[str, object]) -> None:
    before = (package / "rdf.yaml").read_bytes()
    with pytest.raises(ValueError, match=r"score|thresholds|threshold"):
        update_description(package, **parts)
    assert (package / "rdf.yaml").read_bytes() == before


def test_weights_of_another_network_are_refused_with_the_shapes(package: Path) -> None:
    path = package / "rdf.yaml"
    rdf = yaml.safe_load(path.read_text(encoding="utf-8"))
    architecture = rdf["config"]["livesr"]["architecture"]

    def told(**changes: object) -> Package:
        rdf["config"]["livesr"]["architecture"] = architecture | changes
        path.write_text(yaml.safe_dump(rdf), encoding="utf-8")
        return load_package(package)

    with pytest.raises(ModelError, match="size mismatch"):
        network_of(told(widths=[4, 16]))
    with pytest.raises(ModelError, match="unexpected keyword"):
        network_of(told(levels=3))
    with pytest.raises(ModelError, match="size mismatch"):
        network_of(told(outputs=2))


def test_damaged_weights_are_not_trained_on(package: Path) -> None:
    path = package / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"weights\.safetensors .* bytes"):
        network_of(load_package(package))


def test_a_network_of_recordings_says_so() -> None:
    recipe = recipe_from(FG | {"data": {"folders": ["/data/cos7"]}, "initial": "models/ALL"})
    assert first_line(recipe).startswith(
        "Trained on simulated cells and recordings (cos7), begun with package ALL: validate it"
    )
    alone = replace(recipe, initial="", fields=replace(recipe.fields, count=0))
    assert first_line(alone).startswith("Trained on recordings (cos7): validate it")
