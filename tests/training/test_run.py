from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'livesr[train]'")
pytest.importorskip("onnxscript", reason="export needs onnxscript: pip install 'livesr[train]'")

from skimage.io import imread  # noqa: E402

from livesr.catalog import NAMES  # noqa: E402 (after the skip)
from livesr.errors import ModelError, StorageError  # noqa: E402
from livesr.segmentation.engines import choose_engine  # noqa: E402
from livesr.segmentation.network.deployed import Deployed  # noqa: E402
from livesr.segmentation.network.heads import probabilities  # noqa: E402
from livesr.segmentation.network.loading import network_of  # noqa: E402
from livesr.segmentation.package import load_package  # noqa: E402
from livesr.training.labelled import simulate  # noqa: E402
from livesr.training.labels.dataset import write_sample  # noqa: E402
from livesr.training.learning.crew import Crew  # noqa: E402
from livesr.training.learning.loop import Trainer, load_best  # noqa: E402
from livesr.training.learning.runlog import draw_curves, read_log  # noqa: E402
from livesr.training.learning.teachers import Teachers, unweighted  # noqa: E402
from livesr.training.packaging.export import update_description  # noqa: E402
from livesr.training.recipe import dump_recipe, recipe_from  # noqa: E402
from livesr.training.run import take_recordings, train, tune_package  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from livesr.training.labelled import LabelledStack
    from livesr.training.plan import Recipe

ALONE = Crew(0, 1, "cpu")


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
        name: lines[-1]["chosen"][name] for name in NAMES
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
    Trainer(tiny(folder.parent, steps=6), lines.append, ALONE).run()
    assert lines[0] == {"event": "started", "step": 4, "parameters": lines[0]["parameters"]}
    assert lines[-1]["step"] == 6


def test_a_checkpoint_of_another_network_is_refused(trained: tuple[Recipe, Path, list]) -> None:
    recipe, _, _ = trained
    wider = replace(recipe, network=replace(recipe.network, widths=(8, 8)))
    with pytest.raises(StorageError, match="does not fit the recipe"):
        Trainer(wider, lambda _: None, ALONE)


def test_curves_and_tensorboard_files_are_drawn(trained: tuple[Recipe, Path, list]) -> None:
    _, folder, _ = trained
    run = folder.parent / "run"
    draw_curves(run)
    image = imread(run / "curves.png")
    assert image.shape[0] > 300
    assert image[..., :3].std() > 10
    pytest.importorskip("tensorboard")
    assert list((run / "tensorboard").glob("events.*"))


def test_a_training_may_begin_with_a_package(
    trained: tuple[Recipe, Path, list], tmp_path: Path
) -> None:
    _, folder, _ = trained
    lines: list[dict[str, object]] = []
    data = {"name": "SECOND", "run": str(tmp_path / "run"), "initial": str(folder)}
    second = Trainer(recipe_from(data), lines.append, ALONE)
    assert second.recipe.network.widths == (4, 8)
    assert lines[0] == {"event": "adopted", "package": str(folder), "untrained": []}
    start = network_of(load_package(folder)).state_dict()
    for key, value in second.network.state_dict().items():
        assert torch.equal(value, start[key].to(value.dtype)), key


def test_a_fine_tuning_that_only_harms_ends_where_it_began(
    trained: tuple[Recipe, Path, list], tmp_path: Path
) -> None:
    recipe, folder, _ = trained
    harm = replace(recipe.schedule, learning_rate=1.0, freeze_norm=0.0, steps=2)
    tuned = replace(recipe, run=str(tmp_path), initial=str(folder), schedule=harm)
    Trainer(tuned, lambda _: None, ALONE).run()
    start = network_of(load_package(folder)).state_dict()
    for key, value in load_best(tuned).state_dict().items():
        assert torch.equal(value, start[key].to(value.dtype)), key


@pytest.fixture
def recorded(trained: tuple[Recipe, Path, list], tmp_path: Path) -> Recipe:
    """A fine-tuning on one simulated recording, of which two structures are labelled."""
    recipe, folder, _ = trained
    stack = simulate(60_020, shape=(8, 96, 96))
    known = {name: stack.truth[name] for name in ("nucleus", "cytosol")}
    write_sample(tmp_path / "mine", replace(stack, truth=known, name="first"))
    return replace(
        recipe,
        run=str(tmp_path / "run"),
        initial=str(folder),
        data=replace(recipe.data, folders=(str(tmp_path / "mine"),)),
    )


def test_simulated_cells_do_not_choose_what_recordings_taught(recorded: Recipe) -> None:
    """They would always choose the beginning, where the light is their own."""
    harm = replace(recorded.schedule, learning_rate=1.0, freeze_norm=0.0, steps=2)
    tuned = replace(recorded, schedule=harm)
    take_recordings(tuned)
    last = Trainer(tuned, lambda _: None, ALONE)
    last.run()
    for key, value in load_best(tuned).state_dict().items():
        assert torch.equal(value, last.average.state_dict()[key]), key


