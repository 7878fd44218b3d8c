"""Rules change the acquisition while it runs, and say what they did and why."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scripted_cells import FIELD, ScriptedDecoder, session_dict

from livesr.cli.app import register, run
from livesr.config import session_from
from livesr.pipeline import segment
from livesr.session import deciding, make_plan, run_session
from livesr.session import segmenter as guests
from livesr.session.job import Job
from livesr.session.past import read_past
from livesr.stop import StopToken
from livesr.storage.journal import read_journal
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table
from livesr.types import Stack, StackIndex
from livesr.viewer.loader import Loader
from livesr.viewer.state import View

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.session.progress import Progress


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session in which the cell of the second position divides."""
    folder: Path = tmp_path_factory.mktemp("rules") / "s"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding, "new_decoder", ScriptedDecoder)
        result = run_session(make_plan(session_from(session_dict())), folder)
    assert result.exit_code == 0, result.error
    return folder


def lines(folder: Path, event: str) -> list[dict[str, Any]]:
    return [line for line in read_journal(folder / "journal.jsonl") if line["event"] == event]


def test_the_division_is_recorded_fast_and_tall_and_then_watched_again(recorded: Path) -> None:
    first, *_, last = lines(recorded, "decision")
    assert first["rule"] == last["rule"] == "record the division"
    assert first["acted"]
    assert first["time_s"] == pytest.approx(240.0, abs=3)  # 180 and 240: two stacks
    assert first["seen"]["stage"] == "prometaphase"
    assert "cell 1 is in prometaphase (probability 0.97, 2 stacks" in first["cause"]
    assert last["action"] == {"position": 1, "release": True}
    assert "cell 1 is in telophase, 1 min ago" in last["cause"]
    told = [line for line in lines(recorded, "decision") if line["rule"] == "tell me"]
    assert [line["action"]["notify"] for line in told] == [True]

    (begun,) = lines(recorded, "image_begun")
    assert (begun["image"], begun["position"], begun["mode"]) == (2, 1, 1)
    images = open_session(recorded).images
    assert [image.shape[2] for image in images] == [8, 8, 12]
    assert images[2].attributes["mode"] == "record the division"
    assert images[2].segmented() == images[2].stored()
    assert images[2].mask("cytosol", 0).shape[0] == 12


def test_times_and_places_of_every_stack_are_kept(recorded: Path) -> None:
    rows = read_table(recorded / "planes.parquet")
    lowest = {(r["image"], r["t"]): r for r in rows if r["z"] == 0}
    starts = {k: [r["time_s"] for (n, _), r in sorted(lowest.items()) if n == k] for k in range(3)}
    assert starts[0] == pytest.approx([60 * k for k in range(10)], abs=3)
    fast = starts[2]
    assert fast[0] == pytest.approx(241, abs=4)
    assert [b - a for a, b in pairwise(fast)] == pytest.approx([20.0] * (len(fast) - 1), abs=3)
    watched = [*[60.0 * k for k in range(5)], *[60.0 * k for k in range(8, 10)]]
    assert starts[1] == pytest.approx(watched, abs=4)
    assert all(json.loads(r["device"])["triggered"] for r in rows if r["image"] == 2)
    at = lowest[2, 0]
    assert (at["x_um"], at["y_um"]) == pytest.approx((10 + 6, -4))
    assert at["z_um"] == pytest.approx(0.5 - 0.65)  # 2 µm and margins do not fit 3.3: the middle
    assert lowest[1, 6]["x_um"] == 10


def test_what_is_decided_holds_from_the_next_stack_on(recorded: Path) -> None:
    changed = lines(recorded, "changed")
    assert [line["position"] for line in changed] == [1, 1]
    assert changed[0]["stacks_between"] == 0


def test_every_stack_was_heard_once_with_its_dose(recorded: Path) -> None:
    heard = lines(recorded, "cells")
    stored = lines(recorded, "stack_stored")
    assert len(heard) == len(stored)
    assert not any(line.get("late") for line in heard)
    light = {0: 0.0, 1: 0.0}
    for line in stored:
        light[0 if line["index"]["image"] == 0 else 1] += line["light_ms"]
    assert max(line["light_ms"] for line in heard if line["position"] == 1) == pytest.approx(
        light[1]
    )
    assert open_session(recorded).images[2].shape[-1] == FIELD


def test_a_replay_decides_the_same_and_other_rules_otherwise(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deciding, "new_decoder", ScriptedDecoder)
    register(["run"])
    assert run(["run", "--replay", str(recorded), "--json"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert said["same_as_then"]
    assert "the same decisions as then" in err
    assert len(said["decisions"]) == len(lines(recorded, "decision")) == 3
    later = "--set=rules.0.until.plus_min=3"
    assert run(["run", "--replay", str(recorded), later, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert not said["same_as_then"]
    none = "--set=rules=[]"
    assert run(["run", "--replay", str(recorded), none]) == 2
    assert "there are no rules to replay" in capsys.readouterr().err


def test_an_interrupted_session_goes_on_following(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "new_decoder", ScriptedDecoder)
    stop, folder = StopToken(), tmp_path / "s"

    def end_within_the_division(now: Progress) -> None:
        if now.stacks == 14:
            stop.stop("enough")

    plan = make_plan(session_from(session_dict()))
    run_session(plan, folder, stop=stop, progress=end_within_the_division)
    before = lines(folder, "decision")
    assert [line["action"].get("release") for line in before] == [None]
    result = run_session(make_plan(session_from(session_dict())), folder, resume=True)
    assert result.exit_code == 0, result.error
    decisions = [(one["rule"], one["cause"]) for one in lines(folder, "decision")]
    assert decisions == [(one["rule"], one["cause"]) for one in lines(recorded, "decision")]
    again, whole = open_session(folder), open_session(recorded)
    assert [image.shape for image in again.images] == [image.shape for image in whole.images]
    assert again.images[2].stored() == whole.images[2].stored()


def test_masks_of_tall_stacks_do_not_depend_on_when_they_are_made(recorded: Path) -> None:
    plan = make_plan(session_from(session_dict()))
    plan.source.close()
    job = Job.of(plan, recorded)
    tools, _ = guests.load_tools(job)
    tall = guests.for_each_height(tools, job)[12]
    past = read_past(recorded, plan.info.channels)
    image, index = open_session(recorded).images[2], StackIndex(2, 1)
    data = np.stack([image.raw(1, c) for c in range(2)])
    followed = past.followed[index]
    found = segment(Stack(data, index, 0.0), followed.normalisation, tall, followed.channel_offset)
    for name in plan.structures:
        np.testing.assert_array_equal(found.masks.volumes[name], image.mask(name, 1))
    for engine in tools.engines:
        engine.close()


def test_the_viewer_shows_each_image(recorded: Path) -> None:
    loader = Loader(open_session(recorded))
    loader.refresh()
    assert [scene.name for scene in loader.scenes] == [
        "image 0", "image 1", "image 2: record the division",
    ]  # fmt: skip
    picture = loader.load(View(image=2, t=1, z=11))
    assert picture is not None
    assert picture.labels is not None
    assert picture.base.shape[:2] == (FIELD, FIELD)
