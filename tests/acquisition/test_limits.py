"""No stage leaves the limits of its session: before the run, and before each move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from livesr.acquisition import microscope
from livesr.acquisition.core import close_core, open_core
from livesr.acquisition.limits import StageGuard
from livesr.acquisition.sources import open_source
from livesr.acquisition.troubles import Outcome
from livesr.config import session_from
from livesr.config.limits import Limits
from livesr.errors import ConfigError
from livesr.flow import StopToken

if TYPE_CHECKING:
    from stamping import Make

    from livesr.acquisition.troubles import FaultReport

LIMITS = Limits(x_um=(-10, 10), y_um=(-5, 5), z_um=(0, 20), z_move_um=8)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ((10, 5, 20), ""),
        ((None, None, None), ""),
        ((10.1, 0, 0), "x = 10.1 µm is outside the session's limits, -10 to 10 µm"),
        ((0, -6, 0), "y = -6 µm is outside"),
        ((0, 0, -1), "z = -1 µm is outside"),
        ((0, 0, float("nan")), "z = nan µm is no place"),
    ],
)
def test_places(place: tuple[float | None, ...], reason: str) -> None:
    assert LIMITS.refusal(*place).startswith(reason)
    assert bool(LIMITS.refusal(*place)) == bool(reason)
    assert not Limits().refusal(*(p if p == p else 0 for p in place))
    if reason:
        with pytest.raises(ConfigError) as error:
            LIMITS.check(*place, where="rule 3")
        assert (error.value.where, bool(error.value.fix)) == ("rule 3", True)


def test_a_long_move_of_the_focus_drive_is_refused() -> None:
    assert not LIMITS.refusal(z_um=10, from_z_um=2)
    assert "from z = 1 to 10 µm is longer" in LIMITS.refusal(z_um=10, from_z_um=1)


def test_limits_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ConfigError, match="lower limit first"):
        session_from({"calibration": "none", "limits": {"z_um": [20, 0]}})


STACK = {"bottom": 0.3, "top": 1.5, "step": 0.3}
TWO = [{"x": 0, "y": 0, "z": 1}, {"x": 30, "y": 0, "z": 1, "name": "cell B"}]


@pytest.mark.parametrize(
    ("limits", "sequence", "what", "where"),
    [
        ({"z_um": [0, 1.4]}, {}, "z = 1.5 µm", "position 0"),
        ({"x_um": [-10, 10]}, {"stage_positions": TWO}, "x = 30 µm", "position 1 (cell B)"),
        ({"z_move_um": 1.1}, {}, "from z = 1.5 to 0.3 µm", "position 0"),  # back to the next stack
        ({"z_move_um": 0.25}, {}, "from z = 0 to 0.3 µm", "position 0"),  # from where it stands
        (
            {"z_um": [-1, 1]},
            {"z_plan": {"range": 4, "step": 1}},
            "z = -2 µm",
            "position 0",
        ),  # relative
    ],
)
def test_a_plan_that_leaves_them_is_refused_before_anything_moves(
    stamped: Make, limits: dict[str, Any], sequence: dict[str, Any], what: str, where: str
) -> None:
    session = stamped(**sequence)
    data = session.model_copy(update={"limits": Limits(**limits)})
    with pytest.raises(ConfigError) as error:
        open_source(data)
    assert what in error.value.what
    assert where in error.value.where
    open_source(session).close()


@pytest.mark.parametrize("triggered", [True, False])
def test_what_is_not_planned_is_refused_by_the_engine(
    stamped: Make, monkeypatch: pytest.MonkeyPatch, triggered: bool
) -> None:
    monkeypatch.setattr(microscope, "check_plan", lambda *_, **__: None)
    session = stamped(triggered=triggered, faults={"stage_timeout": "skip"})
    reports: list[FaultReport] = []
    limited = session.model_copy(update={"limits": Limits(z_um=(0, 1.3))})
    source = open_source(limited, on_fault=reports.append)
    core = source.core  # type: ignore[attr-defined] # a microscope
    highest: list[float] = []
    source.run(lambda frame: highest.append(frame.position_um[2]), StopToken())
    assert core.getZPosition() <= 1.3
    source.close()
    assert max(highest, default=0.0) <= 1.3
    assert {(str(r.trouble.kind), r.trouble.device, r.outcome) for r in reports} == {
        ("stage_timeout", "Z", Outcome.SKIPPED)
    }
    assert "z = 1.5 µm is outside the session's limits" in reports[0].trouble.what


def test_positions_set_as_properties_or_presets_are_refused() -> None:
    core = open_core("demo")
    guard = StageGuard(core, LIMITS)
    with pytest.raises(RuntimeError, match="z = 25 µm"):
        guard.allow_property("Z", "Position", "25")
    with pytest.raises(ConfigError, match="z = 25 µm"):
        guard.check_set_up({"Z": {"Position": 25}}, {})
    core.defineConfig("Where", "Up", "Z", "Position", "21")
    with pytest.raises(ConfigError, match="z = 21 µm"):
        guard.check_set_up({}, {"Where": "Up"})
    with pytest.raises(RuntimeError, match="nothing was moved"):
        guard.allow_preset("Where", "Up")
    assert core.getZPosition() == 0
    guard.check_set_up({"Z": {"Position": 5}}, {})
    close_core(core)
