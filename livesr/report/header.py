"""The head of the report: what, when, with what, how it ended, and what it does not say."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from livesr import html
from livesr.report.words import counted, number, span
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.report.told import Told

TRAINED = (
    "All shipped networks were trained on simulated cells only: how good these masks are on your "
    "microscope is unknown until livesr validate has compared them with labels of your own. Every "
    "number on this page is as good as the masks that it was made from."
)
SIMULATED = "The microscope was simulated: none of these cells was alive."
UNCALIBRATED = (
    "The channels were laid over each other as they are, without a calibration: membrane edges "
    "have a false ratio."
)


def head(told: Told) -> Iterator[str]:
    """Yield the parts of the page's head."""
    yield html.paragraph(_summary(told), _kind(told))
    if told.begun.get("package"):
        yield html.paragraph(TRAINED, "honest")
    if told.begun.get("simulated"):
        yield html.paragraph(SIMULATED, "fair")
    if told.begun.get("calibration") == "none" and len(told.begun.get("channels", ())) > 1:
        yield html.paragraph(UNCALIBRATED, "fair")
    for warning in told.begun.get("warnings", ()):
        yield html.paragraph(str(warning), "fair")
    yield html.terms((name, text) for name, text in _facts(told) if text)


def title(told: Told) -> str:
    """Return the page's title."""
    return f"Session {told.begun.get('name') or told.folder.name}"


def _kind(told: Told) -> str:
    status, ended = told.reader.status(), told.ended
    if not ended or ended.get("error"):
        return "honest"
    whole = not (status.failed or status.frames_lost or status.pending)
    return "good" if whole and status.stacks >= int(ended.get("planned", 0)) else "fair"


def _summary(told: Told) -> str:
    status, ended = told.reader.status(), told.ended
    planned = ended.get("planned") or told.begun.get("stacks") or status.stacks
    said = [
        f"{_end(told)} {status.stacks} of {counted(int(planned), 'planned stack')} stored"
        + (f", {counted(status.frames_lost, 'frame')} lost" if status.frames_lost else "")
        + "."
    ]
    masks = (
        (status.segmented_live, "while recording"),
        (status.segmented_later, "afterwards"),
        (status.failed, "failed"),
        (status.pending, "not yet"),
    )
    words = ", ".join(f"{count} {how}" for count, how in masks if count)
    if told.begun.get("package") or status.segmented_live:
        said.append(f"Masks: {words or 'none'}.")
    p50 = (ended.get("latency_s") or {}).get("p50")
    if p50 is not None:
        p95 = ended["latency_s"]["p95"]
        said.append(
            f"They were on disk {p50:.1f} s after the last plane (95 % within {p95:.1f} s)."
        )
    return " ".join(said)


def _end(told: Told) -> str:
    if not told.ended:
        return "This session did not come to its end: it was interrupted, or still runs."
    error, stopped = told.ended.get("error"), told.ended.get("stopped")
    if error:
        return f"It ended early: {error.get('what', error)}."
    return f"It was stopped: {stopped}." if stopped else "It came to its end."


def _facts(told: Told) -> Iterator[tuple[str, str]]:
    begun = told.begun
    yield "when", _when(told)
    yield "microscope", ", ".join(str(begun[k]) for k in ("microscope", "camera") if begun.get(k))
    yield "objective", str((told.settings.get("microscope") or {}).get("objective") or "")
    yield "sample", _sample(told.settings.get("sample"))
    yield "stacks", _stacks(begun)
    yield "calibration", _calibration(begun)
    yield "camera correction", str((begun.get("camera_correction") or {}).get("name") or "none")
    yield "networks", _networks(told)
    yield "validation record", _validation(begun)
    yield "rules", _rules(begun)
    yield "written by", f"livesr {begun.get('livesr', '')}"
    yield "folder", told.folder.absolute().name


def _when(told: Told) -> str:
    if not told.entries:
        return ""
    began, last = (
        datetime.fromisoformat(str(told.entries[k]["time"])).astimezone() for k in (0, -1)
    )
    took = (last - began).total_seconds()
    return f"{began:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} ({span(took)}); " + (
        f"{span(told.end_s)} of session time"
    )


def _sample(sample: Any) -> str:
    if not isinstance(sample, dict):
        return ""
    return ", ".join(f"{key}: {value}" for key, value in sample.items() if value)


def _stacks(begun: Mapping[str, Any]) -> str:
    shape = begun.get("stack_shape_czyx")
    if not shape:
        return ""
    every = begun.get("interval_s")
    return (
        f"{' × '.join(map(str, shape))} (c z y x), {begun.get('pixel_um', 0):.4g} µm pixels, "
        f"{begun.get('z_step_um', 0):g} µm steps, channels {', '.join(begun.get('channels', ()))}"
        + (f", every {every:g} s" if every else "")
        + (f", {begun['positions']} positions" if begun.get("positions", 1) > 1 else "")
    )


def _calibration(begun: Mapping[str, Any]) -> str:
    name = str(begun.get("calibration", ""))
    measured = begun.get("calibration_measured") or {}
    errors = [
        f"{channel} ±{number(one['error_nm']['xy'])} nm in xy, ±{number(one['error_nm']['z'])} nm "
        "in z"
        for channel, one in measured.items()
        if isinstance(one, dict) and isinstance(one.get("error_nm"), dict)
        and None not in one["error_nm"].values()
    ]  # fmt: skip
    return f"{name}: {'; '.join(errors)}" if errors else name


def _networks(told: Told) -> str:
    ready = told.of(Event.SEGMENTER_STARTED)
    engine = f" on {ready[-1].get('device') or ready[-1].get('engine')}" if ready else ""
    package = told.begun.get("package")
    return f"{package}{engine}" if package else "none: raw data only"


def _validation(begun: Mapping[str, Any]) -> str:
    name = str(begun.get("validation", "none"))
    checked = begun.get("validated") or ()
    return f"{name}: {', '.join(checked)}" if checked else name


def _rules(begun: Mapping[str, Any]) -> str:
    names = begun.get("rules") or ()
    if not names:
        return ""
    acts = "they act" if begun.get("rules_act") else "shadow: they only say what they would do"
    return f"{', '.join(map(str, names))} ({acts})"
