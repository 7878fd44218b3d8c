from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'livesr[train]'")
pytest.importorskip("onnxscript", reason="export needs onnxscript: pip install 'livesr[train]'")

from livesr.catalog import NAMES  # noqa: E402 (after the skip)
from livesr.segmentation.engines import choose_engine  # noqa: E402
from livesr.segmentation.package import load_package  # noqa: E402
from livesr.training.export import Deployed, update_description  # noqa: E402
from livesr.training.loop import Trainer, load_best  # noqa: E402
from livesr.training.recipe import recipe_from  # noqa: E402
from livesr.training.run import train  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.training.plan import Recipe


def tiny(folder: Path, steps: int = 4) -> Recipe:
    return recipe_from(
        {
            "name": "TINY",
            "description": "a test's",
            "run": str(folder / "run"),
            "package": str(folder / "TINY"),
            "network": {"widths": [4, 8]},
            "fields": {
                "folder": str(folder / "fields"),
                "seeds": 60_000,
                "validation_seeds": 60_010,
                "count": 1,
                "validation_count": 1,
                "shape": [112, 112],
                "usual_z_step": 1.0,
            },
            "schedule": {
                "steps": steps,
                "patch": [8, 32, 32],
                "validate_every": 2,
                "workers": 0,
                "threads": 1,
                "bf16": False,
            },
        }
    )


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Recipe, Path, list[dict[str, object]]]:
    recipe = tiny(tmp_path_factory.mktemp("training"))
    lines: list[dict[str, object]] = []
    return recipe, train(recipe, progress=lines.append), lines


def test_a_package_comes_out_that_the_program_takes(trained: tuple[Recipe, Path, list]) -> None:
    _, folder, lines = trained
    package = load_package(folder)
    package.verify()
    assert package.structures == NAMES
    assert package.multiple == (2, 4, 4)
    assert package.sha256 == hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert lines[-1]["event"] == "thresholds"
    assert {name: package.about.thresholds[name] for name in NAMES} == {
        name: lines[-1][name] for name in NAMES
    }


def test_the_graph_gives_what_the_network_gives_at_any_shape(
    trained: tuple[Recipe, Path, list],
) -> None:
    recipe, folder, _ = trained
    network = Deployed(load_best(recipe), recipe.network.heads).eval()
    engine = choose_engine("openvino", load_package(folder), threads=1, precision="f32")
    rng = np.random.default_rng(60_000)
    for shape in ((4, 16, 24), (10, 32, 20)):
        features = rng.random((1, 2, *shape), np.float32)
        with torch.no_grad():
            wanted = network(torch.from_numpy(features)).numpy()
        found = engine.run(features)
        assert found.dtype == np.uint8
        assert found.shape == (1, 15, *shape)
        assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1
        assert wanted.std() > 0
    engine.close()


def test_the_log_tells_steps_and_validations(trained: tuple[Recipe, Path, list]) -> None:
    _, folder, _ = trained
    text = (folder.parent / "run" / "log.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    events = [line.get("event") for line in lines]
    assert events.count("validated") == 2
    assert "norm frozen" in events
    assert set(next(line for line in lines if line.get("event") == "validated")["f1"]) == set(NAMES)


def test_a_training_goes_on_where_it_stopped(trained: tuple[Recipe, Path, list]) -> None:
    _, folder, _ = trained
    lines: list[dict[str, object]] = []
    Trainer(tiny(folder.parent, steps=6), lines.append).run()
    assert lines[0] == {"event": "started", "step": 4, "parameters": lines[0]["parameters"]}
    assert lines[-1]["step"] == 6


def test_a_training_may_begin_with_the_weights_of_another(
    trained: tuple[Recipe, Path, list],
) -> None:
    recipe, folder, _ = trained
    initial = folder.parent / "run" / "best.pt"
    second = replace(recipe, run=str(folder.parent / "second"), initial=str(initial))
    trainer = Trainer(second, lambda _: None)
    trainer._resume()
    assert trainer.step == 0
    for key, value in torch.load(initial, weights_only=True).items():
        assert torch.equal(trainer.network.state_dict()[key], value)


def test_scores_are_written_beside_what_stands_there(trained: tuple[Recipe, Path, list]) -> None:
    _, folder, _ = trained
    before = load_package(folder).about
    update_description(folder, scores={"mean_f1": 0.5})
    after = load_package(folder).about
    assert after.scores == {"mean_f1": 0.5}
    assert after.thresholds == before.thresholds