def test_thresholds_of_what_is_labelled_come_from_the_recordings(
    recorded: Recipe, trained: tuple[Recipe, Path, list], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated cells have the last word only on what the recordings do not show."""
    answers = {"simulated": 0.2, "own": 0.8}

    def tune(package: object, _: object, stacks: Iterable[LabelledStack]) -> dict[str, float]:
        chosen = dict(package.about.thresholds)
        for stack in stacks:
            answer = answers["own" if stack.name == "first" else "simulated"]
            chosen |= dict.fromkeys(stack.truth, answer)
        return chosen

    _, folder, _ = trained
    mine = folder.with_name("MINE")
    shutil.copytree(folder, mine, dirs_exist_ok=True)
    monkeypatch.setattr("livesr.training.run.tune", tune)
    monkeypatch.setattr(
        "livesr.training.run.simulate", lambda seed, **_: simulate(seed, shape=(8, 64, 64))
    )
    tune_package(recorded, mine)
    chosen = load_package(mine).about.thresholds
    assert {name for name, t in chosen.items() if t == answers["own"]} == {"nucleus", "cytosol"}
    assert chosen["er"] == answers["simulated"]


def test_one_head_may_begin_with_all_of_them(
    trained: tuple[Recipe, Path, list], tmp_path: Path
) -> None:
    _, folder, _ = trained
    data = {
        "name": "ER",
        "run": str(tmp_path / "run"),
        "initial": str(folder),
        "network": {
            "widths": [4, 8],
            "heads": [{"network": "ER", "structures": ["nuclear_membrane", "er"]}],
        },
    }
    one = Trainer(recipe_from(data), lambda _: None, ALONE)
    whole = network_of(load_package(folder)).eval()
    one.network.eval()
    features = torch.rand(1, 2, 4, 8, 8)
    with torch.no_grad():
        ours, theirs = one.network(features), whole(features)
    for mine, name in enumerate(("nuclear_membrane", "er")):
        k = NAMES.index(name)
        assert torch.allclose(ours[:, 4 * mine : 4 * mine + 4], theirs[:, 4 * k : 4 * k + 4])


def test_a_package_of_another_form_is_no_beginning(
    trained: tuple[Recipe, Path, list], tmp_path: Path
) -> None:
    _, folder, _ = trained
    data = {
        "name": "A",
        "run": str(tmp_path),
        "initial": str(folder),
        "network": {"widths": [8, 8]},
    }
    with pytest.raises(ModelError, match=r"widths \(8, 8\).*widths \(4, 8\)"):
        Trainer(recipe_from(data), lambda _: None, ALONE)


def test_teachers_move_the_target_towards_what_they_say(
    trained: tuple[Recipe, Path, list], tmp_path: Path
) -> None:
    recipe, folder, _ = trained
    taught = replace(recipe, run=str(tmp_path), teachers=(str(folder),), teaching=0.25)
    taught = replace(taught, loss=replace(taught.loss, positive={}))
    features = torch.rand(1, 2, 4, 8, 8)
    with torch.no_grad():
        said = probabilities(
            network_of(load_package(folder)).eval()(features), recipe.network.heads
        )
    target = torch.full(said.shape, 200, dtype=torch.uint8)
    mixed = Teachers(taught, "cpu").mixed(features, target).float()
    assert (mixed - (0.75 * 200 + 0.25 * 255 * said)).abs().max() < 2.0


def test_a_teacher_of_other_structures_is_refused(
    trained: tuple[Recipe, Path, list], tmp_path: Path
) -> None:
    recipe, folder, _ = trained
    flat = replace(recipe.network, dims="2d")
    other = replace(recipe, run=str(tmp_path), network=flat, teachers=(str(folder),))
    with pytest.raises(ModelError, match="cannot teach"):
        Teachers(other, "cpu")


def test_what_a_teacher_was_weighed_with_is_taken_back() -> None:
    p = torch.tensor([0.0, 0.1, 0.5, 1.0])
    weighed = 5 * p / (5 * p + 1 - p)
    assert torch.allclose(unweighted(weighed, 5.0), p)


def test_no_room_on_the_disk_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StorageError, match=r"needs about 0\.2 GB .* 0\.1 GB are free"):
        train(tiny(tmp_path), progress=lambda _: None)
    assert not list((tmp_path / "fields").iterdir())


def test_two_processes_train_one_network(tmp_path: Path) -> None:
    recipe = tiny(tmp_path)
    path = tmp_path / "recipe.yaml"
    path.write_text(dump_recipe(recipe), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "livesr", "train", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    lines = read_log(tmp_path / "run")
    assert [line["step"] for line in lines if line.get("event") == "validated"] == [2, 4]
    load_package(tmp_path / "TINY").verify()


def test_scores_are_written_beside_what_stands_there(trained: tuple[Recipe, Path, list]) -> None:
    _, folder, _ = trained
    before = load_package(folder).about
    update_description(folder, scores={"mean_f1": 0.5})
    after = load_package(folder).about
    assert after.scores == {"mean_f1": 0.5}
    assert after.thresholds == before.thresholds
