"""The session's limits of stage and objective, held: before the run, and before each move."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pymmcore_plus.core import Keyword

from livesr.acquisition.plan import StackPlan
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import useq
    from pymmcore_plus import CMMCorePlus

    from livesr.config.layouts import Layout
    from livesr.config.limits import Limits


class StageGuard:
    """Asked before each move of a loaded microscope's stages.

    Parameters
    ----------
    core : CMMCorePlus
    limits : Limits

    Notes
    -----
    Each method raises a RuntimeError, as a stage that refuses a move does, before anything moved:
    ``faults.stage_timeout`` then says what becomes of the stack.
    """

    def __init__(self, core: CMMCorePlus, limits: Limits) -> None:
        self._core = core
        self._limits = limits

    def allow_xy(self, x_um: float, y_um: float) -> None:
        """Refuse a place of the stage that is not allowed."""
        self._refuse(self._limits.refusal(x_um, y_um))

    def allow_z(self, *heights_um: float) -> None:
        """Refuse heights of the focus drive, one after the other from where it stands."""
        if not heights_um:
            return
        for height in heights_um:
            self._refuse(self._limits.refusal(z_um=height))
        if self._limits.z_move_um is not None:
            for before, height in pairwise((self._core.getZPosition(), *heights_um)):
                self._refuse(self._limits.refusal(z_um=height, from_z_um=before))

    def allow_property(self, device: str, name: str, value: object) -> None:
        """Refuse a property that would move the focus drive where it must not go."""
        if name == Keyword.Position and device == self._core.getFocusDevice():
            self.allow_z(float(str(value)))

    def allow_preset(self, group: str, preset: str) -> None:
        """Refuse a preset that would do so."""
        for device, name, value in self._core.getConfigData(group, preset):
            self.allow_property(device, name, value)

    def check_set_up(
        self,
        properties: Mapping[str, Mapping[str, str | float | int]],
        presets: Mapping[str, str],
    ) -> None:
        """Refuse what the session file sets before the run.

        Raises
        ------
        ConfigError
            If it would move the focus drive where it must not go.
        """
        core = self._core
        try:
            for device, values in properties.items():
                for name, value in values.items():
                    self.allow_property(device, name, value)
            for group, preset in presets.items():
                if preset in core.getAvailableConfigs(group):
                    self.allow_preset(group, preset)
        except RuntimeError as error:
            raise ConfigError(
                str(error),
                where="microscope.properties or microscope.presets",
                fix="remove the position, or widen limits",
            ) from None

    def _refuse(self, reason: str) -> None:
        if reason:
            raise RuntimeError(f"{reason}; nothing was moved")


def check_plan(
    plan: StackPlan, layout: Layout, limits: Limits, *, z_um: float, reference_um: float
) -> None:
    """Refuse a plan that leaves the limits, before anything moves.

    Time points do not change places, so that one of each is looked at: the moves of a stack, those
    between stacks, and the way back to the first.

    Parameters
    ----------
    plan : StackPlan
    layout : Layout
    limits : Limits
    z_um : float
        Where the focus drive stands.
    reference_um : float
        Height that relative heights are counted from.

    Raises
    ------
    ConfigError
        Which place, and of which position.
    """
    once = StackPlan(plan.sequence.replace(time_plan=None), layout)
    again = plan.timepoints > 1
    first: float | None = None
    where, before = "sequence", z_um
    for stack in once.stacks(reference_um=reference_um):
        start: float | None = None
        for event in stack.events:
            where = _where(event)
            limits.check(event.x_pos, event.y_pos, event.z_pos, from_z_um=before, where=where)
            if event.z_pos is not None:
                before = event.z_pos
                start = before if start is None else start
        if again:  # an order with p before t takes it again at once
            limits.check(z_um=start, from_z_um=before, where=where)
        first = start if first is None else first
    if again:
        limits.check(z_um=first, from_z_um=before, where=where)


def _where(event: useq.MDAEvent) -> str:
    named = f" ({event.pos_name})" if event.pos_name else ""
    return f"sequence, position {event.index.get('p', 0)}{named}"
