"""Rules that contradict, would never fire, or ask for what cannot be are refused before the run."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from livesr.analysis.rules.checks import Taking, check_rules, cost_of, keeps_others, worst
from livesr.config.rules import Dose, Pace, Rule
from livesr.errors import ConfigError

WATCHED = Taking(180.0, 6.9, 24, 1.2, 100)
FAST = Taking(20.0, 15.9, 54, 2.7, 225)


def rule(name: str = "a", stage: Any = "prometaphase", **changes: Any) -> Rule:
    then = changes.pop("then", {"interval_s": 20, "z_range_um": 16})
    when = {"stage": stage, **changes.pop("when", {})}
    return Rule.model_validate({"name": name, "when": when, "then": then, **changes})


def check(
    *rules: Rule, taking: Taking | None = FAST, watched: Taking = WATCHED, **dose: Any
) -> None:
    takings = [taking if one.then.records else None for one in rules]
    check_rules(rules, watched, takings, Dose(**dose), 80)


def test_good_rules_pass() -> None:
    tell = rule("b", "anaphase", then={"notify": True})
    check(rule(), tell)


@pytest.mark.parametrize(
    ("rules", "changes", "what"),
    [
        ([rule(), rule("b", ["metaphase", "prometaphase"])], {}, "'a' and 'b' contradict"),
        ([rule()], {"taking": Taking(2.0, 15.9, 54, 2.7, 1)}, "takes 2.7 s of exposure alone"),
        ([rule()], {"taking": Taking(20.0, 3.0, 11, 0.5, 1)}, "lower than the sequence's own"),
        ([rule(when={"stacks": 9})], {}, "prometaphase lasts 20 min at most, 9 stacks take 24 min"),
        ([rule(when={"stacks": 90})], {"watched": Taking(1, 6.9, 24, 0.5, 1)}, "sequence has 80"),
        ([rule()], {"budget_ms": 2000}, "spent after 2 watched stacks"),
    ],
)
def test_refused(rules: list[Rule], changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what) as error:
        check(*rules, **changes)
    assert error.value.fix


def test_a_fast_rule_lets_a_short_stage_be_seen() -> None:
    tell = rule("b", "anaphase", then={"notify": True}, when={"stacks": 5})
    with pytest.raises(ConfigError, match="would never fire"):
        check(tell)
    check(rule(), tell)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"stage": "prometafase"}, "did you mean prometaphase"),
        ({"stage": "anaphase", "until": {"stage": "prophase"}}, "prophase comes before anaphase"),
        ({"then": {}}, "nothing would be done"),
        ({"then": {"notify": True}, "until": {"stage": "telophase"}}, "until belongs to rules"),
    ],
)
def test_rules_that_say_nothing_sensible(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        rule(**changes)


def test_what_it_costs() -> None:
    cost = cost_of(rule(until={"at_most_min": 60}), FAST, 36_000.0)
    assert (cost.stacks, cost.light_ms, cost.disk_bytes) == (180, 180 * 2700.0, 180 * 225)
    assert worst([cost], Pace(changes_per_hour=1), 36_000.0)["times_a_position"] == 10


def test_others_are_kept_where_there_is_time() -> None:
    assert keeps_others(rule(), FAST, WATCHED, 4)
    assert not keeps_others(rule(), FAST, WATCHED, 20)
    assert keeps_others(rule(others="keep"), FAST, WATCHED, 20)
    assert not keeps_others(rule(others="pause"), FAST, WATCHED, 2)
