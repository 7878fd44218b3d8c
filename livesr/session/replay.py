"""Rules over a recorded session: what would have happened, from what was heard then.

The journal's lines of what deciding was told are heard again; with the session's own rules that
gives the session's own decisions. A session that was recorded without rules is measured from its
stored masks. Nothing is acquired, and nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livesr.analysis.rules.placing import NOWHERE
from livesr.errors import ConfigError, StorageError
from livesr.session.deciding import Heard, Mind, stage_of
from livesr.storage.journal import Event
from livesr.storage.ledger import stack_of
from livesr.storage.reader import open_session
from livesr.types import Masks, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from livesr.config.session import Session
    from livesr.session.deciding import Made
    from livesr.storage.image_reader import ImageReader
    from livesr.storage.reader import SessionReader

_DOES = ("interval_s", "z_range_um", "shift_um", "release", "notify", "stop", "run")


@dataclass(frozen=True, slots=True)
class Replay:
    """What rules make of a recorded session.

    Attributes
    ----------
    session : Path
    stacks : int
        That were heard.
    late : int
        That came too late then, and decide nothing now.
    measured : bool
        The cells were measured from stored masks, since the session heard nothing.
    made : list of Made
    before : list of mapping
        Decisions that the session itself made, as it journalled them.
    """

    session: Path
    stacks: int
    late: int
    measured: bool
    made: list[Made]
    before: list[dict[str, Any]]

    @property
    def same(self) -> bool:
        """Whether the decisions are those that the session made, acted on or not."""
        now = [_essence(one.as_dict()) for one in self.made]
        return now == [_essence(one) for one in self.before]

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--json`` prints it."""
        return {
            "session": str(self.session),
            "stacks": self.stacks,
            "late": self.late,
            "measured_from_masks": self.measured,
            "decisions": [one.as_dict() for one in self.made],
            "decisions_then": len(self.before),
            "same_as_then": self.same,
        }

    def rows(self) -> list[dict[str, object]]:
        """Return a row a decision, for people."""
        return [
            {
                "min": f"{one.time_s / 60:.1f}",
                "position": one.position,
                "cell": one.decision.cell,
                "rule": one.decision.rule,
                "does": _in_words(one.decision.action),
                "because": one.decision.cause,
            }
            for one in self.made
        ]


def replay(folder: Path, session: Session) -> Replay:
    """Run a session's rules over what a recorded session heard.

    Parameters
    ----------
    folder : Path
        The recorded session.
    session : Session
        Its rules count, and its ``pace`` and ``dose``.

    Raises
    ------
    ConfigError
        If it has no rules.
    StorageError
        If the recorded session is damaged, or has neither cells nor masks.
    """
    if not session.rules:
        raise ConfigError(
            "there are no rules to replay",
            where="rules",
            fix="give a session file with rules, or: --set 'rules=[{name: …, when: …, then: …}]'",
        )
    reader = open_session(folder)
    entries = reader.journal()
    heard = [entry for entry in entries if entry["event"] == Event.CELLS]
    told = [Heard.read(entry) for entry in heard if not entry.get("late")]
    info = _info(reader)
    mind = Mind(session, info, stage_of(session, info), "")
    measured = not told
    if measured:
        told = list(_measured(reader, entries))
    made = [one for each in told for one in mind.decide(each)]
    before = [entry for entry in entries if entry["event"] == Event.DECISION]
    late = sum(bool(entry.get("late")) for entry in heard)
    return Replay(folder, len(told), late, measured, made, before)


def _info(reader: SessionReader) -> RecordingInfo:
    """Return what is known of a recorded session: enough to decide."""
    if not reader.images:
        raise StorageError(
            "the session has no images",
            where=str(reader.folder),
            fix="give the folder of a session that recorded something",
        )
    image = reader.images[0]
    z, y, x = image.grid.shape
    return RecordingInfo(
        channels=image.channels,
        shape=(len(image.channels), z, y, x),
        timepoints=image.shape[0],
        positions=1,
        pixel_um=image.voxel_um[2],
        z_step_um=image.voxel_um[0],
        interval_s=image.interval_s,
        camera_offset=0.0,
        microscope="",
        camera="",
        objective="",
        simulated=bool(image.attributes.get("simulated")),
    )


def _measured(reader: SessionReader, entries: Sequence[dict[str, Any]]) -> Iterator[Heard]:
    """Yield what each segmented stack would have told, in the order of their times."""
    from livesr.analysis.mitosis.measures import cell_measures

    times = {
        stack_of(entry): float(entry.get("time_s") or 0.0)
        for entry in entries
        if entry["event"] == Event.STACK_STORED
    }
    light = {
        stack_of(entry): float(entry.get("light_ms") or 0.0)
        for entry in entries
        if entry["event"] == Event.STACK_STORED
    }
    spent: dict[int, float] = {}
    for index in sorted(times, key=lambda index: (times[index], index)):
        image = reader.images[index.image]
        position = int(image.attributes.get("position", index.image))
        spent[position] = spent.get(position, 0.0) + light[index]
        if index.t in image.segmented():
            cells = tuple(cell_measures(_masks(image, index)))
            yield Heard(position, times[index], spent[position], 0.0, "", cells)


def _masks(image: ImageReader, index: StackIndex) -> Masks:
    names = image.structures
    volumes = {name: image.mask(name, index.t) for name in names}
    return Masks(volumes, image.mask_grid(names[0]), index)


def _essence(said: dict[str, Any]) -> tuple[object, ...]:
    """Return what makes two decisions the same."""
    does = str({name: said["action"].get(name) for name in _DOES})
    cause = str(said["cause"]).partition("; not done")[0]
    time_s = round(float(said["time_s"]), 3)
    return said["rule"], said["cell"], said["position"], time_s, cause, does


def _in_words(action: Any) -> str:
    if action.get("release"):
        return "watches again"
    said = []
    if "interval_s" in action:
        said.append(f"every {action['interval_s']:g} s")
    if "z_range_um" in action:
        said.append(f"{action['z_range_um']:g} µm tall")
    if any(action.get("shift_um", NOWHERE)):
        said.append("stage by " + ", ".join(f"{at:+.1f}" for at in action["shift_um"]) + " µm")
    said += [word for word in ("notify", "stop") if action.get(word)]
    if action.get("run"):
        said.append("runs " + str(action["run"][0]))
    return ", ".join(said) or "nothing"
