"""Heights that are added to a plan: what the stage does is what the frames say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import useq
from stamping import HEIGHT

from livesr.acquisition import focus_lock
from livesr.acquisition.microscope import MicroscopeSource
from livesr.acquisition.next_stack import NextStack, allowed_offset
from livesr.acquisition.plan import PlannedStack, StackPlan
from livesr.config import session_from
from livesr.config.focus import Focus
from livesr.config.layouts import SingleLayout
from livesr.errors import HardwareError
from livesr.flow import StopToken
from livesr.types import StackIndex

if TYPE_CHECKING:
    from stamping import Make, Taken

    from livesr.types import Frame


def height(frame: Frame) -> float:
    """Return where the stage stood, as the image says."""
    return (int(frame.image[0, HEIGHT]) - 10_000) / 100


@pytest.mark.parametrize("triggered", [True, False])
def test_each_stack_is_taken_so_far_above_its_plan(
    triggered: bool, stamped: Make, taken: Taken
) -> None:
    session = stamped(triggered=triggered)
    asked: list[tuple[StackIndex, float]] = []
    offsets = iter([0.0, 0.25, -0.5])

    def answer(index: StackIndex, time_s: float) -> float:
        asked.append((index, time_s))
        return next(offsets)

    hook = NextStack()
    hook.ask_z_offset(answer)
    source = MicroscopeSource(session, next_stack=hook)
    source.run(taken, StopToken())
    source.close()
    assert [index.t for index, _ in asked] == [0, 1, 2]
    assert [round(time_s) for _, time_s in asked] == [0, 4, 8]
    for frame in taken.frames:
        planned = 0.3 + 0.3 * frame.z
        assert frame.focus_um == [0.0, 0.25, -0.5][frame.stack.t]
        assert frame.position_um[2] == pytest.approx(planned + frame.focus_um)
        assert height(frame) == pytest.approx(frame.position_um[2], abs=0.006)


@pytest.mark.parametrize("triggered", [True, False])
def test_what_autofocus_finds_moves_the_stack_that_follows(
    triggered: bool, stamped: Make, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    autofocus = {"autofocus_motor_offset": 0.0, "axes": ["t"]}
    session = stamped(
        triggered=triggered, autofocus_plan=autofocus, z_plan={"range": 1.2, "step": 0.3}
    )
    source = MicroscopeSource(session)
    monkeypatch.setattr(source.core, "getAutoFocusDevice", lambda: "AF")
    monkeypatch.setattr(source.core, "setAutoFocusOffset", lambda _um: None)
    z = source.core.getZPosition, source.core.setZPosition
    monkeypatch.setattr(source.core, "fullFocus", lambda: z[1](z[0]() + 0.4))
    source.run(taken, StopToken())
    source.close()
    first = [frame for frame in taken.frames if frame.stack.t == 0]
    assert first
    for frame in first:
        assert frame.focus_um == pytest.approx(0.4)
        assert height(frame) == pytest.approx(-0.6 + 0.4 + 0.3 * frame.z, abs=0.006)


def test_an_offset_is_cut_short_at_the_limits() -> None:
    plan = StackPlan(
        useq.MDASequence(axis_order="tz", z_plan={"bottom": 1, "top": 3, "step": 1}),
        SingleLayout(kind="single"),
    )
    (stack,) = plan.stacks()
    assert allowed_offset(stack, 5.0, None) == 5.0
    assert allowed_offset(stack, 5.0, (0.0, 4.0)) == 1.0
    assert allowed_offset(stack, -5.0, (0.0, 4.0)) == -1.0
    assert allowed_offset(stack, 0.5, (0.0, 4.0)) == 0.5
    assert allowed_offset(stack, 0.5, (0.0, 2.0)) == 0.0  # the plan itself is refused elsewhere
    flat = PlannedStack(
        StackIndex(0, 0), 0.0, restarts=False, events=(useq.MDAEvent(),), planes=1, exposures=1
    )
    assert allowed_offset(flat, 0.5, (0.0, 0.1)) == 0.5


class FakeCore:
    """A core whose focus lock holds after so many questions."""

    def __init__(self, holds_after: int = 0, device: str = "PFS") -> None:
        self.left, self.device, self.offset = holds_after, device, 0.0
        self.on = False

    def getAutoFocusDevice(self) -> str:  # noqa: N802
        return self.device

    def setAutoFocusOffset(self, offset: float) -> None:  # noqa: N802
        self.offset = offset

    def getAutoFocusOffset(self) -> float:  # noqa: N802
        return self.offset

    def enableContinuousFocus(self, on: bool) -> None:  # noqa: N802
        self.on = on

    def isContinuousFocusLocked(self) -> bool:  # noqa: N802
        self.left -= 1
        return self.on and self.left < 0


def test_the_lock_is_turned_on_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    core, focus = FakeCore(holds_after=3), Focus(mode="device", device_offset=12.5)
    focus_lock.engage(core, focus, StopToken())  # type: ignore[arg-type]
    assert (core.on, core.offset) == (True, 12.5)
    assert focus_lock.state(core) == {"focus_locked": True, "focus_lock_offset": 12.5}  # type: ignore[arg-type]
    monkeypatch.setattr(focus_lock, "PATIENCE_S", 0.15)
    with pytest.raises(HardwareError, match="did not find its height"):
        focus_lock.engage(FakeCore(holds_after=1000), focus, StopToken())  # type: ignore[arg-type]
    with pytest.raises(HardwareError, match="no autofocus device"):
        focus_lock.engage(FakeCore(device=""), focus, StopToken())  # type: ignore[arg-type]


def test_a_microscope_without_a_lock_says_so_before_the_first_photon(taken: Taken) -> None:
    session = session_from(
        {
            "calibration": "none",
            "microscope": {"config": "simulated"},
            "layout": "single",
            "focus": {"mode": "device"},
        }
    )
    source = MicroscopeSource(session)
    with pytest.raises(HardwareError, match="no autofocus device"):
        source.run(taken, StopToken())
    source.close()
    assert not taken.frames
