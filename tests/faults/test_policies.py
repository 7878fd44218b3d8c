"""Every fault with every policy ends as the table in docs/faults.md says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulty import PLANES, Faulty, Given

from livesr.acquisition.troubles import Kind
from livesr.config.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymmcore_plus import CMMCorePlus

pytestmark = pytest.mark.faults
DOCS = Path(__file__).parents[2] / "docs" / "faults.md"
POLICIES = ("retry", "skip", "pause", "stop", "warn")
OUTCOMES = {
    "whole": [],
    "taken again": ["retried"],
    "skipped": ["skipped"],
    "waits": ["paused", "went on"],
    "stops": ["stopped"],
    "warned": ["warned"],
}
EXIT = {"skipped": 6, "stops": 3}


def losing_its_lock(core: CMMCorePlus) -> None:
    """The focus lock lets go before the second stack, until it is turned on again."""
    asked: list[bool] = []
    locked = [True]

    def is_locked() -> bool:
        asked.append(True)
        if len(asked) == 3:  # as the run begins, at the first stack, at the second
            locked[0] = False
        return locked[0]

    core.isContinuousFocusLocked = is_locked  # type: ignore[method-assign]
    core.enableContinuousFocus = lambda on: locked.__setitem__(0, on)  # type: ignore[method-assign]


STAND_INS = {
    "z stage does not arrive once": Given(stage="stamping,TiredZStage", failures=1),
    "filter wheel jams once": Given(wheel="stamping,TiredEmission", sequential=True, failures=2),
    "focus lock lets go": Given(core=losing_its_lock),
}


def rows() -> list[list[str]]:
    lines = DOCS.read_text("utf-8").split("## Every fault")[1].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    head, _, *found = table
    assert [cell.strip("`") for cell in head[3:]] == list(POLICIES)
    return found


def cases() -> list[tuple[str, str, str, str, str]]:
    found = []
    for name, how, key, *cells in rows():
        for policy, outcome in zip(POLICIES, cells, strict=True):
            if outcome != "–":
                found.append((name, how.strip("`"), key.strip("`"), policy, outcome))
    return found


def given_for(name: str, how: str) -> Given:
    if how == "stand-in":
        return STAND_INS[name]
    given = Given(script=f"at frame {PLANES + 2}: {how}")
    if name.endswith("single exposures"):
        return replace(given, stage="stamping,SoftwareZStage")
    return given


@pytest.mark.parametrize(
    ("name", "how", "key", "policy", "outcome"),
    cases(),
    ids=lambda part: re.sub(r"\W+", "-", part),
)
def test_the_outcome_is_as_the_table_says(
    faulty: Callable[..., Faulty], name: str, how: str, key: str, policy: str, outcome: str
) -> None:
    given = given_for(name, how)
    session = faulty(given, **{key: policy}, stall_after_s=0.4)
    result = session.run(given.core)

    assert [line["outcome"] for line in session.faults(t=1)] == OUTCOMES[outcome]
    for line in session.faults():
        assert (line["fault"], line["policy"]) == (key, policy)
        assert line["what"]
        assert line["device"] or key == "focus_drift"
    assert result.exit_code == EXIT.get(outcome, 0), result.error
    assert sum(sum(kind.values()) for kind in result.faults.values()) == len(session.faults())
    session.check_whole(0)
    if outcome in ("whole", "taken again", "waits"):
        session.check_whole(1)
        stored = session.entry("stack_stored", 1)
        assert stored
        assert stored.get("attempt", 0) == (outcome != "whole")
    elif outcome == "warned":
        assert session.entry("stack_stored", 1)
    elif outcome == "skipped":
        failed = session.entry("stack_failed", 1)
        assert failed
        assert failed["reason"]
        assert session.entry("frames_lost", 1)
    if outcome == "stops":
        assert result.error is not None
        assert session.entry("stack_stored", 2) is None
    else:
        session.check_whole(2)


UNSAID = {"stall_after_s": 5, "hang_after_s": 10}


def test_every_kind_and_every_policy_stand_in_the_documents() -> None:
    text = DOCS.read_text("utf-8")
    keys = {key.strip("`") for _, _, key, *_ in rows()}
    assert keys == set(Kind)
    defaults = Faults()
    for field in Faults.model_fields:
        shown = re.search(rf"^  {field}: (\S+)$", text, re.MULTILINE)
        assert shown, field
        value = getattr(defaults, field)
        assert shown[1] == (
            f"{value:g}" if isinstance(value, float) else str(value or UNSAID[field])
        )
